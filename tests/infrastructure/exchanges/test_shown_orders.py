"""Orders of an account that is shown: which is a stop, which a target, and what each covers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import Reduce
from projections.account_snapshot import OrderKind
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.infrastructure.exchanges.shown import BTC, DOGE, adopt, beside, held, order, planned, shown, stop_of, told
from tests.spec import second


@pytest.mark.parametrize(
    ("exchange", "fields", "price"),
    [
        ("deribit", {"side": "sell", "info": {"order_type": "stop_market", "trigger_price": 2228}}, "2228"),
        (
            "bitget",
            {
                "side": None,
                "stopLossPrice": 112000,
                "price": 111000,
                "info": {"posSide": "long", "stopLoss": "112000", "slLimitPrice": "111000"},
            },
            "112000",
        ),
        (
            "okx",
            {
                "side": "sell",
                "type": "conditional",
                "reduceOnly": False,
                "info": {"ordType": "conditional", "slTriggerPx": "90", "posSide": "long", "reduceOnly": "false"},
            },
            "90",
        ),
        ("hyperliquid", {"side": "sell", "type": "market", "stopLossPrice": 90, "triggerPrice": 90}, "90"),
        ("phemex", {"side": "sell", "type": "market", "stopLossPrice": 90}, "90"),
        ("okx", {"side": "sell", "type": "oco", "info": {"slTriggerPx": "90", "tpTriggerPx": "120"}}, "90"),
        ("gate", {"side": "sell", "type": "limit", "triggerPrice": 90, "info": {"trigger": {"rule": 2}}}, "90"),
        ("htx", {"side": "sell", "info": {"type": "sl", "sl_trigger_price": "90"}}, "90"),
        ("modetrade", {"side": "sell", "triggerPrice": 90, "info": {"algoType": "STOP_LOSS"}}, "90"),
        ("kucoin", {"side": "sell", "type": "market", "triggerPrice": 90, "info": {"stop": "down"}}, "90"),
        ("mexc", {"side": "4", "triggerPrice": 90, "info": {"side": "4", "triggerType": "2"}}, "90"),
        (
            "gate",
            {
                "side": "sell",
                "amount": 0,
                "triggerPrice": 90,
                "info": {"initial": {"is_close": True, "auto_size": "close_long"}},
            },
            "90",
        ),
        (
            "bitget",
            {
                "side": "buy",
                "triggerPrice": 90,
                "info": {"planType": "pos_loss", "posSide": "long", "tradeSide": "close"},
            },
            "90",
        ),
    ],
)
def test_a_stop_is_one_however_it_is_said(exchange: str, fields: dict[str, Any], price: str) -> None:
    snapshot = shown(exchange, [held(BTC, "long", 1, 115000)], [order("s", BTC, **{"amount": 1, **fields})])
    (found,) = snapshot.orders or ()
    assert (found.kind, found.side, found.trigger_price) == (OrderKind.STOP, "sell", Decimal(price))
    assert not beside([], snapshot).of(DiscrepancyKind.UNPROTECTED)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "market", "triggerPrice": 120, "info": {"stop": "up"}},
        {"type": "market", "triggerPrice": 120, "info": {"triggerType": 1}},
        {"type": "market", "triggerPrice": 120, "info": {"trigger_type": "ge"}},
        {"type": "market", "triggerPrice": 120, "info": {"stopDirection": "Rising", "ordType": "MarketIfTouched"}},
        {"type": "take_profit_market", "triggerPrice": 120},
        {"type": "market", "takeProfitPrice": 120, "reduceOnly": True},
        {"type": "limit", "triggerPrice": 120, "info": {"trigger": {"rule": 1}}},
        {"type": "conditional", "info": {"tpTriggerPx": "120", "slTriggerPx": ""}},
        {"info": {"type": "tp", "tp_trigger_price": "120"}},
        {"type": "market", "triggerPrice": 120, "info": {"orderType": "Take Profit Market"}},
    ],
)
def test_a_take_profit_is_a_target_and_protects_nothing(fields: dict[str, Any]) -> None:
    snapshot = shown("gate", [held(BTC, "long", 1, 100)], [order("t", BTC, "sell", 1, **fields)])
    (found,) = snapshot.orders or ()
    assert (found.kind, found.trigger_price, found.is_stop) == (OrderKind.TARGET, Decimal(120), False)
    assert beside([], snapshot).of(DiscrepancyKind.UNPROTECTED)


def test_an_entry_that_carries_the_stop_of_what_it_opens_is_no_stop() -> None:
    entry = order("e", BTC, "sell", 1, type="limit", price=120, stopLossPrice=130, takeProfitPrice=90, reduceOnly=False)
    nested = order("n", BTC, "sell", 1, type="limit", price=120, info={"stopLoss": {"stopPrice": 0}})
    snapshot = shown("bybit", [held(BTC, "long", 1, 100)], [entry, nested])
    assert [each.kind for each in snapshot.orders or ()] == [OrderKind.OTHER, OrderKind.OTHER]


@pytest.mark.parametrize(
    ("exchange", "fields"),
    [
        ("bybit", {"stopLossPrice": 130.0, "takeProfitPrice": 200.0}),
        ("extended", {"stopLossPrice": "130", "info": {"slTriggerPrice": "130"}}),
        ("btse", {"stopLossPrice": 130, "info": {"stopLossOrder": {"orderId": "1", "triggerPrice": 130}}}),
    ],
)
def test_a_stop_that_belongs_to_the_position_protects_it(exchange: str, fields: dict[str, Any]) -> None:
    snapshot = shown(exchange, [held("SOL/USDT:USDT", "long", 10.0, 140.0, **fields)])
    found = beside([adopt("SOL/USDT:USDT", exchange, "long", "10", "140")], snapshot)
    name = f"SOLUSDT.{exchange}"
    assert told(found) == [("matched", name), ("moved_stops", name)]
    assert planned(found) == [f"note the stop of {name}#1: 130, of the position itself"]
    assert [each.stop_price for each in snapshot.positions or ()] == [Decimal(130)]


@pytest.mark.parametrize("exchange", ["binance", "okx"])
def test_a_list_in_which_no_conditional_order_can_be_is_no_proof(exchange: str) -> None:
    sent = [adopt(BTC, exchange, "long", "0.01", "90000"), stop_of(f"BTCUSDT.{exchange}#1", "88000", "1000000033333")]
    limit = order("777", BTC, "sell", 0.01, type="limit", price=95000.0, reduceOnly=True)
    lists = [shown(exchange, [held(BTC, "long", 0.01, 90000.0)], [limit], ago=ago) for ago in (20, 0)]
    found = beside(sent, *lists)
    assert (found.of(DiscrepancyKind.LOST_STOP), found.of(DiscrepancyKind.UNPROTECTED), planned(found)) == ([], [], [])
    assert "without the conditional ones would look the same" in found.order_doubts[0]
    bare = beside([adopt(BTC, exchange, "long", "0.01", "90000")], lists[0])
    assert f"which {exchange} lists apart" in bare.order_doubts[0]


def test_a_lost_stop_needs_two_that_agree() -> None:
    sent = [adopt(BTC, "binance", "long", "0.01", "90000"), stop_of("BTCUSDT.binance#1", "88000", "s1")]
    other = order("777", DOGE, "sell", 1, type="stop_market", triggerPrice=0.05, reduceOnly=True)
    once, again = (shown("binance", [held(BTC, "long", 0.01, 90000.0)], [other], ago=ago) for ago in (0, 20))
    assert planned(beside(sent, once)) == []
    assert planned(beside(sent, again, once)) == ["note that the stop of BTCUSDT.binance#1 is lost"]


def test_a_stop_that_would_open_the_other_side_is_a_finding() -> None:
    sent: list[Command] = [adopt(BTC, "bybit", "long", "0.17", "90000")]
    sent += [stop_of("BTCUSDT.bybit#1", "88000", "s1")]
    sent += [Reduce.of(position_id="BTCUSDT.bybit#1", trade_id="t", last_qty="0.09", last_px="91000", at=second(2))]
    stop = order("s1", BTC, "sell", 0.17, type="stop_market", triggerPrice=88000, reduceOnly=False)
    found = beside(sent, shown("bybit", [held(BTC, "long", 0.08, 90000)], [stop]))
    (told_of,) = found.of(DiscrepancyKind.OVERSIZED_STOP)
    assert told_of.message == (
        "order s1 is to sell 0.17 while 0.08 is held, and is not said to be reduce-only: triggered, it opens a short "
        "of 0.09"
    )
    kept = shown("bybit", [held(BTC, "long", 0.08, 90000)], [{**stop, "reduceOnly": True}])
    assert not beside(sent, kept).of(DiscrepancyKind.OVERSIZED_STOP)
