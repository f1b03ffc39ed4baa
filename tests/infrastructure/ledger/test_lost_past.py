"""A database that was set back under a running ledger: no event is written after the gap, and every reader is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.commands.requests import RecordEntryFill, RequestEntry
from domain.errors import NothingToRollBack, PastLost, StoreUnavailable
from infrastructure.event_store.codec import encode
from infrastructure.event_store.vocabulary.append_conflicts import VersionTaken
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
FIRST = "APTUSDT.binance#1"
TABLES = ("ledger_events", "positions", "positions_orders")

SetBack = Callable[[], None]


def keep_file(url: str) -> SetBack:
    """A copy of a file, and what writes it back into the same file while others have that open."""
    path = Path(url.removeprefix("sqlite:///").partition("?")[0])
    copy = path.with_name("copy.db")
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(copy)) as kept:
        now.backup(kept)

    def set_back() -> None:
        with closing(sqlite3.connect(copy)) as kept, closing(sqlite3.connect(path)) as now:
            kept.backup(now)

    return set_back


def keep_tables(url: str) -> SetBack:
    """The rows of now, and what leaves nothing else, as a restore would."""
    with psycopg.connect(url) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}".encode())

    def set_back() -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger refuses
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}".encode())
                override = "OVERRIDING SYSTEM VALUE" if table == "ledger_events" else ""
                connection.execute(f"INSERT INTO {table} {override} SELECT * FROM kept_{table}".encode())

    return set_back


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        yield ledger


@pytest.fixture
def set_back(ledger: PositionLedger, ledger_url: str, request: pytest.FixtureRequest) -> SetBack:
    """Lose all that was recorded after the first event."""
    del ledger
    return keep_file(ledger_url) if "sqlite" in ledger_url else keep_tables(request.getfixturevalue("postgres_url"))


def fill(ledger: PositionLedger, number: int) -> Receipt:
    return ledger.record_entry_fill(
        position_id=FIRST, trade_id=f"t{number}", last_qty="1", last_px="3.2", command_id=f"fill-{number}"
    )


def commands(ledger: PositionLedger) -> list[str]:
    return [entry.event.command_id for entry in ledger.history(FIRST)]


def test_the_next_command_is_decided_on_what_is_left(ledger: PositionLedger, set_back: SetBack) -> None:
    fill(ledger, 1)
    set_back()
    receipt = fill(ledger, 2)
    assert (receipt.outcome, receipt.version, commands(ledger)) == ("recorded", 2, ["c-1", "fill-2"])
    assert ledger.position(FIRST).filled_qty == 1
    assert verify(ledger.store).ok


def test_what_is_refused_on_what_is_left_has_written_no_row_either(ledger: PositionLedger, set_back: SetBack) -> None:
    fill(ledger, 1)
    set_back()
    with pytest.raises(NothingToRollBack):
        ledger.start_rollback(position_id=FIRST, reason="no stop")
    row = ledger.position(FIRST)
    assert (row.status.value, row.version) == ("pending_entry", 1) and not row.filled_qty
    assert verify(ledger.store).ok


def test_what_somebody_else_wrote_in_its_place_is_followed(
    ledger: PositionLedger, set_back: SetBack, ledger_url: str
) -> None:
    fill(ledger, 1)
    set_back()
    with PositionLedger.connect(ledger_url) as other:
        fill(other, 2)
    assert fill(ledger, 3).version == 3
    assert commands(ledger) == ["c-1", "fill-2", "fill-3"]
    assert verify(ledger.store).ok


def test_a_command_whose_event_was_lost_is_recorded_again(ledger: PositionLedger, set_back: SetBack) -> None:
    assert [fill(ledger, 1).outcome for _ in range(2)] == ["recorded", "replayed"]
    set_back()
    assert [fill(ledger, 1).outcome for _ in range(2)] == ["recorded", "replayed"]
    assert verify(ledger.store).ok


def test_a_batch_is_not_answered_from_what_was_lost(ledger: PositionLedger, set_back: SetBack) -> None:
    told = {"trade_id": "t1", "last_qty": "1", "last_px": "3.2", "command_id": "fill-1"}
    batch = [
        RequestEntry.of(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="2", command_id="c-2"),
        RecordEntryFill.of(position_id=FIRST, **told),
    ]

    def outcomes() -> list[str]:
        return [answer.outcome for answer in ledger.handle_many(batch) if isinstance(answer, Receipt)]

    assert (outcomes(), outcomes()) == (["recorded", "recorded"], ["replayed", "replayed"])
    set_back()
    assert (outcomes(), outcomes()) == (["recorded", "recorded"], ["replayed", "replayed"])
    assert verify(ledger.store).ok


def test_a_batch_is_not_written_behind_a_hole(ledger: PositionLedger, set_back: SetBack) -> None:
    """More events than one statement appends."""
    fill(ledger, 1)
    stale = ledger._cache.load("APTUSDT.binance")
    for number in range(2, 12):
        fill(ledger, number)
    records = [encode(entry.event) for entry in ledger.history(FIRST)][2:]
    set_back()
    for some in (records, records[:2]):
        with pytest.raises(VersionTaken):
            ledger.store.insert_events(some, heads={"APTUSDT.binance": stale.head})
    assert commands(ledger) == ["c-1"]
    assert verify(ledger.store).ok


@pytest.mark.parametrize("goes_on", [True, False], ids=["goes-on", "begins-again"])
def test_a_follower_whose_past_was_lost_stops_and_says_so(
    ledger: PositionLedger, set_back: SetBack, *, goes_on: bool
) -> None:
    news = ledger.subscribe(patience_seconds=5)
    assert next(news).event.command_id == "c-1"
    fill(ledger, 1)
    seen = next(news)
    set_back()
    if not goes_on:
        news = ledger.subscribe(after=seen.nid, after_hash=seen.hash)
    for number in (2, 3):
        with pytest.raises(PastLost, match="is lost: "):
            next(news)
        fill(ledger, number)
    news = ledger.subscribe(timeout_seconds=0)
    assert [entry.event.command_id for entry in news] == ["c-1", "fill-2", "fill-3"]


def test_a_follower_without_the_hash_notices_that_the_log_is_shorter(ledger: PositionLedger, set_back: SetBack) -> None:
    fill(ledger, 1)
    last = list(ledger.subscribe(timeout_seconds=0))[-1]
    assert list(ledger.subscribe(after=last.nid, timeout_seconds=0)) == []
    set_back()
    with pytest.raises(PastLost, match="the log ends at nid"):
        next(ledger.subscribe(after=last.nid))


def test_a_follower_whose_past_is_there_goes_on(ledger: PositionLedger) -> None:
    (first,) = ledger.subscribe(timeout_seconds=0)
    fill(ledger, 1)
    news = list(ledger.subscribe(after=first.nid, after_hash=first.hash, timeout_seconds=0))
    assert [entry.event.command_id for entry in news] == ["fill-1"]


def test_a_file_under_the_name_that_is_another_is_still_refused(tmp_path: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        (tmp_path / "ledger.db").rename(tmp_path / "before.db")
        with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db"), pytest.raises(StoreUnavailable):
            fill(ledger, 1)
