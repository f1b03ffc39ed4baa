"""Executions of BitMEX: contracts that are inverse, linear or neither, in the smallest part of what settles."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.bitmex_executions import BITMEX_EXECUTIONS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of, words

NO_ORDER = "00000000-0000-0000-0000-000000000000"


def execution(**more: Any) -> dict[str, Any]:
    return {
        "execID": "e1",
        "orderID": "o1",
        "symbol": "XBTUSD",
        "strategy": "OneWay",
        "side": "Buy",
        "lastQty": 1000,
        "lastPx": 50000,
        "settlCurrency": "XBt",
        "execType": "Trade",
        "text": "Submitted via API.",
        "execCost": -2000000,
        "execComm": 1000,
        "transactTime": "2026-03-17T09:34:12.050Z",
        **more,
    }


def told(**more: Any) -> list[str]:
    facts = facts_of(json.dumps([execution(**more)]), BITMEX_EXECUTIONS, Whose("bitmex"))
    return [words(fact).partition("Z ")[2] for fact in facts]


def website(*rows: dict[str, Any]) -> str:
    """As the website has it: without the names of the last columns, and without ids of executions."""
    names = [
        "transactTime",
        "symbol",
        "execType",
        "side",
        "lastQty",
        "lastPx",
        "execCost",
        "commission",
        "execComm",
        "ordType",
        "text",
        "orderID",
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, names, extrasaction="ignore")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


FILL = "BTC/USD:BTC.bitmex buys 1000 at 50000, fee 0.00001 BTC, profit unknown, trade e1 of order o1"


def test_an_inverse_contract_is_a_dollar() -> None:
    assert told() == [FILL]
    assert told(execCost=-2000013, symbol="xbtusd") == [FILL]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"symbol": "XBTUSDT", "settlCurrency": "USDt", "execCost": 50000000, "execComm": 25000},
            "BTCUSDT.bitmex buys 1000 at 50000, fee 0.025 USDT, {}, in contracts of 0.000001",
        ),
        (
            {"symbol": "ETHH26", "lastPx": 0.05, "execCost": 50000, "execComm": -12},
            "ETHBTC-260327.bitmex buys 1000 at 0.05, fee -0.00000012 BTC, {}, in contracts of 0.00001",
        ),
        (
            {"symbol": "ETHH20", "lastPx": 0.05, "execCost": 5000000000},
            "ETHBTC-200327.bitmex buys 1000 at 0.05, fee 0.00001 BTC, {}",
        ),
        ({"execCost": None}, "BTC/USD:BTC.bitmex buys 1000 at 50000, fee 0.00001 BTC, {}, in contracts of unknown"),
        ({"execCommCcy": "USDt", "execComm": 7}, "BTC/USD:BTC.bitmex buys 1000 at 50000, fee 0.000007 USDT, {}"),
    ],
)
def test_what_it_is_worth_says_how_much_a_contract_is(more: dict[str, Any], says: str) -> None:
    assert told(**more) == [says.format("profit unknown, trade e1 of order o1")]


def test_in_hedge_mode_a_strategy_is_a_leg() -> None:
    """Netted, a long and a short of the same would be nothing."""
    for strategy, leg in (("OneWay", ""), ("Long", ":LONG"), ("Short", ":SHORT")):
        (fill,) = told(strategy=strategy)
        (funding,) = told(strategy=strategy, execType="Funding", side="", orderID=NO_ORDER)
        assert fill.startswith(f"BTC/USD:BTC.bitmex{leg} buys 1000 at 50000")
        assert fill.endswith("of order o1")
        assert funding.startswith(f"BTC/USD:BTC.bitmex{leg} funding -0.00001 BTC, id BTC/USD:BTC:{leg[1:] or 'BOTH'}:")
    with pytest.raises(StatementRefused, match="strategy 'Arbitrage' is unknown; known are: OneWay, Long, Short"):
        told(strategy="Arbitrage")
    (fill,) = told(strategy=None)
    assert fill.endswith("of order o1, of no leg that is named")


def test_funding_that_is_paid_is_above_zero() -> None:
    funding = {"execType": "Funding", "side": "", "orderID": NO_ORDER}
    name = "id BTC/USD:BTC:BOTH:2026-03-17T09:34:12.050000Z"
    assert told(**funding) == [f"BTC/USD:BTC.bitmex funding -0.00001 BTC, {name}"]
    assert told(**funding, execComm=-182) == [f"BTC/USD:BTC.bitmex funding 0.00000182 BTC, {name}"]
    assert told(**funding, execComm=0) == []
    assert told(**funding, transactTime="2026-03-17 10:34:12.05+01:00") == told(**funding)


def test_what_the_account_did_not_order_has_its_reason() -> None:
    forced = execution(text="Liquidation", orderID=NO_ORDER)
    facts = facts_of(json.dumps([forced, {**forced, "execID": "e2"}]), BITMEX_EXECUTIONS, Whose("bitmex"))
    assert [words(fact).partition("trade ")[2] for fact in facts] == [
        "e1 of order e1, by liquidation",
        "e2 of order e2, by liquidation",
    ]
    (settled,) = told(execType="Settlement", orderID="", side="Sell")
    assert settled.endswith("trade e1 of order e1, by settlement, closes 1000")


def test_orders_that_filled_nothing_are_left_out() -> None:
    assert told(execType="Canceled", lastQty=None, lastPx=None, execCost=None, execComm=None) == []
    with pytest.raises(StatementRefused, match="line 1: execType 'Insurance' is unknown; known are: Trade, Sett"):
        told(execType="Insurance", lastQty=None)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            {"symbol": "ETHUSD"},
            "symbol 'ETHUSD' is settled in BTC, while its base and its quote are others: a quanto",
        ),
        ({"symbol": "ETHUSD", "execType": "Funding"}, "symbol 'ETHUSD' is settled in BTC"),
        ({"symbol": "AAVEUSDT"}, "symbol 'AAVEUSDT' is settled in BTC"),
        (
            {"symbol": "XBT_USDT", "settlCurrency": "USDt"},
            "symbol 'XBT_USDT' is not a contract that is settled in bitcoin",
        ),
        ({"symbol": "XBTEUR", "settlCurrency": None}, "symbol 'XBTEUR' is not a contract that is settled in bitcoin"),
        ({"settlCurrency": "Gwei"}, "settlCurrency 'Gwei' is unknown; known are: XBt, USDt"),
        ({"execCommCcy": "BMEx"}, "execCommCcy 'BMEx' is unknown; known are: XBt, USDt"),
        ({"side": ""}, "side is missing"),
    ],
)
def test_what_is_not_known_is_refused_with_its_value(more: dict[str, Any], why: str) -> None:
    with pytest.raises(StatementRefused, match=f"line 1: {why}"):
        told(**more)


def test_a_file_of_two_accounts_is_refused() -> None:
    rows = [execution(account=7), execution(account=8, execID="e2")]
    with pytest.raises(StatementRefused, match="line 2: account '8' is another account than '7'"):
        facts_of(json.dumps(rows), BITMEX_EXECUTIONS, Whose("bitmex"))


def test_the_website_says_the_same_but_for_ids() -> None:
    rows = [execution(), execution(execType="Funding", side="", transactTime="2026-03-17T12:00:00.000Z")]
    assert kind_of(website(*rows)) == kind_of(json.dumps(rows)) == BITMEX_EXECUTIONS.name
    fill, funding = facts_of(website(*rows, execution(text="Liquidation")), BITMEX_EXECUTIONS, Whose("bitmex"))[:2]
    assert words(fill).partition("Z ")[2].partition(", trade row-")[0] == FILL.partition(", trade")[0]
    assert words(funding).endswith("funding -0.00001 BTC, id BTC/USD:BTC:BOTH:2026-03-17T12:00:00.000000Z")


def test_what_the_website_quoted_in_dollars_was_a_quanto_once() -> None:
    linear = execution(symbol="XBTUSDT", execCost=50000000)
    (fill,) = facts_of(website(linear), BITMEX_EXECUTIONS, Whose("bitmex"))
    assert "BTCUSDT.bitmex buys 1000" in words(fill)
    with pytest.raises(StatementRefused, match="line 2: symbol 'AAVEUSDT' is settled in BTC"):
        facts_of(
            website({**linear, "symbol": "AAVEUSDT", "transactTime": "2021-11-02T11:59:59.999Z"}),
            BITMEX_EXECUTIONS,
            Whose("bitmex"),
        )
