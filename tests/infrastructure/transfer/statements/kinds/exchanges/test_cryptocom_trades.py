"""Trades of Crypto.com: contracts and spot, fees that are paid below zero, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.cryptocom_trades import CRYPTOCOM_TRADES
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of, words

Row = dict[str, Any]


def trade(**more: Any) -> Row:
    return {
        "account_id": "88888888",
        "event_date": "2024-01-05",
        "journal_type": "TRADING",
        "traded_quantity": "0.0500",
        "traded_price": "26347.16",
        "fees": "-1.02",
        "order_id": "18342311",
        "trade_id": "6142909898247428343",
        "client_oid": "c5f682ed",
        "taker_side": "TAKER",
        "side": "BUY",
        "instrument_name": "BTCUSD-PERP",
        "fee_instrument_name": "USD",
        "create_time": 1704476468851,
        "create_time_ns": "1704476468851524373",
        **more,
    }


def told(*rows: Row) -> list[str]:
    return [words(fact) for fact in facts_of(json.dumps(rows), CRYPTOCOM_TRADES, Whose("cryptocom"))]


def test_a_trade_is_in_the_base_and_its_fee_was_paid() -> None:
    (fact,) = told(trade())
    assert fact == (
        "1: 2024-01-05T17:41:08.851524Z BTCUSD.cryptocom buys 0.05 at 26347.16, fee 1.02 USD, profit unknown, "
        "trade 6142909898247428343 of order 18342311"
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"side": "SELL"}, " sells 0.05 at"),
        ({"fees": "0.5"}, ", fee -0.5 USD,"),
        ({"fees": "0"}, ", fee 0 USD,"),
        ({"instrument_name": "BTC_USD", "fees": "-0.0001", "fee_instrument_name": "BTC"}, ":SPOT buys 0.05"),
        ({"instrument_name": "CRO_USDT", "fee_instrument_name": "CRO"}, "CROUSDT.cryptocom:SPOT buys"),
        ({"instrument_name": "BTCUSD-260327"}, " BTCUSD-260327.cryptocom buys"),
        ({"create_time_ns": None}, " 2024-01-05T17:41:08.851000Z "),
    ],
)
def test_what_a_trade_says(more: Row, says: str) -> None:
    (fact,) = told(trade(**more))
    assert says in fact


def test_a_warrant_is_left_out() -> None:
    assert told(trade(instrument_name="BTCUSD-240927-CW65000"), trade()) == [told(trade())[0].replace("1: ", "2: ", 1)]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"journal_type": "LIQUIDATION_FEE"}, "journal_type 'LIQUIDATION_FEE' is unknown; known are: TRADING"),
        ({"traded_quantity": "0"}, "traded_quantity"),
        ({"side": "BOTH"}, "side"),
        ({"order_id": ""}, "order_id"),
    ],
)
def test_what_is_not_known_is_refused(more: Row, why: str) -> None:
    with pytest.raises(StatementRefused, match=f"line 2: .*{why}"):
        told(trade(), trade(**more))


def test_two_accounts_are_not_netted() -> None:
    with pytest.raises(StatementRefused, match="line 2: account_id '9' is another account than '88888888' before"):
        told(trade(), trade(account_id="9"))


def test_an_answer_a_message_of_the_stream_and_a_table_are_known() -> None:
    answer = {"id": 1, "method": "private/get-trades", "code": 0, "result": {"data": [trade()]}}
    message = {"id": 1, "method": "subscribe", "code": 0, "result": {"subscription": "user.trade", "data": [trade()]}}
    table = ",".join(trade()) + "\n" + ",".join(map(str, trade().values())) + "\n"
    for text in (json.dumps(answer), json.dumps(message), table):
        assert kind_of(text) == "cryptocom-trades"
