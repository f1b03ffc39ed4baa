"""Orders at Bybit v5, linear contracts, through both kinds of clients, as its documentation shapes the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import OrderState, OrderTicket, TicketKind
from tests.infrastructure.ccxt_trading.trading_server import Driven, Script, driven, scripted
from tests.infrastructure.exchanges.exchange_server import bybit, bybit_order

CREATE, CANCEL = "POST /v5/order/create", "POST /v5/order/cancel"
OPEN, RECENT, FILLS = "GET /v5/order/realtime", "GET /v5/order/history", "GET /v5/execution/list"
ENTRY = OrderTicket(symbol="HNTUSDT", side="buy", kind=TicketKind.MARKET, client_order_id="pabc", quantity=Decimal(60))
STOP = OrderTicket(
    symbol="HNTUSDT",
    side="sell",
    kind=TicketKind.STOP,
    client_order_id="pstop",
    quantity=Decimal(60),
    trigger_price=Decimal("1.7165"),
    reduce_only=True,
)


def said(result: Any, code: int = 0, words: str = "OK") -> dict[str, Any]:
    return {"retCode": code, "retMsg": words, "result": result, "retExtInfo": {}, "time": 1761159300000}


def listed(*entries: dict[str, Any], cursor: str = "") -> dict[str, Any]:
    return said({"category": "linear", "list": list(entries), "nextPageCursor": cursor})


def order(**fields: Any) -> dict[str, Any]:
    return bybit_order("HNT", "o-1", "Buy", "60", **{"orderLinkId": "pabc", "orderStatus": "New", **fields})


def execution(number: int, quantity: str, **fields: Any) -> dict[str, Any]:
    return {
        "symbol": "HNTUSDT",
        "orderId": "o-1",
        "orderLinkId": "pabc",
        "side": "Buy",
        "orderPrice": "0",
        "orderQty": "60",
        "leavesQty": "0",
        "orderType": "Market",
        "stopOrderType": "UNKNOWN",
        "execFee": "0.0578",
        "execId": f"e-{number}",
        "execPrice": "1.7515",
        "execQty": quantity,
        "execType": "Trade",
        "execValue": "1",
        "execTime": str(1761159044000 + number),
        "feeCurrency": "",
        "isMaker": False,
        "feeRate": "0.00055",
        "tradeIv": "",
        "markPrice": "1.75",
        **fields,
    }


@pytest.fixture
def script() -> Iterator[Script]:
    """A server with markets, an empty list of everything, and no order."""
    answers = bybit().answers
    with scripted(
        {
            **{f"GET {path}": answer for path, answer in answers.items()},
            "GET /v5/user/query-api": said({"unified": 0, "uta": 1}),
            "GET /v5/account/info": said({"unifiedMarginStatus": 5}),
            OPEN: listed(),
            RECENT: listed(),
            FILLS: listed(),
        }
    ) as made:
        yield made


@pytest.fixture
def exchange(kind: str, script: Script) -> Iterator[Driven]:
    with driven(kind, "bybit", script.url) as made:
        yield made


def test_a_market_is_told_in_exact_numbers(exchange: Driven) -> None:
    market = exchange.market("HNTUSDT")
    assert (market.price_tick, market.quantity_step, market.min_quantity) == (
        Decimal("0.0001"),
        Decimal(1),
        Decimal(1),
    )
    assert market.has_unique_ids
    assert market.attaches_stops
    assert not market.closes_position


def test_an_acknowledgement_says_no_more_than_the_id(exchange: Driven, script: Script) -> None:
    script.routes[CREATE] = said({"orderId": "o-1", "orderLinkId": "pabc"})
    placed = exchange.place(ENTRY)
    assert (placed.order_id, placed.client_order_id, placed.state, placed.filled_qty, placed.quantity) == (
        "o-1",
        "pabc",
        OrderState.OPEN,
        Decimal(0),
        Decimal(60),
    )
    [sent] = script.sent(CREATE)
    assert (sent["symbol"], sent["side"], sent["orderType"], sent["qty"], sent["orderLinkId"], sent["positionIdx"]) == (
        "HNTUSDT",
        "Buy",
        "Market",
        "60",
        "pabc",
        0,
    )
    assert not sent.keys() & {"reduceOnly", "stopLoss"}


def test_a_stop_is_an_order_that_waits_with_the_others(exchange: Driven, script: Script) -> None:
    script.routes[CREATE] = said({"orderId": "s-1", "orderLinkId": "pstop"})
    placed = exchange.place(STOP)
    [sent] = script.sent(CREATE)
    assert (sent["triggerPrice"], sent["triggerDirection"], sent["reduceOnly"], sent["closeOnTrigger"]) == (
        "1.7165",
        2,
        True,
        True,
    )
    assert (placed.is_conditional, placed.trigger_price, placed.reduce_only) == (False, Decimal("1.7165"), True)


def test_an_entry_takes_its_stop_along(exchange: Driven, script: Script) -> None:
    script.routes[CREATE] = said({"orderId": "o-1", "orderLinkId": "pabc"})
    exchange.place(replace(ENTRY, attached_stop=Decimal("1.7165")))
    assert script.sent(CREATE)[0]["stopLoss"] == "1.7165"


@pytest.mark.parametrize(("leg", "index"), [(Leg.LONG, 1), (Leg.SHORT, 2)])
def test_a_leg_is_a_position_index(exchange: Driven, script: Script, leg: Leg, index: int) -> None:
    script.routes[CREATE] = said({"orderId": "s-1", "orderLinkId": "pstop"})
    exchange.place(replace(STOP, leg=leg))
    [sent] = script.sent(CREATE)
    assert (sent["positionIdx"], sent["reduceOnly"]) == (index, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": Decimal("60.5")}, "off the exchange's step; 60 is on it"),
        ({"attached_stop": Decimal("1.71655")}, "attached stop 1.71655"),
        ({"client_order_id": "p.a"}, "takes client order ids of"),
        ({"close_position": True}, "needs a quantity"),
    ],
)
def test_what_cannot_be_sent_as_it_is_is_refused(
    exchange: Driven, script: Script, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        exchange.place(replace(ENTRY, **change))
    assert not script.sent(CREATE)


REFUSED = [10001, 10002, 10003, 10004, 10005, 30208, 30209, 110003, 110004, 110007, 110017, 110092, 110094, 170193]


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_has_the_exchanges_code(exchange: Driven, script: Script, code: int) -> None:
    script.routes[CREATE] = said({}, code, "it is refused")
    with pytest.raises(Refused, match="it is refused") as refused:
        exchange.place(ENTRY)
    assert (refused.value.code, refused.value.text) == (str(code), "it is refused")
    assert not isinstance(refused.value, RateLimited)


@pytest.mark.parametrize(
    "answer",
    [
        said({}, 10000, "Server Timeout"),
        said({}, 10016, "Server error."),
        said({}, 10019, "service is restarting"),
        said({}, 999999, "a code that nobody knows"),
        said({}),
        (502, "<html>Bad Gateway</html>"),
        (503, ""),
        None,
    ],
    ids=str,
)
def test_what_nobody_knows_is_no_answer_and_is_not_sent_again(exchange: Driven, script: Script, answer: Any) -> None:
    script.routes[CREATE] = answer
    with pytest.raises(NoAnswer):
        exchange.place(ENTRY)
    assert len(script.sent(CREATE)) == 1


@pytest.mark.parametrize("code", [110030, 110072])
def test_a_client_order_id_that_is_taken_is_to_be_looked_up(exchange: Driven, script: Script, code: int) -> None:
    script.routes[CREATE] = said({}, code, "OrderLinkedID is duplicate")
    with pytest.raises(NoAnswer, match="was taken before, and is to be looked up"):
        exchange.place(ENTRY)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ((200, said({}, 10006, "Too many visits!"), {"X-Bapi-Limit-Reset-Timestamp": "1600000000000"}), 0.0),
        (said({}, 10018, "Exceeded the IP Rate Limit."), None),
        (said({}, 10429, "System level frequency protection"), None),
    ],
)
def test_too_many_calls_say_how_long_to_wait(
    exchange: Driven, script: Script, answer: Any, seconds: float | None
) -> None:
    script.routes[CREATE] = answer
    with pytest.raises(RateLimited) as limited:
        exchange.place(ENTRY)
    assert limited.value.retry_seconds == seconds


@pytest.mark.parametrize("route", [OPEN, RECENT])
@pytest.mark.parametrize(("name", "value"), [("orderLinkId", "pabc"), ("orderId", "o-1")])
def test_an_order_is_found_by_its_ids_open_or_recent(
    exchange: Driven, script: Script, route: str, name: str, value: str
) -> None:
    filled = order(orderStatus="Filled", cumExecQty="60", avgPrice="1.7515", cumExecValue="105.09")
    script.routes[route] = lambda asked: listed(filled) if asked.get(name) == value else listed()
    named = {"client_order_id": value} if name == "orderLinkId" else {"exchange_order_id": value}
    found = exchange.find("HNTUSDT", **named)
    assert (found.order_id, found.state, found.filled_qty, found.avg_px) == (
        "o-1",
        OrderState.FILLED,
        Decimal(60),
        Decimal("1.7515"),
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Untriggered", OrderState.OPEN),
        ("PartiallyFilled", OrderState.OPEN),
        ("Cancelled", OrderState.CANCELED),
        ("PartiallyFilledCanceled", OrderState.CANCELED),
        ("Deactivated", OrderState.CANCELED),
        ("Rejected", OrderState.REJECTED),
    ],
)
def test_how_an_order_stands(exchange: Driven, script: Script, status: str, state: OrderState) -> None:
    script.routes[OPEN] = listed(order(orderStatus=status, cumExecQty="7"))
    found = exchange.find("HNTUSDT", client_order_id="pabc")
    assert (found.state, found.filled_qty, found.avg_px) == (state, Decimal(7), None)


def test_a_stop_that_goes_with_an_entry_is_not_its_trigger(exchange: Driven, script: Script) -> None:
    script.routes[OPEN] = listed(order(stopLoss="1.7165"))
    assert exchange.find("HNTUSDT", client_order_id="pabc").trigger_price is None


def test_an_order_is_not_there_when_every_question_said_no(exchange: Driven, script: Script) -> None:
    assert exchange.find("HNTUSDT", client_order_id="pabc") is None
    asked = [name for name, _ in script.asked if name in (OPEN, RECENT, FILLS)]
    assert asked == [OPEN, RECENT, OPEN, RECENT, FILLS]


@pytest.mark.parametrize("route", [OPEN, RECENT, FILLS])
@pytest.mark.parametrize("answer", [(503, ""), said({}), said({}, 10016, "Server error."), None], ids=str)
def test_an_order_is_not_said_to_be_absent_while_one_question_is_open(
    exchange: Driven, script: Script, route: str, answer: Any
) -> None:
    script.routes[route] = answer
    with pytest.raises(NoAnswer):
        exchange.find("HNTUSDT", client_order_id="pabc")


def test_fills_of_an_order_that_is_not_shown_are_no_absence(exchange: Driven, script: Script) -> None:
    script.routes[FILLS] = lambda asked: listed(execution(1, "60")) if asked.get("orderLinkId") == "pabc" else listed()
    with pytest.raises(NoAnswer, match="1 fills of order pabc"):
        exchange.find("HNTUSDT", client_order_id="pabc")


def test_fills_come_page_by_page(exchange: Driven, script: Script) -> None:
    script.routes[OPEN] = listed(order(orderStatus="Filled", cumExecQty="60"))
    found = exchange.find("HNTUSDT", client_order_id="pabc")
    script.routes[FILLS] = lambda asked: (
        listed(execution(1, "20")) if asked.get("cursor") else listed(execution(2, "40"), cursor="next")
    )
    fills = exchange.fills("HNTUSDT", found)
    assert [(fill.trade_id, fill.quantity, fill.price, fill.fee) for fill in fills] == [
        ("e-1", Decimal(20), Decimal("1.7515"), Decimal("0.0578")),
        ("e-2", Decimal(40), Decimal("1.7515"), Decimal("0.0578")),
    ]
    assert {asked["orderId"] for asked in script.sent(FILLS)} == {"o-1"}


def test_an_order_is_cancelled_and_then_asked_for(exchange: Driven, script: Script) -> None:
    script.routes[OPEN] = listed(order())
    found = exchange.find("HNTUSDT", client_order_id="pabc")
    script.routes[CANCEL] = said({"orderId": "o-1", "orderLinkId": "pabc"})
    script.routes[OPEN] = listed(order(orderStatus="Cancelled", cumExecQty="12", avgPrice="1.75"))
    gone = exchange.cancel("HNTUSDT", found)
    assert (gone.state, gone.filled_qty) == (OrderState.CANCELED, Decimal(12))
    assert script.sent(CANCEL)[0]["orderId"] == "o-1"


def test_what_is_no_longer_there_is_not_cancelled(exchange: Driven, script: Script) -> None:
    script.routes[OPEN] = listed(order())
    found = exchange.find("HNTUSDT", client_order_id="pabc")
    script.routes[CANCEL] = said({}, 110001, "order not exists or too late to cancel")
    assert exchange.cancel("HNTUSDT", found) is None


def test_a_cancel_whose_order_is_not_shown_is_no_answer(exchange: Driven, script: Script) -> None:
    script.routes[OPEN] = listed(order())
    found = exchange.find("HNTUSDT", client_order_id="pabc")
    script.routes[CANCEL] = said({"orderId": "o-1", "orderLinkId": "pabc"})
    script.routes[OPEN] = listed()
    with pytest.raises(NoAnswer, match="what was filled of it is not shown"):
        exchange.cancel("HNTUSDT", found)


def test_an_account_is_all_pages(exchange: Driven, script: Script) -> None:
    answers = bybit().answers
    script.routes[OPEN] = answers["/v5/order/realtime"]
    account = exchange.account()
    assert {(seen.key.symbol, seen.side.value, seen.quantity) for seen in account.positions} == {
        ("HNTUSDT", "long", Decimal(60)),
        ("ORBSUSDT", "short", Decimal(200)),
    }
    assert [(seen.order_id, seen.is_stop) for seen in account.orders] == [("s-1", True)]
    assert account.shows_orders
