"""A primary and its standby: which may be written to, which may be followed, and what a failover leaves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.connections import Backend, Connections
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from tests.infrastructure.event_store.postgres.load import eventually, logged
from tests.infrastructure.event_store.postgres.server import Server, ServerFolder
from tests.infrastructure.event_store.postgres.test_followers import following

ENTRY: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "61.8", "intent_id": "1"}
_symbols = count(1)


@pytest.fixture(scope="module")
def primary(own_server: Server) -> Server:
    with PositionLedger.connect(own_server.url()) as ledger:
        record(ledger)
    return own_server


@pytest.fixture(scope="module")
def standby(place: ServerFolder, primary: Server) -> Iterator[Server]:
    standby = place.standby(primary)
    yield standby
    standby.stop()


def record(ledger: PositionLedger) -> bool:
    try:
        ledger.request_entry(symbol=f"S{next(_symbols)}USDT", **ENTRY)
    except StoreUnavailable:
        return False
    return True


def either(*servers: Server) -> str:
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://postgres@{hosts}/postgres?timeout=2"


def test_a_standby_refuses_to_write_and_to_be_read_without_a_follower(standby: Server) -> None:
    with PositionLedger.connect(standby.url()) as ledger:
        with pytest.raises(StoreUnavailable, match=r"is a standby, and nothing is decided there.* nothing was written"):
            ledger.request_entry(symbol="OTHERUSDT", **ENTRY)
        with pytest.raises(StoreUnavailable, match="is a standby, where the log may still have gaps"):
            ledger.store.high_water_mark()


def test_the_host_that_can_be_written_is_found(primary: Server, standby: Server) -> None:
    url = f"{either(standby, primary)}&target_session_attrs=read-write"
    with PositionLedger.connect(url) as ledger:
        assert record(ledger)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        PositionLedger.connect(f"{either(standby)}&target_session_attrs=read-write")


def test_a_standby_does_not_settle_what_became_of_an_append(primary: Server, standby: Server) -> None:
    """What was committed may not have arrived there yet: not to find it there means nothing."""
    connections = Connections(Settings.read(primary.url()))
    with connections.borrowed() as connection:
        backend = connections.backend(connection)
    connections.close()
    assert isinstance(backend, Backend)
    for server, expected in ((standby, False), (primary, True)):
        with psycopg.connect(server.url(), autocommit=True) as connection:
            eventually(lambda: connections.is_over(connection, backend) is expected)  # noqa: B023 - called now


def test_a_failover_loses_and_doubles_nothing_that_had_arrived(primary: Server, standby: Server) -> None:
    url = f"{either(primary, standby)}&target_session_attrs=read-write"
    with PositionLedger.connect(url) as ledger, following(url) as one:
        record(ledger)
        before = logged(primary.url())
        eventually(lambda: one.seen == before == logged(standby.url()))
        primary.stop("immediate")
        try:
            standby.promote()
            eventually(lambda: record(ledger))
            assert record(ledger)
            eventually(lambda: one.seen == logged(standby.url()))
        finally:
            primary.start()
        assert one.seen[: len(before)] == before
        assert len(one.seen) == len(before) + 2
