"""What of a ledger is compared with an account: also what is held in cycles that are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from infrastructure.exchanges.document import read_snapshot
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.account_correction import reconciled
from position_ledger.testing import Clock, memory_ledger
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.result import ReconciliationRules

APT: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short"}
FIRST, SECOND = "APTUSDT.binance#1", "APTUSDT.binance#2"


def leave_a_stray(ledger: PositionLedger) -> None:
    """A fill of an entry that had failed, told while another cycle was open; that one is closed."""
    ledger.request_entry(**APT, quantity="4", intent_id="1")
    ledger.record_entry_placed(position_id=FIRST, exchange_order_id="9")
    ledger.fail_entry(position_id=FIRST, outcome="canceled", reason="not filled in time")
    ledger.request_entry(**APT, quantity="10", intent_id="2")
    ledger.record_entry_placed(position_id=SECOND, exchange_order_id="10", filled_qty="10", avg_px="3.2")
    ledger.record_entry_fill(position_id=FIRST, trade_id="t9", last_qty="4", last_px="3.2", exchange_order_id="9")
    ledger.close(position_id=SECOND, exit_reason="target", avg_px_close="3.1")


def flat(at: datetime) -> AccountSnapshot:
    return read_snapshot(
        b'{"exchange": "binance", "positions": [], "orders": [], "timestamp": "%b"}' % at.isoformat().encode()
    )


def test_a_stray_that_is_gone_is_closed_though_its_instrument_was_defined_after_it() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        leave_a_stray(ledger)
        ledger.define_instrument(symbol="APTUSDT", exchange="binance", contract_size="1")
        clock.tick(600)
        shown = [flat(clock() - timedelta(seconds=ago)) for ago in (60, 20)]
        rules = ReconciliationRules(trust_empty=True)
        (found,) = reconciled(ledger, shown, now=clock(), rules=rules, reason="looked it up")
        assert [each.is_done for each in found.applied] == [True]
        assert found.ok and not ledger.position(FIRST).stray
