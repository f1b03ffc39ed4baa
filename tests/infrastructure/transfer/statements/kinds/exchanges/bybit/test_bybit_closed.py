"""What Bybit closed at averages that do not end: the fee that follows from them is one that can be kept."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_closed import BYBIT_CLOSED, BYBIT_CLOSED_CSV
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.one_file import import_statement
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


def typed(side: str, entry: str, exit_price: str, profit: str) -> str:
    return (
        "Contracts,Trade Type,Qty,Entry Price,Filled Price,Realized P&L,Exit Type,Filled/Settlement Time(UTC+0),Create "
        f"Time\nETHUSDT,{side},1,{entry},{exit_price},{profit},Trade,12:00 2026-03-17,11:58 2026-03-17\n"
    )


@pytest.mark.parametrize(
    ("side", "profit", "cycle"),
    [
        ("SELL", "97.8", "ETHUSDT.bybit#1 long closed holds 0: earned 100, net 97.8, fees 2.2"),
        ("BUY", "-102.2", "ETHUSDT.bybit#1 short closed holds 0: earned -100, net -102.2, fees 2.2"),
        ("SELL", "100.5", "ETHUSDT.bybit#1 long closed holds 0: earned 100, net 100.5, fees -0.5"),
    ],
)
def test_the_type_of_a_trade_is_the_side_that_closed(side: str, profit: str, cycle: str) -> None:
    assert booked(typed(side, "2000", "2100", profit), BYBIT_CLOSED_CSV, Whose("bybit")) == [cycle]


@pytest.mark.parametrize(("side", "profit"), [("BUY", "97.8"), ("SELL", "-102.2")])
def test_a_side_that_what_was_earned_contradicts_is_refused(side: str, profit: str) -> None:
    why = rf"line 2: realized p&l {profit} does not follow from the prices: what a {side.lower()} closed earned -?100"
    with pytest.raises(StatementRefused, match=why):
        booked(typed(side, "2000", "2100", profit), BYBIT_CLOSED_CSV, Whose("bybit"))


def sided(side: str, profit: str) -> str:
    return (
        "Contracts,Closing Direction,Qty,Entry Price,Exit Price,Closed P&L,Exit Type,Trade Time(UTC+0)\n"
        f"ETHUSDT,{side},1,2000,2100,{profit},Trade,2026-03-17 09:24:12\n"
    )


@pytest.mark.parametrize(
    ("side", "profit", "earned"), [("Buy", "97.8", "-100"), ("Close Short", "97.8", "-100"), ("Sell", "-102.2", "100")]
)
def test_a_direction_of_which_the_other_one_was_earned_is_refused(side: str, profit: str, earned: str) -> None:
    """Else it would be a rebate of 197.8, or a fee of 202.2, on 4100."""
    why = rf"line 2: closing direction '{side}' does not follow from the prices: by it {earned} were earned .*{profit} "
    with pytest.raises(StatementRefused, match=why):
        booked(sided(side, profit), BYBIT_CLOSED_CSV, Whose("bybit"))


def test_funding_of_a_position_that_was_held_long_is_no_contradiction() -> None:
    """75 of 4100 are more than fees, and no other side earned 25."""
    cycle = "ETHUSDT.bybit#1 long closed holds 0: earned 100, net 25, fees 75"
    assert booked(sided("Close Long", "25"), BYBIT_CLOSED_CSV, Whose("bybit")) == [cycle]
