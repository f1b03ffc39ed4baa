"""The result of a backtest of freqtrade, also where its orders are not all of a trade, or more than that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.programs.freqtrade_backtest import FREQTRADE_BACKTEST
from infrastructure.transfer.statements.statement_fill import StatementRefused
from infrastructure.transfer.statements.statement_kind import Whose
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER

SAMPLE = json.loads((FOLDER / "freqtrade-backtest.json").read_text(encoding="utf-8"))
TRADE = SAMPLE["strategy"]["Sample"]["trades"][0]
NET = "ETHUSDT.binance#1 long closed holds 0: earned 5, net 3.9775, fees 1.0025, funding -0.02"
OPEN = {
    "amount": 0.5,
    "safe_price": 1900.0,
    "ft_order_side": "buy",
    "order_filled_timestamp": None,
    "ft_is_entry": True,
}


def books_of(**changed: Any) -> list[str]:
    text = json.dumps({"strategy": {"Sample": SAMPLE["strategy"]["Sample"] | {"trades": [TRADE | changed]}}})
    assert kind_of(text) == "freqtrade-backtest"
    return booked(text, FREQTRADE_BACKTEST, Whose("binance"))


def test_its_profit_is_that_of_freqtrade() -> None:
    assert books_of() == [NET]
    assert TRADE["profit_abs"] == 3.9775


def test_an_order_that_was_not_filled_is_left_out() -> None:
    assert books_of(orders=[TRADE["orders"][0], OPEN, TRADE["orders"][1]]) == [NET]
    with pytest.raises(StatementRefused, match="line 1: trade 1: has no order that was filled"):
        books_of(orders=[OPEN])


def test_a_trade_of_before_orders_were_listed_has_its_two_rates() -> None:
    assert books_of(orders=[]) == [NET]
    assert books_of(orders=[], is_short=True)[0].startswith("ETHUSDT.binance#1 short closed holds 0: earned -5, net -6")
