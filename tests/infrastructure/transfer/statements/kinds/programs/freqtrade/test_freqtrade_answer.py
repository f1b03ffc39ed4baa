"""Trades of freqtrade as its own interface answers them: they come to what its database says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_answer import FREQTRADE_ANSWER
from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_database import FREQTRADE_DATABASE
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of, words
from tests.infrastructure.transfer.statements.test_samples import FOLDER, data_of

ANSWER = json.loads((FOLDER / "freqtrade-trades.json").read_text(encoding="utf-8"))
SHORT, SPOT, OPEN = ANSWER["trades"]


def answer_of(*trades: dict[str, Any]) -> str:
    return json.dumps({"trades": list(trades), "trades_count": len(trades), "offset": 0, "total_trades": 9})


def books_of(*trades: dict[str, Any]) -> list[str]:
    return booked(answer_of(*trades), FREQTRADE_ANSWER, Whose())


def without_line(facts: list[StatementFact]) -> list[str]:
    return [words(fact).partition(": ")[2] for fact in facts]


def test_it_says_what_the_database_says_under_the_same_ids() -> None:
    database = facts_of(data_of(FOLDER / "freqtrade-database.sql"), FREQTRADE_DATABASE, Whose())
    assert without_line(facts_of(json.dumps(ANSWER), FREQTRADE_ANSWER, Whose())) == without_line(database)


def test_its_profit_is_that_of_freqtrade() -> None:
    assert books_of(SHORT) == [
        "ETHUSDT.binance#1 short closed holds 0: earned 40, net 39.438, fees 0.542, funding -0.02"
    ]


def test_a_list_of_what_is_open_and_pages_that_overlap_are_read() -> None:
    assert kind_of(json.dumps([OPEN])) == "freqtrade-trades"
    opened = "ADAUSDT.binance#1 long entry_placed holds 100: earned 0, net -0.025, fees 0.025"
    assert booked(json.dumps([OPEN]), FREQTRADE_ANSWER, Whose()) == [opened]
    pages = f"{answer_of(OPEN, SHORT)}\n{answer_of(SHORT, OPEN)}"
    assert booked(pages, FREQTRADE_ANSWER, Whose()) == books_of(OPEN, SHORT)
    assert booked(answer_of(), FREQTRADE_ANSWER, Whose()) == []


def order(side: str, name: str, price: float, at: int, **more: Any) -> dict[str, Any]:
    plain = {"order_id": name, "ft_order_side": side, "safe_price": price, "average": round(price, 8), "filled": 1000.0}
    return plain | {"amount": 1000.0, "is_open": False, "order_filled_timestamp": 1773739452000 + at} | more


def test_a_price_is_not_the_average_that_is_rounded_to_eight_decimals() -> None:
    orders = [order("sell", "2", 0.000012348, 5), order("buy", "1", 0.000012344, 1)]
    (told,) = books_of(SPOT | {"pair": "PEPE/USDT", "base_currency": "PEPE", "orders": orders, "fee_close": 0.0})
    assert "#1 long closed holds 0: earned 0.000004, net" in told, "1000 times 0.000000004; by averages it were nothing"


def test_an_order_that_is_open_or_filled_nothing_is_left_out() -> None:
    running = order("sell", "9", 0.6, 9, is_open=True, filled=10.0), order("buy", "8", 0.4, 1, filled=None)
    assert books_of(OPEN | {"orders": [*OPEN["orders"], *running]}) == books_of(OPEN)


def test_a_closed_trade_without_orders_has_its_rates() -> None:
    trade = SHORT | {"orders": [], "amount": 0.2, "open_rate": 2100.0, "close_rate": 1900.0, "funding_fees": 0.0}
    told = books_of(OPEN, trade)
    assert any(cycle.startswith("ETHUSDT.binance#1 short closed holds 0: earned 40, net ") for cycle in told)


def test_what_cannot_be_read_is_refused_with_its_trade() -> None:
    wrong = SHORT | {"orders": [SHORT["orders"][0] | {"order_filled_timestamp": "soon"}]}
    with pytest.raises(StatementRefused, match=r"^line 2: order_filled_timestamp 'soon' is no time"):
        books_of(OPEN, wrong)
    with pytest.raises(StatementRefused, match=r"^line 1: exchange is missing"):
        books_of(SHORT | {"exchange": None})
