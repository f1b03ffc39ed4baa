"""Rows that cannot be read, or say too little: each is named, and the rest is judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.values import Leg
from projections.reconciliation.command_text import in_words
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.infrastructure.exchanges.shown import BTC, DOGE, adopt, beside, held, order, planned, shown, told

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
