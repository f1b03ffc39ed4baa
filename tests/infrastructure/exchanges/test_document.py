"""Snapshot documents: the format of the old bot, and ccxt's own structures."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.values import TEXT_LENGTH_MAX, Leg, Side
from infrastructure.exchanges.document import Given, read_snapshot
from infrastructure.timezones import zone_of
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport

SAMPLES = Path(__file__).parent.parent.parent / "samples_snapshots"
SAMPLE = (SAMPLES / "binance.json").read_bytes()
AT = "2025-10-22T18:55:00Z"


def read(document: Any, **given: Any) -> AccountSnapshot:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_snapshot(data, Given(**given))


def position(**fields: Any) -> PositionReport:
    known = {"symbol": "APT/USDT:USDT", "side": "short", "contracts": 61.0, "entry_price": 3.2295}
    found = read({"exchange": "binance", "timestamp": AT, "positions": [{**known, **fields}]})
    assert found.doubts == ()
    assert found.positions
    return found.positions[0]


def order(exchange: str = "binance", **fields: Any) -> OrderReport:
    known = {"order_id": "1", "symbol": "APT/USDT:USDT", "type": "stop_market", "side": "buy", "status": "open"}
    found = read({"exchange": exchange, "timestamp": AT, "positions": [], "orders": [{**known, **fields}]})
    assert found.order_doubts == ()
    assert found.orders
    return found.orders[0]


@pytest.mark.parametrize(
    ("said", "known", "doubts"),
    [
        ({"total": {"unfi": "1.3"}}, {"UNFI": Decimal("1.3")}, ()),
        ({"UNFI": {"free": 1, "total": "1.3"}, "info": {}}, {"UNFI": Decimal("1.3")}, ()),
        ({"total": {"UNFI": None}}, {"UNFI": None}, ()),
        ({"UNFI": {"free": 1, "used": 0}, "info": {}}, {"UNFI": None}, ()),
        ({"total": {"UNFI": "much"}}, {"UNFI": None}, ("its balance of UNFI is no number",)),
        ("much", None, ("its balances are no object but 'much'",)),
        (None, None, ()),
    ],
)
def test_a_balance_that_cannot_be_read_is_not_known(said: Any, known: Any, doubts: tuple[str, ...]) -> None:
    found = read({"exchange": "binance", "timestamp": AT, "positions": [], "orders": [], "balances": said})
    assert (found.balances, found.row_doubts) == (known, doubts)


# -- the document -----------------------------------------------------------------------------------------------


def test_a_blank_account_that_is_given_is_the_one_without_a_name() -> None:
    bare = b'{"exchange": "binance", "positions": [], "orders": []}'
    assert [read_snapshot(bare, given).is_account_said for given in (Given(), Given(account=""))] == [False, True]
    assert read_snapshot(bare, Given(account="")).account is None
    with pytest.raises(ValueError, match="a snapshot of sub1, not of the account without a name"):
        read_snapshot(bare.replace(b"{", b'{"account": "sub1", ', 1), Given(account=""))


def test_the_format_of_the_old_bot() -> None:
    found = read(SAMPLE, zone=zone_of("+04:00"))
    assert (found.exchange, found.account, found.doubts, found.notes) == ("binance", None, (), ())
    assert found.taken_at == datetime(2025, 10, 22, 18, 55, tzinfo=UTC)
    assert found.positions is not None
    assert found.orders is not None
    assert [(each.key.symbol, each.side, each.quantity, each.avg_px_open) for each in found.positions] == [
        ("APTUSDT", Side.SHORT, Decimal(61), Decimal("3.2295")),
        ("PERPUSDT", Side.LONG, Decimal("882.2"), Decimal("0.2267")),
        ("XMRUSDT", Side.LONG, Decimal("0.5"), Decimal("310.25")),
    ]
    assert [(each.order_id, each.kind, each.side, each.quantity, each.trigger_price) for each in found.orders] == [
        ("53190370", OrderKind.STOP, "buy", Decimal(61), None),
        ("24233907", OrderKind.STOP, "sell", Decimal("882.2"), None),
        ("24233999", OrderKind.STOP, "sell", Decimal(882), None),
        ("7719001", OrderKind.STOP, "buy", Decimal("1467.3"), None),
    ]
    assert found.orders[0].created_at == datetime(2025, 10, 22, 18, 50, 45, 914000, tzinfo=UTC)


def test_bybit_s_orders_lack_amount_and_price_and_flat_positions_are_not_there() -> None:
    found = read((SAMPLES / "bybit.json").read_bytes(), zone=UTC)
    assert [each.key.symbol for each in found.positions or ()] == ["HNTUSDT", "ORBSUSDT"]
    assert [(each.kind, each.quantity, each.reduce_only) for each in found.orders or ()] == [
        (OrderKind.STOP, None, True),
        (OrderKind.TARGET, None, True),
        (OrderKind.OTHER, None, False),
    ]
    assert found.doubts == found.order_doubts == ()


def test_a_time_without_a_zone_is_read_as_the_earliest_that_it_can_mean() -> None:
    found = read(SAMPLE)
    assert found.taken_at == datetime(2025, 10, 22, 18, 50, 45, 914000, tzinfo=UTC), "its newest order was there"
    assert (found.is_time_exact, "--timezone" in found.notes[0]) == (False, True)
    bare = read({"exchange": "binance", "timestamp": "2025-10-22 22:55:00", "positions": []})
    assert bare.taken_at == datetime(2025, 10, 22, 8, 55, tzinfo=UTC)


def test_a_time_that_its_clock_showed_twice_is_read_as_the_earlier_one() -> None:
    def taken(at: str) -> AccountSnapshot:
        return read({"exchange": "binance", "timestamp": at, "positions": []}, zone=zone_of("Europe/Berlin"))

    twice, once = taken("2025-10-26 02:30:00"), taken("2025-10-26 03:30:00")
    assert (twice.taken_at, twice.is_time_exact) == (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), False)
    assert "was on the clock twice, or never, in Europe/Berlin" in twice.notes[0] and "--taken-at" in twice.notes[0]
    assert (once.taken_at, once.is_time_exact) == (datetime(2025, 10, 26, 2, 30, tzinfo=UTC), True)
    assert not taken("2025-03-30 02:30:00").is_time_exact, "it was never"


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2025-10-22T18:55:00+00:00", datetime(2025, 10, 22, 18, 55, tzinfo=UTC)),
        ("2025-10-22T22:55:00.5+04:00", datetime(2025, 10, 22, 18, 55, 0, 500000, tzinfo=UTC)),
        (1761159300000, datetime(2025, 10, 22, 18, 55, tzinfo=UTC)),
        (1761159300, datetime(2025, 10, 22, 18, 55, tzinfo=UTC)),
        (1761159300.25, datetime(2025, 10, 22, 18, 55, 0, 250000, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (10**17, None),
    ],
)
def test_when_it_was_taken(timestamp: object, expected: datetime | None) -> None:
    assert read({"exchange": "binance", "timestamp": timestamp, "positions": []}).taken_at == expected
    assert (
        read({"exchange": "binance", "positions": []}, taken_at=datetime(2025, 1, 1, tzinfo=UTC)).taken_at is not None
    )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (SAMPLE[:-40], "not a JSON document"),
        (b"", "not a JSON document"),
        (b"\xff\xfe", "not a JSON document"),
        (b'{"exchange": "binance", "positions": [{"contracts": NaN}]}', "it says no quantity"),
        (b"[" * 100_000, "not a JSON document"),
        (b'{"exchange": "binance", "positions": [{"contracts": 10, "contracts": 0}]}', "'contracts' is there twice"),
        (b'{"exchange": "binance", "positions": [], "positions": [{"contracts": 10}]}', "'positions' is there twice"),
        ({"exchange": "binance", "positions_count": 19, "positions": []}, "positions_count is 19, and there are 0"),
        ({"exchange": "binance", "positions": [], "orders": [], "orders_count": 2}, "orders_count is 2, and there are"),
        ({"exchange": "binance", "positions": [], "error": "-1021 timestamp"}, "a call that failed"),
        ({"exchange": "binance", "positions": {"code": -1021}}, "no list"),
        ({"exchange": "binance", "positions": [7]}, "7 is not an object"),
        ({"exchange": "binance", "positions": [{"symbol": "APTUSDT", "contracts": 1}]}, "neither long nor short"),
        ({"exchange": "binance", "positions": [{"symbol": "APTUSDT", "side": "long"}]}, "no quantity"),
        ({"exchange": "binance", "positions": [{"contracts": 1, "side": "long"}]}, "symbol"),
        ({"exchange": "binance", "positions": [{"symbol": "APTUSDT", "contracts": "1e30", "side": "long"}]}, "finite"),
        (
            {"exchange": "binance", "positions": [
                {"symbol": "APTUSDT", "contracts": 1, "side": "long", "info": {"positionSide": "SHORT"}}
            ]},
            "cannot be held on leg SHORT",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_not_believed(document: Any, words: str) -> None:
    found = read(document)
    assert words in " ".join((*found.doubts, *found.row_doubts))
    assert found.doubts or found.unread_positions


def test_what_is_said_twice_alike_is_said() -> None:
    entry = b'{"symbol": "APTUSDT", "side": "long", "contracts": 10, "contracts": 10.0}'
    found = read(b'{"exchange": "binance", "positions": [%b]}' % entry)
    assert found.positions is not None and found.positions[0].quantity == 10


@pytest.mark.parametrize("document", [{}, [], "x", None, 7, {"code": -2015, "msg": "Invalid API-key"}])
def test_what_is_no_snapshot_has_no_positions_which_is_not_none(document: Any) -> None:
    found = read(document, exchange="binance")
    assert not found.positions
    assert found.positions is None or document == []


def test_without_orders_nothing_is_said_about_stops() -> None:
    found = read({"exchange": "binance", "timestamp": AT, "positions": []})
    assert (found.orders, found.shows_orders) == (None, False)
    assert "nothing is said about stops" in found.order_doubts[0]
    assert read({"exchange": "binance", "timestamp": AT, "positions": [], "orders": []}).shows_orders


def test_an_order_that_cannot_be_read_hides_those_of_its_symbol_alone() -> None:
    found = read({"exchange": "binance", "timestamp": AT, "positions": [], "orders": [{"symbol": "APTUSDT"}]})
    assert (found.doubts, found.order_doubts, found.shows_orders) == ((), (), False)
    assert (found.hides_orders("APTUSDT"), found.hides_orders("SXPUSDT"), found.hides("APTUSDT")) == (
        True,
        False,
        False,
    )
    assert found.row_doubts == ("number 1 of its orders ('APTUSDT') cannot be read: it has no id",)


def test_a_bare_answer_of_ccxt_needs_the_name_of_its_exchange() -> None:
    positions = [{"symbol": "APT/USDT:USDT", "side": "short", "contracts": 61, "entryPrice": 3.2295, "info": {}}]
    found = read(positions, exchange="binance")
    assert found.positions is not None
    assert (found.exchange, len(found.positions), found.orders) == ("binance", 1, None)
    orders = read([{"id": "1", "symbol": "APT/USDT:USDT", "type": "market", "side": "buy"}], exchange="binance")
    assert (orders.positions, len(orders.orders or ())) == (None, 1)
    both = read({"fetch_positions": positions, "fetch_open_orders": []}, exchange="binance")
    assert (len(both.positions or ()), both.orders) == (1, ())


def test_a_snapshot_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="of binance, not of bybit"):
        read(SAMPLE, exchange="bybit")
    with pytest.raises(ValueError, match="of sub1, not of sub2"):
        read({"exchange": "binance", "account": "SUB1", "positions": []}, account="sub2")
    assert read({"exchange": " Binance ", "positions": []}, account="sub2").account == "sub2"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("a1")
NAMES = st.sampled_from(
    ["exchange", "timestamp", "positions", "orders", "symbol", "side", "contracts", "info", "id", "type", "amount"]
)


@tried_on(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5)))
def test_any_document_is_read_or_refused_in_words(document: Any) -> None:
    with suppress(ValueError):
        assert isinstance(read(document), AccountSnapshot)


# -- positions --------------------------------------------------------------------------------------------------


def test_a_number_is_what_was_written() -> None:
    entry = b'{"symbol": "APTUSDT", "side": "long", "contracts": 0.1000000000000000055511}'
    data = b'{"exchange": "binance", "positions": [' + entry + b"]}"
    (seen,) = read(data).positions or ()
    assert seen.quantity == Decimal("0.100000000000000006"), "18 decimals are kept"
    assert position(contracts="61.80").quantity == Decimal("61.8")


@pytest.mark.parametrize(
    ("fields", "side"),
    [
        ({"side": "sell"}, Side.SHORT),
        ({"side": "BUY"}, Side.LONG),
        ({"side": None, "contracts": -5}, Side.SHORT),
        ({"side": None, "info": {"positionAmt": "61"}}, Side.LONG),
        ({"side": None, "contracts": "0.5", "info": {"positionAmt": "0.5"}}, Side.LONG),
        ({"side": "both", "info": {"positionAmt": "-61"}}, Side.SHORT),
        ({"side": "short", "info": {"side": "Sell", "size": "61.0"}}, Side.SHORT),
    ],
)
def test_the_side_of_a_position(fields: dict[str, Any], side: Side) -> None:
    assert position(**fields).side is side


@pytest.mark.parametrize(
    ("fields", "leg"),
    [
        ({}, Leg.BOTH),
        ({"hedged": True}, Leg.SHORT),
        ({"hedged": False}, Leg.BOTH),
        ({"info": {"positionSide": "SHORT"}}, Leg.SHORT),
        ({"hedged": True, "info": {"positionSide": "BOTH"}}, Leg.BOTH),
        ({"info": {"positionIdx": 2}}, Leg.SHORT),
        ({"info": {"mode": "dual_short"}}, Leg.SHORT),
        ({"info": {"mode": "single"}}, Leg.BOTH),
        ({"info": {"positionIdx": 0}, "hedged": True}, Leg.BOTH),
    ],
)
def test_the_leg_of_a_position(fields: dict[str, Any], leg: Leg) -> None:
    assert position(**fields).key.leg is leg


def test_contracts_are_counted_by_their_size() -> None:
    assert position(contractSize=10).quantity == Decimal(610)
    assert position(contractSize=None).quantity == Decimal(61)


def test_a_price_of_zero_is_not_known() -> None:
    assert position(entry_price=0.0).avg_px_open is None
    assert position(entry_price=None, info={"avgPrice": "1.5"}).avg_px_open == Decimal("1.5")
    assert position(stopLossPrice=None, info={"stopLoss": "0.00"}).stop_price is None
    assert position(info={"stopLoss": "3.3"}).stop_price == Decimal("3.3")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"contracts": "0", "info": {"positionAmt": "-61"}}, "contracts is 0, and info.positionAmt is 61"),
        ({"contracts": 61, "info": {"positionAmt": "0"}}, "contracts is 61, and info.positionAmt is 0"),
        ({"contracts": 61, "info": {"size": "60"}}, "contracts is 61, and info.size is 60"),
        ({"contracts": 61, "size": 0}, "contracts is 61, and size is 0"),
        ({"side": "long", "contracts": -61}, "side is long, and contracts is short"),
        ({"side": "long", "info": {"positionAmt": "-61"}}, "side is long, and info.positionAmt is short"),
        ({"side": "short", "info": {"positionAmt": 61}}, "side is short, and info.positionAmt is long"),
        ({"side": "short", "info": {"side": "Buy"}}, "side is short, and info.side is long"),
        ({"positionSide": "SHORT", "info": {"positionSide": "LONG"}}, "positionSide is SHORT, and info.positionSide"),
        ({"positionSide": "SHORT", "info": {"positionIdx": 1}}, "positionSide is SHORT, and info.positionIdx is LONG"),
        ({"contracts": True}, "contracts is True, not text"),
        ({"contracts": [61]}, "contracts is [61], not text"),
        ({"contracts": {"size": 61}}, "contracts is {'size': 61}, not text"),
        ({"contracts": "1e-20"}, "contracts is '1e-20', which is too little"),
        ({"contracts": "1e-18", "contractSize": "0.1"}, "too little to be kept"),
        ({"contracts": 0, "notional": "197.2"}, "its quantity is 0, and notional is 197.2"),
        ({"contractSize": 0}, "its contract size is 0"),
        ({"contractSize": 10, "info": {"contractSize": "1"}}, "contractSize is 10, and info.contractSize is 1"),
        ({"contracts": 61, "info": {"positionAmt": "many"}}, "info.positionAmt is 'many'"),
        ({"info": {"symbol": "SXPUSDT"}}, "symbol is APTUSDT, and info.symbol is SXPUSDT"),
        ({"entryPrice": "3.3"}, "entry_price is 3.2295, and entryPrice is 3.3"),
    ],
)
def test_an_entry_that_contradicts_itself_cannot_be_read(fields: dict[str, Any], words: str) -> None:
    entry = {"symbol": "APT/USDT:USDT", "side": "short", "contracts": 61.0, "entry_price": 3.2295, **fields}
    found = read({"exchange": "binance", "timestamp": AT, "positions": [entry]})
    assert words in " ".join(found.row_doubts)
    assert "number 1 of its positions ('APT/USDT:USDT')" in found.row_doubts[0]
    assert (found.positions, found.doubts, found.hides("APTUSDT")) == ((), (), True)
    assert not found.hides("SXPUSDT")


@pytest.mark.parametrize(
    "fields",
    [
        {"info": {"positionAmt": "-61.000", "entryPrice": "3.22950000", "symbol": "APTUSDT"}},
        {"info": {"size": "61", "side": "Sell", "avgPrice": "3.2295"}, "notional": 197.0},
        {"contracts": "61.00000000000001", "info": {"positionAmt": -61}},
        {"contracts": 6.1, "contractSize": 10, "info": {"positionAmt": "-61"}},
        {"contracts": -61, "info": {"positionAmt": ""}},
    ],
)
def test_one_thing_said_in_several_ways_is_no_contradiction(fields: dict[str, Any]) -> None:
    seen = position(**fields)
    assert (seen.side, round(seen.quantity, 9), seen.avg_px_open) == (Side.SHORT, Decimal(61), Decimal("3.2295"))


TRUTH: dict[str, dict[str, Any]] = {
    "binance": {
        "symbol": "APT/USDT:USDT", "side": "short", "contracts": 61.0, "contractSize": 1.0, "entryPrice": 3.2295,
        "info": {"symbol": "APTUSDT", "positionAmt": "-61.0", "entryPrice": "3.2295", "positionSide": "BOTH"},
    },
    "bybit": {
        "symbol": "APT/USDT:USDT", "side": "short", "contracts": "61", "entryPrice": "3.2295", "notional": "197.0",
        "info": {"symbol": "APTUSDT", "side": "Sell", "size": "61", "avgPrice": "3.2295", "positionIdx": 0},
    },
}  # fmt: skip
CHANGES = st.sampled_from(
    [
        "contracts",
        "side",
        "symbol",
        "positionAmt",
        "size",
        "entryPrice",
        "avgPrice",
        "positionSide",
        "positionIdx",
        "contractSize",
        "notional",
        "quantity",
        "amount",
    ]
)
WRONG: st.SearchStrategy[Any] = (
    st.sampled_from(
        [
            0,
            "0",
            0.0,
            "-0",
            61,
            -61,
            "61",
            "-61",
            "6.1",
            "1e-20",
            "1e30",
            "NaN",
            "long",
            "short",
            "Buy",
            "SELL",
            "both",
            "LONG",
            "SHORT",
            1,
            2,
            "",
            None,
            True,
            [],
            {},
            "SXP/USDT:USDT",
            "APTUSDT",
            "3.3",
        ]
    )
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
)


@tried_on(st.sampled_from(sorted(TRUTH)), st.booleans(), CHANGES, WRONG)
def test_one_wrong_statement_makes_a_position_doubtful_and_never_another_one(
    exchange: str,
    in_info: bool,  # noqa: FBT001 - drawn
    name: str,
    wrong: object,
) -> None:
    entry = {**TRUTH[exchange], "info": dict(TRUTH[exchange]["info"])}
    (entry["info"] if in_info else entry)[name] = wrong
    found = read({"exchange": exchange, "timestamp": AT, "positions": [entry], "orders": []})
    if not found.row_doubts:
        (seen,) = found.positions or ()
        assert (seen.key.symbol, seen.side) == ("APTUSDT", Side.SHORT)
        size = entry.get("contractSize") or entry["info"].get("contractSize") or 1
        assert seen.quantity in {Decimal(61), Decimal(61) * Decimal(str(size))}
        assert seen.avg_px_open in {Decimal("3.2295"), None} or name in {"entryPrice", "avgPrice"}


# -- orders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "stop_market"}, OrderKind.STOP),
        ({"type": "stop"}, OrderKind.STOP),
        ({"type": "STOP_MARKET"}, OrderKind.STOP),
        ({"type": "trailing_stop_market"}, OrderKind.TRAILING_STOP),
        ({"type": "limit"}, OrderKind.OTHER),
        ({"type": "take_profit_market", "stopPrice": 3}, OrderKind.TARGET),
        ({"type": "market", "stopOrderType": "StopLoss"}, OrderKind.STOP),
        ({"type": "market", "stopOrderType": "PartialStopLoss"}, OrderKind.STOP),
        ({"type": "market", "stopOrderType": "Stop"}, OrderKind.STOP),
        ({"type": "market", "stopOrderType": "TrailingStop"}, OrderKind.TRAILING_STOP),
        ({"type": "market", "stopOrderType": "TakeProfit"}, OrderKind.TARGET),
        ({"type": "market", "stopOrderType": "UNKNOWN"}, OrderKind.OTHER),
        ({"type": "market", "info": {"stopOrderType": "Stop", "triggerDirection": 1}}, OrderKind.STOP),
        ({"type": "market", "info": {"stopOrderType": "Stop", "triggerDirection": 2}}, OrderKind.TARGET),
        ({"type": "market", "info": {"origType": "STOP_MARKET"}}, OrderKind.STOP),
        ({"type": "market", "info": {"orderType": "STOP_MARKET", "algoId": 7}}, OrderKind.STOP),
        ({"type": "market", "triggerPrice": 3.3}, OrderKind.STOP),
        ({"type": "market", "triggerPrice": 3.1, "takeProfitPrice": 3.1}, OrderKind.TARGET),
        ({"type": "limit", "stopLossPrice": 3.3, "reduceOnly": False}, OrderKind.OTHER),
        ({"type": "limit", "stopLossPrice": 3.3, "reduceOnly": True}, OrderKind.STOP),
        ({"type": "market", "stopLossPrice": 3.3, "reduceOnly": True}, OrderKind.STOP),
        ({"type": "limit", "stopPrice": 0}, OrderKind.OTHER),
    ],
)  # fmt: skip
def test_which_orders_are_stops(fields: dict[str, Any], kind: OrderKind) -> None:
    assert order(**fields).kind is kind


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({"stopPrice": 3.3}, "3.3"), ({"triggerPrice": "3.30"}, "3.3"), ({"stopLossPrice": 3.3}, "3.3"),
        ({"stop_price": 3.3}, "3.3"), ({"info": {"stopPrice": "3.3000"}}, "3.3"),
        ({"triggerPrice": None, "stopPrice": 0, "info": {"triggerPrice": "3.3"}}, "3.3"), ({"price": 3.3}, None),
    ],
)  # fmt: skip
def test_where_a_stop_triggers(fields: dict[str, Any], price: str | None) -> None:
    assert order(**fields).trigger_price == (price and Decimal(price))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reduceOnly": True}, True), ({"reduceOnly": "true"}, True), ({"reduceOnly": "False"}, False),
        ({"reduceOnly": None}, False), ({"info": {"reduceOnly": "true"}}, True),
        ({"info": {"closePosition": True}}, True),
    ],
)  # fmt: skip
def test_whether_an_order_only_reduces(fields: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a case of two
    assert order(**fields).reduce_only is expected


def test_an_order_that_is_listed_twice_is_one_order() -> None:
    resting = {"id": "1", "symbol": "APTUSDT", "type": "stop_market", "side": "buy"}
    found = read({"exchange": "binance", "positions": [], "orders": [resting, resting, {**resting, "id": "2"}]})
    assert [each.order_id for each in found.orders or ()] == ["1", "2"]


def test_two_orders_of_one_id_say_nothing_about_stops() -> None:
    one = {"id": "1", "symbol": "APTUSDT", "type": "stop_market", "side": "buy"}
    for other in ({**one, "side": "sell"}, {**one, "type": "limit"}):
        found = read({"exchange": "binance", "positions": [], "orders": [one, other]})
        assert (found.shows_orders, found.order_doubts) == (False, ("it shows order 1 of APTUSDT.binance as two",))


def test_an_order_that_closes_whatever_is_open_has_no_quantity() -> None:
    assert order(amount=61, info={"closePosition": "true"}).quantity is None
    assert order(amount=0).quantity is None
    assert order(amount=61).quantity == Decimal(61)


@pytest.mark.parametrize(
    ("fields", "filled"),
    [
        ({"amount": 61, "remaining": 1}, 60),
        ({"amount": 61, "filled": 60, "remaining": 1}, 60),
        ({"qty": "61", "leavesQty": "1"}, 60),
        ({"origSz": "61", "sz": "1"}, 60),
        ({"sz": "61"}, 0),
        ({"amount": 61, "remaining": 0}, 0),
        ({"amount": 61, "remaining": 61}, 0),
        ({"amount": 0, "remaining": 5}, 0),
    ],
)
def test_what_is_left_of_an_order_says_what_was_filled(fields: dict[str, Any], filled: int) -> None:
    assert order(**fields).filled_qty == filled


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"info": {"side": "SELL"}}, "side is buy, and info.side is sell"),
        ({"info": {"algoStatus": "CANCELED"}}, "status is not over, and info.algoStatus is over"),
        ({"status": "canceled", "info": {"status": "NEW"}}, "status is over, and info.status is not over"),
        ({"amount": 61, "info": {"origQty": "6.1"}}, "amount is 61, and info.origQty is 6.1"),
        ({"amount": "1e-20"}, "too little"),
        ({"positionSide": "LONG", "info": {"positionSide": "SHORT"}}, "positionSide is LONG"),
    ],
)
def test_an_order_that_contradicts_itself_says_nothing_about_stops(fields: dict[str, Any], words: str) -> None:
    entry = {"id": "1", "symbol": "APTUSDT", "type": "stop_market", "side": "buy", "status": "open", **fields}
    found = read({"exchange": "binance", "timestamp": AT, "positions": [], "orders": [entry]})
    assert (found.doubts, found.order_doubts, found.shows_orders) == ((), (), False)
    assert words in found.row_doubts[0]
    said_twice = {"side": "BUY", "status": "NEW", "origQty": "61.000"}
    assert order(amount=61, info=said_twice).quantity == Decimal(61)


@pytest.mark.parametrize(
    ("exchange", "fields"),
    [
        ("bybit", {"amount": 61, "filled": 1, "info": {"qty": "61", "cumExecQty": "1"}}),
        ("kraken", {"amount": 61, "filled": 1, "info": {"unfilledSize": "60", "filledSize": "1"}}),
        ("kraken", {"unfilledSize": "60", "filledSize": "1"}),
        ("binance", {"origQty": "61", "executedQty": "1"}),
    ],
)
def test_what_is_left_of_an_order_is_what_is_not_filled_of_it(exchange: str, fields: dict[str, Any]) -> None:
    seen = order(exchange, **fields)
    assert (seen.quantity, seen.filled_qty, seen.left) == (Decimal(61), Decimal(1), Decimal(60))
    whole = {"order_id": "1", "symbol": "APTUSDT", "side": "buy", "status": "open", "amount": "61", "filled": "61"}
    assert read({"exchange": exchange, "positions": [], "orders": [whole]}).orders == ()


@pytest.mark.parametrize("status", ["closed", "canceled", "expired", "rejected", "filled", "FILLED"])
def test_an_order_that_rests_no_more_is_not_there(status: str) -> None:
    resting = {"order_id": "1", "symbol": "APTUSDT", "type": "stop_market", "side": "buy", "status": status}
    assert read({"exchange": "binance", "positions": [], "orders": [resting]}).orders == ()


def test_what_a_word_or_number_of_an_exchange_means_that_is_not_known_contradicts_nothing() -> None:
    over = {"order_id": "1", "symbol": "APTUSDT", "side": "buy", "status": "closed", "info": {"status": "7"}}
    found = read({"exchange": "binance", "positions": [], "orders": [over]})
    assert (found.orders, found.row_doubts) == ((), ())
    assert order(info={"status": "7"}).order_id == "1"


def test_an_order_in_one_way_mode_has_the_side_that_it_says_though_it_says_what_it_trades() -> None:
    seen = order("bitget", info={"tradeSide": "close", "posMode": "one_way_mode"}, reduceOnly=True)
    assert (seen.key.leg, seen.side, seen.reduce_only) == (Leg.BOTH, "buy", True)


def test_an_id_has_as_many_letters_as_a_text_may_have_and_no_more() -> None:
    assert order(order_id="1" * TEXT_LENGTH_MAX).order_id == "1" * TEXT_LENGTH_MAX
    longer = {"order_id": "1" * (TEXT_LENGTH_MAX + 1), "symbol": "APTUSDT", "side": "buy", "status": "open"}
    assert "its id is" in read({"exchange": "binance", "positions": [], "orders": [longer]}).row_doubts[0]
