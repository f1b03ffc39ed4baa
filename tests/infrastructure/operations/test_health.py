"""What a question asks of the health of a ledger: which cycles, and what breaks a silence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import PositionAlreadyOpen
from infrastructure.exchanges.document import read_snapshot
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.health import Question, examine
from position_ledger.testing import Clock, memory_ledger
from projections.health.checks import Check
from projections.reconciliation.result import ReconciliationRules

QUIET = timedelta(minutes=30)
ENTRY: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "61"}


def found(ledger: PositionLedger, clock: Clock, check: Check, **asked: Any) -> list[str]:
    question = Question(now=clock(), age=timedelta(hours=1), rules=ReconciliationRules(), verifies=False, **asked)
    return [symptom.subject for symptom in examine(ledger, question).section(check).symptoms]


def test_a_refused_duplicate_breaks_a_silence_as_an_event_does() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        ledger.request_entry(symbol="APTUSDT", **ENTRY, intent_id="1")
        clock.tick(1_801)
        assert found(ledger, clock, Check.SILENCE, quiet=QUIET) == ["ledger"]
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(symbol="APTUSDT", **ENTRY, intent_id="2")
        clock.tick(1_799)
        assert found(ledger, clock, Check.SILENCE, quiet=QUIET) == []
        clock.tick(2)
        assert found(ledger, clock, Check.SILENCE, quiet=QUIET) == ["ledger"]


def test_a_snapshot_is_compared_in_what_is_asked_for_alone() -> None:
    clock = Clock()
    shown = read_snapshot(
        b'{"exchange": "binance", "timestamp": "2025-10-22T18:50:40Z", "orders": [], "positions": ['
        b'{"symbol": "APT/USDT:USDT", "side": "short", "contracts": "61", "entryPrice": "3.2"},'
        b'{"symbol": "SUI/USDT:USDT", "side": "short", "contracts": "61", "entryPrice": "3.2"}]}'
    )
    with memory_ledger(clock) as ledger:
        every = found(ledger, clock, Check.EXCHANGE, snapshots=[shown])
        of_one = found(ledger, clock, Check.EXCHANGE, snapshots=[shown], takes=lambda each: each.symbol == "SUIUSDT")
    assert {"APTUSDT.binance", "SUIUSDT.binance"} <= {*every}
    assert {*every} - {*of_one} == {"APTUSDT.binance"}
