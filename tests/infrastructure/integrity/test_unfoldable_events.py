"""Events that no command records: whoever may append can append one, and that blinds nobody."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import HistoryDamaged
from infrastructure.event_store.codec import encode
from infrastructure.event_store.records import EventRecord
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM
from tests.infrastructure.integrity.tampering import on_sqlite

KEY = "APTUSDT.binance"
POSITION = f"{KEY}#1"
OTHER = "BTCUSDT.binance#1"

ODD = pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        (b'"order":"entry"', b'"order":"nonsense"', "cannot be folded: KeyError('nonsense')"),
        (b'"order":"entry"', b'"order":"9"', "cannot be folded: KeyError('')"),
        (b'Z","ts_recorded"', b'+04:00","ts_recorded"', "is not in UTC"),
    ],
    ids=["no order", "a number", "another zone"],
)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol in ("APTUSDT", "BTCUSDT"):
            entry = ledger.request_entry(
                symbol=symbol, exchange="binance", side="long", quantity="10", intent_id="1"
            ).position_id
            ledger.record_entry_placed(position_id=entry, exchange_order_id="1", filled_qty="4", avg_px="3")
            ledger.set_stop_loss(position_id=entry, stop_price="2.5", exchange_order_id="2", activate=True)
            ledger.end_order(position_id=entry, exchange_order_id="1", outcome="canceled", reason="enough")
        yield ledger


def append(ledger: PositionLedger, was: bytes, becomes: bytes) -> None:
    """Append the end of the entry order once more, changed, with the hash that belongs to it."""
    *_, last = ledger.history(KEY)
    record = encode(last.event)
    assert was in record.state
    state, version = record.state.replace(was, becomes), record.originator_version + 1
    ledger.store.insert_events([EventRecord(KEY, version, record.topic, state, record.columns)])


@ODD
def test_verify_names_an_event_that_does_not_follow_and_looks_at_the_rest(
    ledger: PositionLedger, was: bytes, becomes: bytes, why: str
) -> None:
    append(ledger, was, becomes)
    report = verify(ledger.store)
    (found,) = [found for found in report.findings if found.kind == "event"]
    assert (found.where, report.streams, report.events) == (f"{KEY} version 6", 2, 11)
    assert why in found.message


@ODD
@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger: ledger.record_cash(position_id=POSITION, kind="funding", amount="1", cash_id="1"),
        lambda ledger: ledger.rebuild(),
        lambda ledger: ledger.position(POSITION, as_of="2100-01-01T00:00:00Z"),
        lambda ledger: ledger.position(POSITION, as_of="2100-01-01T00:00:00Z", by="event-time"),
    ],
    ids=["a command", "a rebuild", "the past", "the past by event time"],
)
def test_who_meets_an_event_that_does_not_follow_is_told_which_one(
    ledger: PositionLedger, was: bytes, becomes: bytes, why: str, ask: Callable[[PositionLedger], object]
) -> None:
    append(ledger, was, becomes)
    with PositionLedger(ledger.store) as fresh:
        with pytest.raises(HistoryDamaged) as damage:
            ask(fresh)
        assert f"{KEY} version 6" in damage.value.message
        assert why in damage.value.message
        assert fresh.record_cash(position_id=OTHER, kind="funding", amount="1", cash_id="1").outcome == "recorded"


def test_verify_finds_the_same_where_python_leaves_assertions_out(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        ledger.adopt(symbol="APTUSDT", exchange="binance", side="long", quantity="1", avg_px_open="3", reason="seen")
        ledger.close(position_id=POSITION, exit_reason="done")
    on_sqlite(str(file), "DELETE FROM ledger_events WHERE version = 1")

    def told(optimised: str) -> tuple[int, str]:
        words = [PROGRAM, "verify", "--database", f"sqlite:///{file}"]
        environment = {**os.environ, "PYTHONOPTIMIZE": optimised}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert told("2") == told("")
    assert "PositionClosed of a cycle that was never opened" in told("2")[1]
