"""Legs of an account that is shown: two sides, several margin modes, spot beside a swap."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg, Side
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.infrastructure.exchanges.shown import BTC, DOGE, adopt, beside, held, order, shown, told


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
