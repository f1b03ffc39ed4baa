"""The profit of cycles: by currency, and never a number if it is not known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands.base import Command
from domain.commands.requests import Adopt, Close, Reduce
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.statistics_projection import statistics
from projections.metrics.profit import by_currency
from projections.metrics.statistics import MeasuredWindow, Statistics
from projections.positions import PositionRow
from tests.month import DOGE, ETH, STRAY, live_a_month
from tests.spec import given, on, second

NOW = second(7200)
SUMS = ("currency", "cycles", "unknown", "realized_pnl", "fees", "fees_other", "cash", "net_pnl")


@pytest.fixture
def measured(ledger_url: str) -> Statistics:
    with PositionLedger.connect(ledger_url) as ledger:
        live_a_month(ledger)
        return statistics(ledger.store, MeasuredWindow(second(0), NOW), now=NOW)


def test_amounts_of_two_currencies_are_never_added(measured: Statistics) -> None:
    assert [{name: each.as_json()[name] for name in SUMS} for each in measured.profit] == [
        {
            "currency": "BTC",
            "cycles": 1,
            "unknown": 0,
            "realized_pnl": "0.005",
            "fees": "0.00001",
            "fees_other": {},
            "cash": {},
            "net_pnl": "0.00499",
        },
        {
            "currency": "USDT",
            "cycles": 2,
            "unknown": 0,
            "realized_pnl": "460.00995",
            "fees": "2",
            "fees_other": {"BNB": "0.01"},
            "cash": {"rebate BNB": "0.2"},
            "net_pnl": None,
        },
    ]


def test_what_is_unprotected_by_choice_is_counted_apart(measured: Statistics) -> None:
    assert measured.by_choice_now == (DOGE,)
    assert DOGE not in measured.unprotected_now and {STRAY, "ETHUSDT.bybit#2"} <= {*measured.unprotected_now}
    assert measured.never_protected == 2, "V2X twice: the bot of DOGE keeps its stop itself"
    longest = next(each for each in measured.criteria if each.name == "unprotected_longest_seconds")
    assert DOGE not in longest.offenders and ETH in longest.offenders


def closed(*sent: Command) -> PositionRow:
    adopted = Adopt.of(symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="3", reason="seen")
    return given(adopted, *sent).rows["APTUSDT.binance#1"]


def test_a_profit_that_is_not_known_is_counted_and_not_added() -> None:
    known = closed(on(Reduce, trade_id="x", last_qty="10", last_px="4"), on(Close, exit_reason="target"))
    unknown = closed(on(Close, exit_reason="phantom"))
    (both,) = by_currency([known, unknown])
    assert (both.cycles, both.unknown, both.realized_pnl, both.net_pnl) == (2, 1, Decimal(10), None)
    (one,) = by_currency([known])
    assert (one.unknown, one.net_pnl) == (0, Decimal(10))
    assert by_currency([]) == ()
