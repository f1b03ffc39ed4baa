"""A size of Gate says the side, and what a fill closed says whether it is of two legs."""

from __future__ import annotations

import json

import pytest

from infrastructure.transfer.statements.kinds.exchanges.gate_trades import GATE_TRADES
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, kind_of, words


def told(**more: object) -> list[str]:
    trade = {
        "id": 1,
        "create_time": 1773739452.361,
        "contract": "BTC_USDT",
        "order_id": "2",
        "size": -10,
        "price": "50000",
        "role": "taker",
        "fee": "0.03",
    }
    facts = facts_of(json.dumps([trade | more]), GATE_TRADES, Whose(exchange="gate"))
    return [words(fact).partition("BTCUSDT.gate ")[2] for fact in facts]


def test_what_it_closed_is_what_the_trade_says_of_it() -> None:
    sold = "sells 10 at 50000, fee 0.03 USDT, profit unknown, trade 1 of order 2, in contracts of unknown"
    assert told() == [sold]
    assert told(close_size=-4) == [f"{sold}, closes 4, of no leg that is named"]


def test_points_are_paid_beside_the_fee() -> None:
    assert told(fee="0", point_fee="0.5")[1] == "commission -0.5 POINT, id 2:1:POINT"


def test_an_answer_by_time_calls_the_id_of_a_trade_otherwise() -> None:
    named = ("contract", "create_time", "order_id", "size", "price", "role", "fee")
    by_time = [{"trade_id": "1", **dict.fromkeys(named, "")}]
    assert kind_of(json.dumps(by_time)) == GATE_TRADES.name
    assert GATE_TRADES.missing(file_of(json.dumps(by_time)).start) == []
    assert told(id=None, trade_id="1") == told()


def test_nothing_is_no_size() -> None:
    with pytest.raises(StatementRefused, match="line 1: size '0' is not a traded quantity"):
        told(size=0)
