"""Accounts as exchanges and ccxt show them, compared with a ledger: each of these cases was once read wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.requests import Adopt, Reduce, SetStopLoss
from domain.values import Leg, Side, timestamp_text
from infrastructure.exchanges.document import Given, read_snapshot
from projections.account_snapshot import AccountSnapshot, OrderKind
from projections.reconciliation.command_text import in_words
from projections.reconciliation.compare import reconcile
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.result import Reconciliation, ReconciliationRules
from tests.projections.seen import LATER, rows_of
from tests.spec import second

AT = second(LATER)


def shown(
    exchange: str, positions: Sequence[Any], orders: Sequence[Any] = (), ago: float = 0, **fields: Any
) -> AccountSnapshot:
    document = {
        "exchange": exchange,
        "timestamp": timestamp_text(AT - timedelta(seconds=ago)),
        "positions": positions,
        "orders": orders,
        **fields,
    }
    return read_snapshot(json.dumps(document).encode(), Given(exchange))


def beside(sent: Sequence[Command], *snapshots: AccountSnapshot) -> Reconciliation:
    return reconcile(rows_of(*sent), snapshots, now=AT + timedelta(seconds=1), rules=ReconciliationRules())


def told(found: Reconciliation) -> list[tuple[str, str]]:
    """But for how to define a unit, which is said of every contract here."""
    said = [each for each in found.findings if each.kind is not DiscrepancyKind.UNIT]
    return [(each.kind.value, each.key.stream) for each in said]


def planned(found: Reconciliation) -> list[str]:
    return [in_words(each.command) for each in corrections(found)]


def adopt(symbol: str, exchange: str, side: str, quantity: str, price: str, **fields: Any) -> Adopt:
    return Adopt.of(
        symbol=symbol,
        exchange=exchange,
        side=side,
        quantity=quantity,
        avg_px_open=price,
        reason="seen",
        at=second(0),
        **fields,
    )


def stop_of(position_id: str, price: str, order_id: str, **fields: Any) -> SetStopLoss:
    return SetStopLoss.of(position_id=position_id, stop_price=price, exchange_order_id=order_id, at=second(1), **fields)


def held(symbol: str, side: str | None, contracts: Any = None, price: Any = None, **fields: Any) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "contracts": contracts, "entryPrice": price} | fields


def order(order_id: str, symbol: str, side: str | None = None, amount: Any = None, **fields: Any) -> dict[str, Any]:
    return {"id": order_id, "symbol": symbol, "side": side, "amount": amount, "status": "open", **fields}


BTC = "BTC/USDT:USDT"
DOGE = "DOGE/USDT:USDT"

# -- units ------------------------------------------------------------------------------------------------------


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


# -- legs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "long", "short"),
    [
        ("gate", {"info": {"mode": "dual_long"}}, {"info": {"mode": "dual_short"}}),
        ("mexc", {"info": {"positionType": 1}}, {"info": {"positionType": 2}}),
        ("htx", {"info": {"direction": "buy"}}, {"info": {"direction": "sell"}}),
        ("digifinex", {"info": {"posSide": "long"}}, {"info": {"posSide": "short"}}),
        ("okx", {"info": {"posSide": "long"}}, {"info": {"posSide": "short"}}),
    ],
)
def test_two_sides_of_one_symbol_are_its_two_legs(exchange: str, long: dict[str, Any], short: dict[str, Any]) -> None:
    rows = [held(BTC, "long", 1, 60000, contractSize=0.0001, **long)]
    rows += [held(BTC, "short", 2, 61000, contractSize=0.0001, **short)]
    snapshot = shown(exchange, rows, conditional_orders=[])
    assert [(each.key.leg, each.quantity) for each in snapshot.positions or ()] == [
        (Leg.LONG, Decimal("0.0001")),
        (Leg.SHORT, Decimal("0.0002")),
    ]
    assert beside([], snapshot).is_reliable


def test_isolated_and_cross_are_one_holding_that_is_named_as_what_it_is() -> None:
    rows = [held(BTC, "long", 1, 20000, marginMode="isolated"), held(BTC, "long", 3, 24000, marginMode="cross")]
    snapshot = shown("htx", [*rows, held(DOGE, "long", 5, 0.1)], conditional_orders=[])
    found = beside([adopt(BTC, "htx", "long", "4", "23000"), adopt(DOGE, "htx", "long", "5", "0.1")], snapshot)
    assert (found.is_reliable, snapshot.row_doubts) == (True, ())
    assert [each.message for each in found.of(DiscrepancyKind.MATCHED)] == [
        "long 4 at 23000 (isolated long 1 at 20000; cross long 3 at 24000)",
        "long 5 at 0.1",
    ]


def test_a_margin_mode_is_what_the_exchange_calls_it() -> None:
    rows = [
        held(BTC, "long", each, 20000, marginMode="cross", info={"margin_mode": mode})
        for each, mode in ((1, "isolated"), (2, "cross"))
    ]
    (joint,) = shown("htx", rows).positions or ()
    assert joint.in_words == "long 3 at 20000 (isolated long 1 at 20000; cross long 2 at 20000)"
    named = [held(BTC, "long", each, 20000, id=f"p{each}") for each in (1, 2)]
    assert [each.quantity for each in shown("bingx", named).positions or ()] == [Decimal(3)]


def test_two_of_one_margin_mode_are_no_sum_for_nothing_tells_which_is_true() -> None:
    rows = [
        held(BTC, "long", each, 20000, marginMode=mode) for each, mode in ((1, "cross"), (2, "cross"), (4, "isolated"))
    ]
    snapshot = shown("htx", rows)
    assert snapshot.positions == ()
    assert snapshot.row_doubts == ("it shows BTCUSDT.htx twice, and nothing tells which is true",)


@pytest.mark.parametrize(
    ("symbol", "prices", "average"),
    [(BTC, (20000, 24000), "23000"), (BTC, (20000, None), None), ("BTC/USD:BTC", (20000, 24000), None)],
)
def test_the_entry_of_several_margin_modes_is_known_where_it_is_of_each_and_averages_by_quantity(
    symbol: str, prices: tuple[int, int | None], average: str | None
) -> None:
    modes = zip((1, 3), prices, ("isolated", "cross"), strict=True)
    (joint,) = shown("htx", [held(symbol, "long", *each, marginMode=mode) for *each, mode in modes]).positions or ()
    assert joint.avg_px_open == (None if average is None else Decimal(average))


@pytest.mark.parametrize(
    ("side", "stops", "furthest"),
    [("long", (19000, 18000), 18000), ("short", (25000, 26000), 26000), ("long", (19000, None), None)],
)
def test_the_stop_of_several_margin_modes_is_the_furthest_and_none_where_one_has_none(
    side: str, stops: tuple[int, int | None], furthest: int | None
) -> None:
    modes = zip(stops, ("isolated", "cross"), strict=True)
    rows = [held(BTC, side, 1, 22000, marginMode=mode, stopLossPrice=stop, markPrice=22500) for stop, mode in modes]
    (joint,) = shown("htx", rows).positions or ()
    assert joint.stop_price == (None if furthest is None else Decimal(furthest))
    assert joint.mark_price == Decimal(22500)


def test_a_stop_for_all_of_one_margin_mode_is_not_sure_to_cover_the_other() -> None:
    rows = [held(BTC, "long", 1, 20000, marginMode="isolated"), held(BTC, "long", 3, 24000, marginMode="cross")]
    all_of_it = order("s", BTC, "sell", type="conditional", stopLossPrice=19000, info={"closeFraction": "1"})
    found = beside([adopt(BTC, "okx", "long", "4", "23000")], shown("okx", rows, [all_of_it]))
    assert found.of(DiscrepancyKind.UNPROTECTED)


def test_spot_beside_a_swap_is_a_slot_of_its_own() -> None:
    rows = [held(BTC, "short", 1, 20000), held("BTC/USDT", "long", 2, 19000)]
    snapshot = shown("kraken", rows, [order("s", "BTC/USDT", "buy", 1, type="stop", stopPrice=21000)])
    assert [each.key.stream for each in snapshot.positions or ()] == ["BTCUSDT.kraken", "BTCUSDT.kraken:SPOT"]
    found = beside([adopt(BTC, "kraken", "short", "1", "20000")], snapshot)
    assert (found.is_reliable, snapshot.row_doubts) == (True, ())
    bare = [each.key.leg for each in found.of(DiscrepancyKind.UNPROTECTED)]
    assert bare == [Leg.BOTH, Leg.SPOT], "an order of the spot market protects no swap"
    alone = shown("kraken", [held("BTC/USDT", "long", 2, 19000)])
    assert [each.key.leg for each in alone.positions or ()] == [Leg.BOTH], "a spelling alone means what it meant"


def test_one_row_that_is_listed_on_two_pages_is_one_and_two_that_differ_are_told() -> None:
    row = held(BTC, "long", 1, 20000)
    assert len(shown("okx", [row, row]).positions or ()) == 1
    two = shown("okx", [row, held(BTC, "long", 2, 20000), held(DOGE, "long", 5, 0.1)])
    assert ([each.key.symbol for each in two.positions or ()], two.doubts) == (["DOGEUSDT"], ())
    assert two.row_doubts == ("it shows BTCUSDT.okx twice, and nothing tells which is true",)


def test_a_trigger_entry_of_the_other_leg_protects_nothing() -> None:
    position = held(BTC, "short", 1, 34131.1, contractSize=0.01, info={"posSide": "short"})
    entry = order("t1", BTC, "buy", 1, type="trigger", triggerPrice=50000, info={"posSide": "long"})
    found = beside([adopt(BTC, "okx", "short", "0.01", "34131.1", leg="SHORT")], shown("okx", [position], [entry]))
    assert told(found) == [("matched", "BTCUSDT.okx:SHORT"), ("unprotected", "BTCUSDT.okx:SHORT")]
    without_leg = shown("okx", [{**position, "info": {}}], [entry])
    assert beside([], without_leg).of(DiscrepancyKind.UNPROTECTED), "whatever is said of the position"


@pytest.mark.parametrize(
    ("exchange", "fields", "leg", "side"),
    [
        ("okx", {"side": "sell", "info": {"posSide": "long"}}, Leg.LONG, "sell"),
        ("okx", {"side": "sell", "info": {"posSide": "net"}}, Leg.BOTH, "sell"),
        ("phemex", {"side": "buy", "info": {"posSide": "Short"}}, Leg.SHORT, "buy"),
        ("phemex", {"side": "buy", "info": {"posSide": "Merged"}}, Leg.BOTH, "buy"),
        (
            "bitget",
            {"side": "sell", "info": {"side": "buy", "posSide": "long", "tradeSide": "close", "posMode": "hedge_mode"}},
            Leg.LONG,
            "sell",
        ),
        ("bitget", {"side": "buy", "info": {"posSide": "long", "holdMode": "one_way_mode"}}, Leg.BOTH, "buy"),
        ("bybit", {"side": "sell", "info": {"positionIdx": 1}}, Leg.LONG, "sell"),
        ("htx", {"side": "sell", "info": {"offset": "close"}}, Leg.LONG, "sell"),
        ("htx", {"side": "sell", "info": {"offset": "open"}}, Leg.SHORT, "sell"),
        ("htx", {"side": "sell", "info": {"offset": "both"}}, Leg.BOTH, "sell"),
        ("hashkey", {"side": "sell", "info": {"side": "SELL_CLOSE"}}, Leg.LONG, "sell"),
        ("hashkey", {"side": "buy", "info": {"side": "BUY_OPEN"}}, Leg.LONG, "buy"),
        ("mexc", {"side": "sell", "info": {"side": 2}}, Leg.SHORT, "buy"),
        ("mexc", {"side": "3", "info": {"side": 3}}, Leg.SHORT, "sell"),
        ("mexc", {"side": "4", "info": {"side": 4}}, Leg.LONG, "sell"),
        ("gate", {"side": "sell", "info": {"initial": {"size": 0, "auto_size": "close_short"}}}, Leg.SHORT, "buy"),
        ("gate", {"side": "sell", "info": {"order_type": "plan-close-long-position"}}, Leg.LONG, "sell"),
    ],
)
def test_the_leg_of_an_order(exchange: str, fields: dict[str, Any], leg: Leg, side: str) -> None:
    (found,) = shown(exchange, [], [order("1", BTC, amount=1, type="limit", price=1, **fields)]).orders or ()
    assert (found.key.leg, found.side) == (leg, side)
    closes = leg is not Leg.BOTH and side == Side(leg.value.lower()).closing_order
    assert found.reduce_only == closes, "what closes a leg cannot open another one"


# -- orders -----------------------------------------------------------------------------------------------------


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


# -- rows that cannot be read -----------------------------------------------------------------------------------

BALANCE = {"symbol": "USDT", "side": None, "contracts": None, "info": {"asset": "USDT", "balance": "12"}}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (held("SOL/USDT:USDT", None, 3, 100), "neither long nor short"),
        (BALANCE, "it says no quantity"),
        (held("SOL/USDT:USDT", "long", float("nan"), 100), "it says no quantity"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_rest_is_judged(row: dict[str, Any], words: str) -> None:
    sent = [adopt("SOL/USDT:USDT", "bybit", "long", "3", "100"), adopt(DOGE, "bybit", "long", "5", "0.1")]
    rows = [row, held(BTC, "long", 0.01, 60000), held(DOGE, "long", 6, 0.1)]
    found = beside(sent, shown("bybit", rows))
    assert words in " ".join(found.snapshot.row_doubts)
    assert found.is_reliable
    assert planned(found) == ["adopt BTCUSDT.bybit: long 0.01 at 60000", "adjust DOGEUSDT.bybit#1 to 6 at 0.1"]


def test_absence_of_what_may_be_an_unread_row_proves_nothing() -> None:
    sent = [adopt("SOL/USDT:USDT", "bybit", "long", "3", "100"), adopt(DOGE, "bybit", "long", "5", "0.1")]
    unread = held("SOL/USDT:USDT", None, 3, 100)
    lists = [
        shown("bybit", [unread, held(BTC, "long", 1, 60000), held(DOGE, "long", 5, 0.1)], ago=ago) for ago in (20, 0)
    ]
    found = beside(sent, *lists)
    assert ("unjudged", "SOLUSDT.bybit") in told(found)
    assert [each.key.symbol for each in found.of(DiscrepancyKind.PHANTOM)] == []
    nameless = [
        shown("bybit", [{"side": "long", "contracts": 1}, held(DOGE, "long", 5, 0.1)], ago=ago) for ago in (20, 0)
    ]
    assert ("unjudged", "SOLUSDT.bybit") in told(beside(sent, *nameless))
    read = [shown("bybit", [held(BTC, "long", 1, 60000), held(DOGE, "long", 5, 0.1)], ago=ago) for ago in (20, 0)]
    assert [each.confirmations for each in beside(sent, *read).of(DiscrepancyKind.PHANTOM)] == [2]


def test_a_row_that_cannot_be_read_vouches_for_one_position_and_no_more() -> None:
    sent = [adopt(f"{base}/USDT", "bybit", "long", "3", "100") for base in ("SOL", "APT", "XMR", "HNT", "SXP")]
    found = beside(sent, shown("bybit", [{"side": "long", "contracts": 1}, held(BTC, "long", 1, 60000)]))
    assert "none of the 5 positions" in found.doubts[0]
    assert planned(found) == []


def test_a_number_that_is_none_where_nothing_depends_on_it_is_no_reason_to_refuse() -> None:
    row = held(BTC, "long", 0.01, 60000, unrealizedPnl=float("nan"), liquidationPrice=float("nan"))
    snapshot = shown("bybit", [row], [order("s", BTC, "sell", 1, type="stop", stopPrice=5, average=float("nan"))])
    assert (len(snapshot.positions or ()), len(snapshot.orders or ()), snapshot.row_doubts) == (1, 1, ())


def test_an_order_that_cannot_be_read_leaves_the_stops_of_others_judged() -> None:
    unread = order("", DOGE, "sell", 1, type="stop_market")
    rows = [held(BTC, "long", 1, 60000), held(DOGE, "long", 5, 0.1)]
    found = beside([], shown("bybit", rows, [unread]))
    assert [each.key.symbol for each in found.of(DiscrepancyKind.UNPROTECTED)] == ["BTCUSDT"]


@pytest.mark.parametrize(
    ("exchange", "info", "price", "basis"),
    [
        ("cryptocom", {"open_pos_cost": "3.02392", "cost": "3.02392"}, "30239.2", "open_pos_cost 3.02392"),
        ("kraken", {"cost": "3.1", "vol": "0.0001"}, "31000", "cost 3.1"),
        ("hibachi", {"entryNotional": "3.2", "notionalValue": "3.0"}, "32000", "entryNotional 3.2"),
    ],
)
def test_an_entry_that_is_known_by_what_was_paid_is_adopted_and_says_so(
    exchange: str, info: dict[str, Any], price: str, basis: str
) -> None:
    found = beside([], shown(exchange, [held("BTC/USD:USD", "long", 0.0001, None, info=info)]))
    assert found.findings[0].message.startswith(
        f"the exchange holds long 0.0001 at {price} (entry from its {basis}), and no open cycle explains it"
    )
    assert planned(found) == [f"adopt BTCUSD.{exchange}: long 0.0001 at {price}"]


def test_what_it_is_worth_at_the_mark_says_nothing_of_the_entry() -> None:
    row = held(BTC, "long", 0.0001, None, notional=3, markPrice=30000)
    assert [each.avg_px_open for each in shown("okx", [row]).positions or ()] == [None]


@pytest.mark.parametrize(
    ("exchange", "symbol", "fields"),
    [
        ("okx", "BTC/USD:BTC", {"contractSize": 100, "notional": 0.5}),
        ("okx", "BTC/USD:BTC", {"contractSize": 100, "info": {"cost": "0.5"}}),
        ("bybit", BTC, {"info": {"price": "95000", "fillTime": "2025-10-22T18:00:00Z"}}),
    ],
)
def test_what_says_nothing_of_the_entry_makes_none_up(exchange: str, symbol: str, fields: dict[str, Any]) -> None:
    snapshot = shown(exchange, [held(symbol, "long", 5, None, **fields)])
    assert ([each.avg_px_open for each in snapshot.positions or ()], snapshot.row_doubts) == ([None], ())


def test_okx_s_own_answer_of_nothing_held_is_flat_without_a_size() -> None:
    row = {
        "instId": "BTC-USDT-SWAP",
        "instType": "SWAP",
        "posSide": "net",
        "pos": "0",
        "notionalUsd": "",
        "markPx": "1",
    }
    snapshot = shown("okx", [row])
    assert (snapshot.positions, snapshot.row_doubts) == ((), ())


def test_an_order_without_a_side_on_a_leg_that_is_no_stop_closes_nothing() -> None:
    (plain,) = (
        shown("gate", [], [order("1", BTC, None, 1, type="limit", price=1, info={"posSide": "long"})]).orders or ()
    )
    assert (plain.key.leg, plain.side, plain.reduce_only) == (Leg.LONG, None, False)


# -- balances ---------------------------------------------------------------------------------------------------


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


# -- exchanges' own answers -------------------------------------------------------------------------------------

RAW: dict[str, tuple[Any, Any]] = {
    "binance": (
        [
            {
                "symbol": "BTCUSDT",
                "positionAmt": "-0.01",
                "entryPrice": "60000",
                "markPrice": "61000",
                "positionSide": "BOTH",
            }
        ],
        [
            {
                "orderId": 1,
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "STOP_MARKET",
                "stopPrice": "65000",
                "origQty": "0",
                "closePosition": True,
                "status": "NEW",
            }
        ],
    ),
    "bybit": (
        {
            "retCode": 0,
            "retMsg": "OK",
            "result": {
                "list": [
                    {
                        "symbol": "BTCUSDT",
                        "side": "Sell",
                        "size": "0.01",
                        "avgPrice": "60000",
                        "positionIdx": 0,
                        "positionValue": "600",
                        "markPrice": "61000",
                        "stopLoss": "0",
                    }
                ]
            },
        },
        {
            "retCode": 0,
            "retMsg": "OK",
            "result": {
                "list": [
                    {
                        "orderId": "1",
                        "symbol": "BTCUSDT",
                        "side": "Buy",
                        "orderType": "Market",
                        "stopOrderType": "StopLoss",
                        "triggerPrice": "65000",
                        "triggerDirection": 1,
                        "qty": "0.01",
                        "reduceOnly": True,
                        "orderStatus": "Untriggered",
                    }
                ]
            },
        },
    ),
    "okx": (
        {
            "code": "0",
            "msg": "",
            "data": [
                {
                    "instId": "BTCUSDT",
                    "instType": "SWAP",
                    "posSide": "net",
                    "pos": "-1",
                    "avgPx": "60000",
                    "markPx": "61000",
                    "notionalUsd": "610.3",
                    "mgnMode": "cross",
                }
            ],
        },
        {
            "code": "0",
            "msg": "",
            "data": [
                {
                    "algoId": "1",
                    "instId": "BTCUSDT",
                    "side": "buy",
                    "ordType": "conditional",
                    "slTriggerPx": "65000",
                    "tpTriggerPx": "",
                    "sz": "1",
                    "reduceOnly": "true",
                    "posSide": "net",
                    "state": "live",
                }
            ],
        },
    ),
    "krakenfutures": (
        {
            "result": "success",
            "openPositions": [
                {
                    "side": "short",
                    "symbol": "BTCUSDT",
                    "price": "60000",
                    "fillTime": "2023-02-22T11:37:16.685Z",
                    "size": "0.01",
                }
            ],
        },
        {
            "result": "success",
            "openOrders": [
                {
                    "order_id": "1",
                    "symbol": "BTCUSDT",
                    "side": "buy",
                    "orderType": "stop",
                    "stopPrice": "65000",
                    "unfilledSize": "0.01",
                    "reduceOnly": True,
                    "status": "untouched",
                }
            ],
        },
    ),
    "hyperliquid": (
        {
            "assetPositions": [
                {
                    "type": "oneWay",
                    "position": {"coin": "BTCUSDT", "szi": "-0.01", "entryPx": "60000", "positionValue": "610"},
                }
            ]
        },
        [
            {
                "coin": "BTCUSDT",
                "oid": 1,
                "side": "B",
                "sz": "0.01",
                "origSz": "0.01",
                "orderType": "Stop Market",
                "isTrigger": True,
                "triggerPx": "65000",
                "triggerCondition": "Price above 65000",
                "reduceOnly": True,
            }
        ],
    ),
}


@pytest.mark.parametrize("exchange", RAW)
def test_an_exchange_s_own_answers_are_read(exchange: str) -> None:
    positions, orders = RAW[exchange]
    snapshot = shown(exchange, positions, orders)
    assert (snapshot.doubts, snapshot.order_doubts, snapshot.row_doubts) == ((), (), ())
    (position,), (stop,) = snapshot.positions or (), snapshot.orders or ()
    assert (position.side, position.avg_px_open, position.key.leg) == (Side.SHORT, Decimal(60000), Leg.BOTH)
    assert position.quantity == Decimal("0.01")
    assert (stop.kind, stop.side, stop.trigger_price, stop.reduce_only) == (OrderKind.STOP, "buy", Decimal(65000), True)
    assert stop.quantity in {None, Decimal("0.01")}
    bare = read_snapshot(json.dumps(positions).encode(), Given(exchange))
    assert (bare.positions, bare.orders) == (snapshot.positions, None)
    listed = read_snapshot(json.dumps(orders).encode(), Given(exchange))
    assert (listed.positions, len(listed.orders or ())) == (None, 1)


def test_okx_s_own_answer_is_refused_where_it_does_not_say_of_what_size_its_contracts_are() -> None:
    row = {"instId": "BTCUSDT", "instType": "SWAP", "posSide": "long", "pos": "1", "avgPx": "60000", "markPx": "61000"}
    assert "does not say of what size" in shown("okx", [row]).row_doubts[0]
    assert "does not say of what size" in shown("okx", [{**row, "notionalUsd": "1500"}]).row_doubts[0]


@pytest.mark.parametrize(
    "answer",
    [
        {"code": "50011", "msg": "Too Many Requests", "data": []},
        {"retCode": 10003, "retMsg": "API key is invalid.", "result": {"list": []}},
        {"result": "error", "error": "apiLimitExceeded"},
    ],
)
def test_an_answer_that_failed_is_not_an_empty_list(answer: dict[str, Any]) -> None:
    snapshot = shown("okx", answer)  # type: ignore[arg-type] # as it was saved
    assert snapshot.positions is None
    assert "a call that failed" in " ".join(snapshot.doubts)


NAMES = (
    *("symbol", "instId", "coin", "side", "contracts", "contractSize", "entryPrice", "markPrice", "notional"),
    *("positionAmt", "pos", "szi", "size", "posSide", "positionSide", "positionIdx", "mode", "hedged", "marginMode"),
    *("id", "algoId", "type", "ordType", "status", "amount", "sz", "triggerPrice", "stopLossPrice", "takeProfitPrice"),
    *("reduceOnly", "closePosition", "closeFraction", "tradeSide", "offset", "stopLoss", "cost", "notionalUsd", "info"),
    *(
        "position",
        "order",
        "initial",
        "trigger",
        "triggerDirection",
        "triggerCondition",
        "rule",
        "instType",
        "timestamp",
    ),
)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("BTC/USDT:USDT", "BTC/USDT", "BTCUSDT", "long", "short", "buy", "sell", "net", "both", "open", "close", "1"),
        *("limit", "stop_market", "conditional", "oco", "dual_long", "cross", "spot", "Price above 5", "", "x"),
        *(None, True, False, 0, 1, -1, 0.01, 1e-12, 1e17, -3, [], {}, float("nan"), float("inf")),
    ]
)
FIELDS = st.dictionaries(
    st.sampled_from(NAMES), VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), max_size=6
)
A_POSITION = held(BTC, "long", 1, 60000, contractSize=0.01)
AN_ORDER = order("s", BTC, "sell", 1, type="stop_market", triggerPrice=50000, reduceOnly=True)


@tried_on(
    st.sampled_from(["binance", "okx", "mexc", "deribit", "krakenfutures"]),
    st.lists(FIELDS.map(lambda fields: A_POSITION | fields), max_size=3),
    st.lists(FIELDS.map(lambda fields: AN_ORDER | fields), max_size=3),
)
def test_any_rows_are_read_or_named_and_compared(
    exchange: str, positions: list[dict[str, Any]], orders: list[dict[str, Any]]
) -> None:
    snapshot = shown(exchange, positions, orders)
    assert len({each.key for each in snapshot.positions or ()}) == len(snapshot.positions or ())
    assert len(snapshot.row_doubts) >= bool(snapshot.unread_positions or snapshot.unread_orders)
    found = beside([adopt(BTC, exchange, "long", "0.01", "60000")], snapshot)
    assert all(in_words(each.command) for each in corrections(found))
