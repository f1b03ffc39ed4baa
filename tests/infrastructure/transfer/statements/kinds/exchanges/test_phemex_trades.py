"""Trades of Phemex: plain and scaled numbers, legs by word or number, and what no order of the account made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kind_recognition import KINDS, telling_the_same
from infrastructure.transfer.statements.kinds.exchanges.phemex_trades import (
    PHEMEX_FUNDING,
    PHEMEX_LIST,
    PHEMEX_SCALED,
    PHEMEX_TRADES,
)
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of, words

Row = dict[str, Any]
NO_ORDER = "00000000-0000-0000-0000-000000000000"


def trade(**more: Any) -> Row:
    return {
        "transactTimeNs": 1669407633926215067,
        "symbol": "BTCUSDT",
        "currency": "USDT",
        "posSide": "Short",
        "side": "Sell",
        "tradeType": "Trade",
        "execQtyRq": "0.001",
        "execPriceRp": "16600",
        "execValueRv": "16.6",
        "execFeeRv": "0.00166",
        "closedSizeRq": "0",
        "execID": "5c3d",
        "orderID": "fcdf",
        **more,
    }


def listed(**more: Any) -> Row:
    return {
        "createdAt": 1666226932259,
        "symbol": "ETHUSDT",
        "currency": "USDT",
        "tradeType": 1,
        "execQtyRq": "0.01",
        "execPriceRp": "1271.9",
        "side": 1,
        "execValueRv": "12.719",
        "execFeeRv": "0.0012719",
        "execId": "8718cae",
        **more,
    }


def scaled(**more: Any) -> Row:
    return {
        "transactTimeNs": 1578026629824704800,
        "symbol": "BTCUSD",
        "currency": "BTC",
        "side": "Sell",
        "tradeType": "Trade",
        "execQty": 700,
        "execPriceEp": 71500000,
        "execValueEv": 9790209,
        "execFeeEv": -2447,
        "execID": "b016",
        "orderID": "b63b",
        **more,
    }


def fee(**more: Any) -> Row:
    row = {"symbol": "ETHUSDT", "currency": "USDT", "execQtyRq": "0.16", "side": "Buy", "fundingRateRr": "0.0001"}
    return {**row, "execFeeRv": "0.02116552", "createTime": 1671004800021, **more}


BARE = "profit unknown, trade b016 of order b63b"


def told(kind: StatementKind, row: Row) -> list[str]:
    return [
        words(fact).partition(": ")[2].replace("Z ", " ", 1)
        for fact in facts_of(json.dumps([row]), kind, Whose("phemex"))
    ]


def of_plain(**more: Any) -> str:
    (fact,) = told(PHEMEX_TRADES, trade(**more))
    return fact.partition(" ")[2]


def of_scaled(**more: Any) -> str:
    (fact,) = told(PHEMEX_SCALED, scaled(**more))
    return fact.partition(" ")[2]


def test_plain_numbers_are_units_and_dollars() -> None:
    (fact,) = told(PHEMEX_TRADES, trade())
    assert fact == (
        "2022-11-25T20:20:33.926215 BTCUSDT.phemex:SHORT sells 0.001 at 16600, fee 0.00166 USDT, profit unknown, "
        "trade 5c3d of order fcdf, closes 0"
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"posSide": "Long"}, "BTCUSDT.phemex:LONG sells"),
        ({"posSide": "Merged", "side": "Buy"}, "BTCUSDT.phemex buys"),
        ({"closedSizeRq": "0.0004"}, ", closes 0.0004"),
        ({"closedSizeRq": "7"}, ", closes 0.001"),
        ({"tradeType": "LiqTrade", "orderID": NO_ORDER}, "trade 5c3d of order 5c3d, by liquidation"),
        ({"tradeType": "AdlTrade", "orderID": ""}, "trade 5c3d of order 5c3d, by adl"),
        ({"tradeType": "Funding"}, "BTCUSDT.phemex:SHORT funding -0.00166 USDT, id 5c3d"),
        ({"tradeType": "Funding", "execFeeRv": "-2"}, "funding 2 USDT"),
    ],
)
def test_a_trade_says_its_leg_and_why(more: Row, says: str) -> None:
    assert says in of_plain(**more)


def test_the_list_says_it_in_numbers() -> None:
    (fact,) = told(PHEMEX_LIST, listed())
    assert fact.startswith("2022-10-20T00:48:52.259000 ETHUSDT.phemex buys 0.01 at 1271.9, fee 0.0012719 USDT")
    assert fact.endswith(", of no leg that is named")
    for number, leg in ((1, ":LONG"), (2, ":SHORT"), (3, "")):
        (fact,) = told(PHEMEX_LIST, listed(side=2, posSide=number, tradeType=7))
        assert f"ETHUSDT.phemex{leg} sells 0.01" in fact
        assert fact.endswith(", by adl")


def test_a_fee_in_the_coin_of_phemex_is_one() -> None:
    (fact,) = told(PHEMEX_LIST, listed(execFeeRv="0", ptFeeRv="0.110012249248"))
    assert ", fee 0.110012249248 PT, " in fact
    (fact,) = told(PHEMEX_LIST, listed(execFeeRv="0"))
    assert ", fee 0 USDT, " in fact


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, f"BTC/USD:BTC.phemex sells 700 at 7150, fee -0.00002447 BTC, {BARE}"),
        (
            {"symbol": "cETHUSD", "currency": "ETH", "execPriceEp": 25000000, "execValueEv": 28000000},
            f"ETH/USD:ETH.phemex sells 700 at 2500, fee -0.00002447 ETH, {BARE}",
        ),
        (
            {"symbol": "ETHUSD", "currency": "USD", "execPriceEp": 25000000, "execValueEv": 87500000},
            f"ETHUSD.phemex sells 700 at 2500, fee -0.2447 USD, {BARE}, in contracts of 0.005",
        ),
        (
            {"symbol": "uBTCUSD", "currency": "USD", "execPriceEp": 500000000, "execValueEv": 350000000},
            f"BTC/USD.phemex sells 700 at 50000, fee -0.2447 USD, {BARE}, in contracts of 0.001",
        ),
        ({"execValueEv": 9600000}, ", in contracts of unknown"),
        ({"execValueEv": None}, ", in contracts of unknown"),
        ({"tradeType": "Funding", "execFeeEv": 479}, "BTC/USD:BTC.phemex funding -0.00000479 BTC, id b016"),
        ({"tradeType": "LiqTrade", "closedSize": 900}, ", by liquidation, closes 700"),
    ],
)
def test_scaled_numbers_are_of_the_currency(more: Row, says: str) -> None:
    assert of_scaled(**more).endswith(says)


def test_funding_alone_has_no_ids() -> None:
    (fact,) = told(PHEMEX_FUNDING, fee())
    assert fact.endswith("ETHUSDT.phemex funding -0.02116552 USDT, id ETHUSDT:1671004800021:Buy")
    row = fee(symbol="BTCUSD", currency="BTC", execFeeRv=None, execFeeEv=-5)
    assert told(PHEMEX_FUNDING, row)[0].endswith("funding 0.00000005 BTC, id BTC/USD:BTC:1671004800021:Buy")
    assert told(PHEMEX_FUNDING, fee(execFeeRv="0")) == []


@pytest.mark.parametrize(
    ("kind", "row", "why"),
    [
        (PHEMEX_TRADES, trade(posSide="Both"), "posSide 'Both' is unknown; known are: Long, Short, Merged"),
        (PHEMEX_TRADES, trade(side="Short"), "side 'Short' is unknown; known are: Buy, Sell"),
        (PHEMEX_TRADES, trade(tradeType="Amend"), "tradeType 'Amend' is unknown; known are: Trade, Funding, LiqTrade"),
        (PHEMEX_LIST, listed(tradeType=3), "tradeType '3' is unknown"),
        (PHEMEX_SCALED, scaled(symbol="ETHUSD"), "symbol 'ETHUSD' is settled in USD, and its currency is BTC"),
    ],
)
def test_what_is_not_known_is_refused_with_its_value(kind: StatementKind, row: Row, why: str) -> None:
    with pytest.raises(StatementRefused, match=f"line 1: {why}"):
        told(kind, row)


def test_answers_of_phemex_are_told_apart() -> None:
    rows = {"phemex-futures-trades": trade(), "phemex-trading-list": listed(), "phemex-contract-trades": scaled()}
    for name, row in {**rows, "phemex-funding-fees": fee()}.items():
        assert kind_of(json.dumps({"code": 0, "msg": "OK", "data": {"total": 1, "rows": [row]}})) == name
        assert kind_of(json.dumps({"code": 0, "msg": "OK", "data": [row]})) == name


@pytest.mark.parametrize(
    ("one", "other", "is_twice"),
    [
        ("phemex-trading-list", "phemex-futures-trades", True),
        ("phemex-funding-fees", "phemex-contract-trades", True),
        ("ccxt-trades", "phemex-futures-trades", True),
        ("phemex-funding-fees", "phemex-trading-list", False),
        ("ccxt-trades", "phemex-contract-trades", False),
    ],
)
def test_what_has_the_same_under_other_ids_is_not_put_together(one: str, other: str, *, is_twice: bool) -> None:
    assert (telling_the_same([KINDS[one], KINDS[other]]) is not None) is is_twice
