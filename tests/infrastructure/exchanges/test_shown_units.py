"""Units of an account that is shown: contracts, their size, what they are worth, and balances of spot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import SetStopLoss
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.infrastructure.exchanges.shown import BTC, DOGE, adopt, beside, held, order, planned, shown, stop_of, told


def test_an_order_counts_in_the_contracts_of_its_symbol_and_half_a_stop_is_half() -> None:
    position = held(BTC, "long", 1, 34131.1, contractSize=0.01)
    half = order("s1", BTC, "sell", 0.5, type="conditional", stopLossPrice=33000, reduceOnly=True)
    found = beside([adopt(BTC, "okx", "long", "0.01", "34131.1")], shown("okx", [position], [half]))
    (bare,) = found.of(DiscrepancyKind.UNPROTECTED)
    assert bare.message == "its stops cover only a part of 0.01: s1 at 33000 for 0.005"
    whole = shown("okx", [position], [{**half, "amount": 1}])
    assert not beside([adopt(BTC, "okx", "long", "0.01", "34131.1")], whole).of(DiscrepancyKind.UNPROTECTED)


def test_a_stop_of_all_contracts_covers_all_of_them() -> None:
    position = held(DOGE, "long", 2, 0.093795, contractSize=100)
    stop = order("s1", DOGE, "sell", 2, type="stop_market", triggerPrice=0.085, reduceOnly=True)
    found = beside([], shown("kucoin", [position], [stop]))
    assert told(found) == [("orphans", "DOGEUSDT.kucoin")]
    assert planned(found)[0] == "adopt DOGEUSDT.kucoin: long 200 at 0.093795"
    assert found.findings[0].message.startswith("the exchange holds long 200 at 0.093795 (2 contracts of 100)")


def test_what_the_ledger_keeps_in_units_is_matched_and_protected_by_contracts() -> None:
    sent = [adopt(DOGE, "okx", "long", "2000", "0.06367"), stop_of("DOGEUSDT.okx#1", "0.05", "algo1")]
    stop = order("algo1", DOGE, "sell", 2.0, type="conditional", stopLossPrice=0.05, reduceOnly=True)
    snapshot = shown("okx", [held(DOGE, "long", 2.0, 0.06367, contractSize=1000.0)], [stop])
    assert told(beside(sent, snapshot)) == [("matched", "DOGEUSDT.okx")]


def test_a_ledger_that_counts_contracts_is_told_and_not_corrected() -> None:
    snapshot = shown("okx", [held(DOGE, "long", 2, 0.06367, contractSize=1000)], conditional_orders=[])
    found = beside([adopt(DOGE, "okx", "long", "2", "0.06367")], snapshot)
    (differs,) = found.of(DiscrepancyKind.QUANTITY)
    assert "2 in the ledger, 2000 at the exchange" in differs.message
    assert "contracts of 1000" in differs.message
    assert planned(found) == []


def test_a_flat_row_says_of_what_size_contracts_are_as_well() -> None:
    snapshot = shown("okx", [held(BTC, None, 0, contractSize=0.01)], [order("o1", BTC, "sell", 3, type="limit")])
    assert [each.quantity for each in snapshot.orders or ()] == [Decimal("0.03")]


@pytest.mark.parametrize(
    ("fields", "quantity"),
    [
        (
            {
                "contracts": 50,
                "contractSize": 10,
                "notional": 0.006687487,
                "markPrice": 7476.65,
                "info": {"size": 50.0, "direction": "buy"},
            },
            "50",
        ),
        ({"contracts": None, "contractSize": 10, "info": {"size": 40.0, "direction": "buy"}}, "40"),
    ],
)
def test_deribit_counts_units_whatever_its_contract_size(fields: dict[str, Any], quantity: str) -> None:
    snapshot = shown("deribit", [held("BTC/USD:BTC", "long", **{"entryPrice": 7400, **fields})])
    assert [each.quantity for each in snapshot.positions or ()] == [Decimal(quantity)]
    stop = order("s", "BTC/USD:BTC", "sell", 40, info={"order_type": "stop_market", "trigger_price": 7000})
    with_stop = shown("deribit", [held("BTC/USD:BTC", "long", **{"entryPrice": 7400, **fields})], [stop])
    assert [each.quantity for each in with_stop.orders or ()] == [Decimal(40)]


@pytest.mark.parametrize("size", [1.0104082079278771, 0.9999453103636861])
def test_a_contract_size_that_was_divided_out_of_rounded_numbers_is_one(size: float) -> None:
    snapshot = shown("bingx", [held(BTC, "long", 0.1, 83.53, contractSize=size, notional=7.3136, markPrice=73.14)])
    assert [each.quantity for each in snapshot.positions or ()] == [Decimal("0.1")]


def test_what_is_not_worth_what_it_says_is_named_and_the_rest_judged() -> None:
    wrong = held(BTC, "long", 5, 60000, contractSize=10, markPrice=60000, notional=300000)
    snapshot = shown("someone", [wrong, held(DOGE, "long", 5, 0.1, contractSize=10, markPrice=0.1, notional=5)])
    assert [each.key.symbol for each in snapshot.positions or ()] == ["DOGEUSDT"]
    assert "50 at 60000 is worth 3000000, and it says 300000" in snapshot.row_doubts[0]
    inverse = held("BTC/USD:BTC", "long", 500, 50000, contractSize=1, markPrice=50000, notional=0.01)
    assert shown("bybit", [inverse]).row_doubts == ()


def test_balances_judge_the_spot_leg_and_less_is_a_finding_and_more_is_not() -> None:
    stopped = SetStopLoss.of(position_id="BTCUSDT.binance#1", stop_price="1", attached=True)
    sent: list[Command] = [
        adopt("UNFI/USDT", "binance", "long", "1.3", "4", leg="SPOT"),
        adopt(BTC, "binance", "long", "1", "60000"),
    ]
    sent.append(stopped)
    derivatives = [held(BTC, "long", 1, 60000, stopLossPrice=1)]
    unjudged = [("matched", "BTCUSDT.binance"), ("unjudged", "UNFIUSDT.binance:SPOT")]
    assert told(beside(sent, shown("binance", derivatives))) == unjudged
    less = {"UNFI": {"free": 0.2, "used": 1, "total": 1.2}, "USDT": {"total": 10}, "total": {"UNFI": 1.2, "USDT": 10}}
    found = beside(sent, shown("binance", derivatives, balances=less))
    assert told(found) == [("matched", "BTCUSDT.binance"), ("spot_shortfalls", "UNFIUSDT.binance:SPOT")]
    assert found.findings[1].message == "the ledger holds 1.3 UNFI, the account 1.2: 0.1 less"
    more = {"total": {"UNFI": 5, "USDT": 10}}
    both = [("matched", "BTCUSDT.binance"), ("matched", "UNFIUSDT.binance:SPOT")]
    assert told(beside(sent, shown("binance", derivatives, balances=more))) == both
