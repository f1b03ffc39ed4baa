"""Index files that were altered: no event and no row has changed, but lookups by the index miss some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.integrity.verify import Verified, verify
from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.event_store.postgres.server import Server, ServerFolder
from tests.month import live_a_month

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "1"}
INDEXES = {
    "ledger_events_pkey": "ledger_events",
    "ledger_events_nid": "ledger_events",
    "ledger_events_intent": "ledger_events",
    "ledger_events_mark": "ledger_events",
    "positions_pkey": "positions",
    "positions_one_open": "positions",
    "positions_strays": "positions",
    "positions_orders_pkey": "positions_orders",
}
_PAGE = 8192
_PAGE_HEAD = 24
_ROW_OF_ENTRY = 4


@pytest.fixture(scope="module")
def server(place: ServerFolder) -> Server:
    """A server that goes on with a page whose checksum is wrong, as one without checksums does."""
    return place.server("ignore_checksum_failure = on")


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    server.do("CREATE DATABASE altered")
    url = server.url("altered")
    with PositionLedger.connect(url) as ledger:
        live_a_month(ledger)
        position_id = ledger.request_entry(**ENTRY, intent_id="first-intent").position_id
        ledger.fail_entry(position_id=position_id, reason="price limit", outcome="rejected")
        ledger.request_entry(**ENTRY, intent_id="second-intent")
    yield url
    server.do("DROP DATABASE altered WITH (FORCE)")


def verified(url: str) -> Verified:
    with PositionLedger.connect(url) as ledger:
        return verify(ledger.store)


@contextmanager
def at_rest(server: Server, index: str) -> Iterator[Path]:
    """The file of an index while nobody is at it."""
    ((path,),) = server.do(f"SELECT pg_relation_filepath('{index}')", database="altered")
    server.stop("fast")
    yield server.folder / path
    server.start()


def entries(file: bytearray) -> list[int]:
    """Where the entries of the first leaf stand, which is the second page; some are of rows as they were before."""
    end_of_pointers = int.from_bytes(file[_PAGE + 12 :][:2], "little")
    pointers = range(_PAGE + _PAGE_HEAD, _PAGE + end_of_pointers, 4)
    return [_PAGE + (int.from_bytes(file[pointer:][:2], "little") & 0x7FFF) for pointer in pointers]


def test_indexes_that_nobody_touched_are_looked_at_and_sound(url: str) -> None:
    assert (verified(url).findings, verified(url).unchecked) == ((), ())
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
    assert (verified(url).findings, verified(url).unchecked) == ((), ())


def test_an_empty_ledger_is_looked_at(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url):
        pass
    assert (verified(postgres_url).findings, verified(postgres_url).unchecked) == ((), ())


@pytest.mark.parametrize("index", INDEXES)
def test_entries_of_any_index_that_lead_elsewhere_are_found_and_named(url: str, server: Server, index: str) -> None:
    with at_rest(server, index) as file:
        altered = bytearray(file.read_bytes())
        for entry in entries(altered):
            altered[entry + _ROW_OF_ENTRY] ^= 1 << 6
        file.write_bytes(altered)
    words = [found.message for found in verified(url).findings if found.kind == "storage"]
    assert len(words) == 1 and re.match(rf"\d+ rows? of {INDEXES[index]} missing from index {index}: ", words[0]), words


def test_an_intent_that_its_index_lost_would_be_recorded_twice_and_is_found(url: str, server: Server) -> None:
    with at_rest(server, "ledger_events_intent") as file:
        file.write_bytes(file.read_bytes().replace(b"first-intent", b"girst-intent"))
    (found,) = verified(url).findings
    assert found.kind == "storage" and "REINDEX" in found.message
    assert found.message.startswith("1 row of ledger_events missing from index ledger_events_intent: ")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("REINDEX INDEX ledger_events_intent")
    assert verified(url).findings == ()
    with PositionLedger.connect(url) as ledger:
        assert ledger.request_entry(**ENTRY, intent_id="first-intent").outcome == "replayed"


def test_an_index_that_cannot_be_read_is_found(url: str, server: Server) -> None:
    with at_rest(server, "ledger_events_intent") as file:
        altered = bytearray(file.read_bytes())
        altered[_PAGE : _PAGE + 16] = b"\xff" * 16
        file.write_bytes(altered)
    (found,) = verified(url).findings
    assert found.kind == "storage" and found.message.startswith("ledger_events_intent: invalid page in block 1 ")


def test_an_index_by_which_nothing_is_looked_up_is_said_not_to_be_known(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP INDEX ledger_events_mark")
    assert verified(url).unchecked == ("index ledger_events_mark: this server does not use it for lookups",)
