"""What Bybit closed at averages that do not end: the fee that follows from them is one that can be kept."""

from __future__ import annotations

import json
from decimal import Decimal

from infrastructure.transfer.statements.kinds.exchanges.bybit_closed import BYBIT_CLOSED
from infrastructure.transfer.statements.statement_import import import_statement
from infrastructure.transfer.statements.statement_kind import Whose
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.statement_text import facts_of


def test_averages_of_many_decimals_come_to_a_fee_that_is_kept() -> None:
    line = {
        "symbol": "ETHUSDT",
        "side": "Sell",
        "closedSize": "0.07",
        "avgEntryPrice": "2000.333333333333333333",
        "avgExitPrice": "2010.666666666666666667",
        "closedPnl": "0.58",
        "updatedTime": "1773739452000",
    }
    facts = facts_of(json.dumps([line]), BYBIT_CLOSED, Whose("bybit"))
    with memory_ledger() as ledger:
        import_statement(ledger, BYBIT_CLOSED.name, facts, confirm=True)
        (row,) = ledger.positions()
    assert row.net_pnl is not None
    assert abs(row.net_pnl - Decimal("0.58")) < Decimal("1e-17")
