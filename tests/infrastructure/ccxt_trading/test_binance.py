"""Orders at Binance USD-M, through both kinds of clients, as its documentation shapes the answers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg
from infrastructure.ccxt_trading.ccxt_exchange import CcxtExchange
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import OrderState, OrderTicket, TicketKind
from tests.infrastructure.ccxt_trading.trading_server import (
    KEY,
    SECRET,
    Driven,
    Script,
    client,
    driven,
    scripted,
)
from tests.infrastructure.exchanges.exchange_server import binance

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
ABSENT = (400, {"code": -2013, "msg": "Order does not exist."})
ENTRY = OrderTicket(
    symbol="APTUSDT", side="sell", kind=TicketKind.MARKET, client_order_id="pabc", quantity=Decimal("61.8")
)
STOP = OrderTicket(
    symbol="APTUSDT",
    side="buy",
    kind=TicketKind.STOP,
    client_order_id="pstop",
    quantity=Decimal("61.8"),
    trigger_price=Decimal("3.2941"),
    reduce_only=True,
)


def order(**said: Any) -> dict[str, Any]:
    return {
        "orderId": 7719001,
        "symbol": "APTUSDT",
        "status": "NEW",
        "clientOrderId": "pabc",
        "price": "0",
        "avgPrice": "0.00",
        "origQty": "61.8",
        "executedQty": "0",
        "cumQuote": "0",
        "timeInForce": "GTC",
        "type": "MARKET",
        "reduceOnly": False,
        "closePosition": False,
        "side": "SELL",
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "origType": "MARKET",
        "updateTime": 1760380510250,
        **said,
    }


def algo(**said: Any) -> dict[str, Any]:
    [listed] = binance().answers["/fapi/v1/openAlgoOrders"]
    return {**listed, "clientAlgoId": "pstop", "quantity": "61.8", **said}


def trade(number: int, quantity: str, **said: Any) -> dict[str, Any]:
    return {
        "buyer": False,
        "commission": "0.07819010",
        "commissionAsset": "USDT",
        "id": number,
        "maker": False,
        "orderId": 7719001,
        "price": "3.2295",
        "qty": quantity,
        "quoteQty": "1",
        "realizedPnl": "0",
        "side": "SELL",
        "positionSide": "BOTH",
        "symbol": "APTUSDT",
        "time": 1760380510250 + number,
        **said,
    }


@pytest.fixture
def script() -> Iterator[Script]:
    """A server with markets, an empty list of everything, and no order."""
    answers = binance().answers
    info = copy.deepcopy(answers["/fapi/v1/exchangeInfo"])
    for market in info["symbols"]:
        market["orderTypes"].append("TAKE_PROFIT_MARKET")
        market["filters"].append({"filterType": "MIN_NOTIONAL", "notional": "5"})
    empty = ("openOrders", "openAlgoOrders", "allOrders", "allAlgoOrders", "userTrades")
    with scripted(
        {
            "GET /fapi/v1/exchangeInfo": info,
            "GET /fapi/v3/positionRisk": answers["/fapi/v3/positionRisk"],
            "GET " + ORDER: ABSENT,
            "GET " + ALGO: ABSENT,
            **{f"GET /fapi/v1/{name}": [] for name in empty},
        }
    ) as made:
        yield made


@pytest.fixture
def exchange(script: Script, kind: str) -> Iterator[Driven]:
    with driven(kind, "binanceusdm", script.url) as made:
        yield made


def test_a_market_is_told_in_exact_numbers(exchange: Driven) -> None:
    market = exchange.market("APTUSDT")
    assert (market.price_tick, market.quantity_step, market.min_quantity, market.min_cost) == (
        Decimal("0.0001"),
        Decimal("0.1"),
        Decimal("0.1"),
        Decimal(5),
    )
    assert (market.contract_size, market.inverse, market.base, market.settle) == (Decimal(1), False, "APT", "USDT")
    assert not market.has_unique_ids
    assert market.closes_position
    assert market.leg is None


@pytest.mark.parametrize("symbol", ["APTUSDT", "APT/USDT:USDT", "APT/USDT", "aptusdt"])
def test_a_market_is_found_in_any_spelling(exchange: Driven, symbol: str) -> None:
    assert exchange.market(symbol).symbol == "APTUSDT"


def test_what_is_no_symbol_is_refused(exchange: Driven) -> None:
    with pytest.raises(Refused, match="nothing was sent"):
        exchange.market("BYBIT:APTUSDT")


def test_a_market_that_is_not_listed_is_refused(exchange: Driven) -> None:
    with pytest.raises(Refused, match="of BTCUSDT, binance lists no contract"):
        exchange.market("BTCUSDT")


def test_an_entry_is_sent_once_as_text(exchange: Driven, script: Script) -> None:
    script.routes["POST " + ORDER] = order(status="FILLED", executedQty="61.8", avgPrice="3.22950")
    placed = exchange.place(ENTRY)
    assert (placed.state, placed.filled_qty, placed.avg_px) == (
        OrderState.FILLED,
        Decimal("61.8"),
        Decimal("3.2295"),
    )
    assert (placed.order_id, placed.client_order_id, placed.is_conditional) == ("7719001", "pabc", False)
    [sent] = script.sent("POST " + ORDER)
    assert (sent["symbol"], sent["side"], sent["type"], sent["quantity"], sent["newClientOrderId"]) == (
        "APTUSDT",
        "SELL",
        "MARKET",
        "61.8",
        "pabc",
    )
    assert "reduceOnly" not in sent


@pytest.mark.parametrize(("paid", "average"), [("0", None), (None, None), ("200", Decimal("3.236245954692556634"))])
def test_an_average_of_zero_is_not_known_unless_it_is_said_what_was_paid(
    exchange: Driven, script: Script, paid: str | None, average: Decimal | None
) -> None:
    answer = order(status="FILLED", executedQty="61.8", price="3.3", cumQuote=paid)
    script.routes["POST " + ORDER] = answer
    assert exchange.place(ENTRY).avg_px == average


def test_no_number_goes_through_a_float(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ORDER] = order(origQty="12345678901234.56789", executedQty="12345678901234.56789")
    script.routes["GET /fapi/v1/userTrades"] = [trade(1, "12345678901234.56789", commission="0.123456789012345678")]
    found = exchange.find("APTUSDT", client_order_id="pabc")
    [fill] = exchange.fills("APTUSDT", found)
    exact = Decimal("12345678901234.56789")
    assert (found.quantity, found.filled_qty, fill.quantity) == (exact, exact, exact)
    assert fill.fee == Decimal("0.123456789012345678")


def test_a_limit_order_names_its_price(exchange: Driven, script: Script) -> None:
    script.routes["POST " + ORDER] = order(type="LIMIT", price="3.25")
    exchange.place(
        OrderTicket(
            symbol="APTUSDT",
            side="sell",
            kind=TicketKind.LIMIT,
            client_order_id="pabc",
            quantity=Decimal(7),
            price=Decimal("3.25"),
            reduce_only=True,
        )
    )
    [sent] = script.sent("POST " + ORDER)
    assert (sent["type"], sent["price"], sent["quantity"], sent["reduceOnly"]) == ("LIMIT", "3.25", "7", "true")


@pytest.mark.parametrize(
    ("sort", "sent_as"), [(TicketKind.STOP, "STOP_MARKET"), (TicketKind.TARGET, "TAKE_PROFIT_MARKET")]
)
def test_what_waits_for_a_price_goes_to_its_own_list(
    exchange: Driven, script: Script, sort: TicketKind, sent_as: str
) -> None:
    script.routes["POST " + ALGO] = algo(orderType=sent_as)
    placed = exchange.place(replace(STOP, kind=sort))
    [sent] = script.sent("POST " + ALGO)
    assert (sent["type"], sent["triggerPrice"], sent["quantity"], sent["clientAlgoId"], sent["reduceOnly"]) == (
        sent_as,
        "3.2941",
        "61.8",
        "pstop",
        "true",
    )
    assert (placed.order_id, placed.is_conditional, placed.trigger_price, placed.reduce_only) == (
        "53190401",
        True,
        Decimal("3.2941"),
        True,
    )


def test_a_stop_for_all_that_is_held_names_no_quantity(exchange: Driven, script: Script) -> None:
    script.routes["POST " + ALGO] = algo(closePosition=True, quantity="0", reduceOnly=False)
    placed = exchange.place(replace(STOP, close_position=True, quantity=None))
    [sent] = script.sent("POST " + ALGO)
    assert sent["closePosition"] == "true"
    assert not sent.keys() & {"quantity", "reduceOnly"}
    assert placed.reduce_only


def test_a_leg_says_what_is_reduced(exchange: Driven, script: Script) -> None:
    script.routes["POST " + ALGO] = algo(positionSide="SHORT")
    exchange.place(replace(STOP, leg=Leg.SHORT))
    [sent] = script.sent("POST " + ALGO)
    assert sent["positionSide"] == "SHORT"
    assert "reduceOnly" not in sent


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": Decimal("61.85")}, "quantity 61.85 .* off the exchange's step; 61.8 is on it"),
        ({"trigger_price": Decimal("3.29415"), "kind": TicketKind.STOP}, "trigger price 3.29415 .* off"),
        ({"price": Decimal("3.00001"), "kind": TicketKind.LIMIT}, "price 3.00001 .* off"),
        ({"kind": TicketKind.LIMIT}, "has no price"),
        ({"quantity": None}, "has no quantity"),
        ({"quantity": Decimal("0.01")}, "quantity 0.01"),
        ({"client_order_id": "p a"}, "takes client order ids of"),
        ({"client_order_id": "p" * 37}, "takes client order ids of"),
        ({"cost": Decimal(10)}, "takes no order by cost"),
        ({"attached_stop": Decimal("3.3")}, "takes no stop along"),
        ({"symbol": "BTCUSDT"}, "lists no contract"),
    ],
)
def test_what_cannot_be_sent_as_it_is_is_refused(
    exchange: Driven, script: Script, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        exchange.place(replace(ENTRY, **change))
    assert not [name for name, _ in script.asked if name.startswith("POST")]


REFUSED = ["-1021", "-1111", "-2010", "-2015", "-2019", "-2021", "-2022", "-2027", "-4061", "-4131", "-4140", "-4164"]


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_has_the_exchanges_code(exchange: Driven, script: Script, code: str) -> None:
    script.routes["POST " + ORDER] = (400, {"code": int(code), "msg": "it is refused"})
    with pytest.raises(Refused, match="it is refused") as refused:
        exchange.place(ENTRY)
    assert (refused.value.code, refused.value.text) == (code, "it is refused")
    assert not isinstance(refused.value, RateLimited)


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"code": -1000, "msg": "An unknown error occured while processing the request."}),
        (400, {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."}),
        (400, {"code": -1006, "msg": "An unexpected response was received from the message bus."}),
        (408, {"code": -1007, "msg": "Timeout waiting for response from backend server."}),
        (503, {"code": 0, "msg": "Unknown error, please check your request or try again later."}),
        (503, "<html>503 Service Unavailable</html>"),
        (500, ""),
        (502, "<html>Bad Gateway</html>"),
        (504, "<html>Gateway Timeout</html>"),
        (400, {"code": -9999, "msg": "a code that nobody knows"}),
        (200, "no JSON"),
        (200, {}),
        (200, []),
        order(clientOrderId="panother"),
        order(executedQty="618", status="FILLED"),
        order(executedQty="-1"),
        None,
    ],
    ids=lambda answer: str(answer)[:80],
)
def test_what_nobody_knows_is_no_answer_and_is_not_sent_again(exchange: Driven, script: Script, answer: Any) -> None:
    script.routes["POST " + ORDER] = answer
    with pytest.raises(NoAnswer):
        exchange.place(ENTRY)
    assert len(script.sent("POST " + ORDER)) == 1


def test_a_client_order_id_that_is_taken_is_to_be_looked_up(exchange: Driven, script: Script) -> None:
    script.routes["POST " + ORDER] = (400, {"code": -4116, "msg": "ClientOrderId is duplicated."})
    with pytest.raises(NoAnswer, match="was taken before, and is to be looked up"):
        exchange.place(ENTRY)


@pytest.mark.parametrize(
    ("answer", "code", "seconds"),
    [
        ((429, {"code": -1003, "msg": "Too many requests"}, {"Retry-After": "7"}), "-1003", 7.0),
        ((418, {"code": -1003, "msg": "Way too many requests; IP banned"}, {"Retry-After": "120"}), "-1003", 120.0),
        ((418, {"code": -1003, "msg": "IP banned until 1600000000000."}), "-1003", 0.0),
        ((400, {"code": -1015, "msg": "Too many new orders"}), "-1015", None),
        ((503, {"code": -1008, "msg": "Request throttled by system-level protection."}), "-1008", None),
    ],
)
def test_too_many_calls_say_how_long_to_wait(
    exchange: Driven, script: Script, answer: Any, code: str, seconds: float | None
) -> None:
    script.routes["POST " + ORDER] = answer
    with pytest.raises(RateLimited) as limited:
        exchange.place(ENTRY)
    assert (limited.value.code, limited.value.retry_seconds) == (code, seconds)


def test_a_service_that_says_it_is_unavailable_took_nothing(exchange: Driven, script: Script) -> None:
    script.routes["POST " + ORDER] = (503, {"code": 0, "msg": "Service Unavailable."})
    with pytest.raises(Refused):
        exchange.place(ENTRY)


def test_no_list_of_markets_is_nothing_sent(exchange: Driven, script: Script) -> None:
    script.routes["GET /fapi/v1/exchangeInfo"] = (502, "")
    with pytest.raises(Refused, match="nothing was sent, because the list of markets did not come"):
        exchange.place(ENTRY)


def test_an_error_shows_neither_keys_nor_queries(exchange: Driven, script: Script) -> None:
    script.routes["POST " + ORDER] = (400, {"code": -2015, "msg": f"Invalid API-key {KEY}, signed with {SECRET}"})
    script.routes["GET " + ORDER] = (500, "")
    with pytest.raises(Refused) as refused:
        exchange.place(ENTRY)
    with pytest.raises(NoAnswer) as unknown:
        exchange.find("APTUSDT", client_order_id="pabc")
    for wrong in (refused.value, unknown.value):
        assert not [word for word in (KEY, SECRET, "signature=") if word in f"{wrong!r}{wrong.__cause__}"]
        assert wrong.__suppress_context__ or wrong.__context__ is None


def test_an_order_is_found_by_its_client_id(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ORDER] = lambda asked: (
        order(status="PARTIALLY_FILLED", executedQty="20") if asked.get("origClientOrderId") == "pabc" else ABSENT
    )
    found = exchange.find("APTUSDT", client_order_id="pabc")
    assert (found.order_id, found.state, found.filled_qty) == ("7719001", OrderState.OPEN, Decimal(20))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("NEW", OrderState.OPEN),
        ("FILLED", OrderState.FILLED),
        ("CANCELED", OrderState.CANCELED),
        ("EXPIRED", OrderState.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderState.EXPIRED),
        ("REJECTED", OrderState.REJECTED),
    ],
)
def test_how_an_order_stands(exchange: Driven, script: Script, said: str, state: OrderState) -> None:
    script.routes["GET " + ORDER] = order(status=said, executedQty="61.8" if said == "FILLED" else "3")
    assert exchange.find("APTUSDT", exchange_order_id="7719001").state is state


def test_a_state_that_nobody_knows_is_no_answer(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ORDER] = order(status="SUSPENDED")
    with pytest.raises(NoAnswer, match="SUSPENDED"):
        exchange.find("APTUSDT", client_order_id="pabc")


def test_a_conditional_order_is_found_by_its_client_id(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ALGO] = lambda asked: algo() if asked.get("clientAlgoId") == "pstop" else ABSENT
    found = exchange.find("APTUSDT", client_order_id="pstop")
    assert (found.order_id, found.is_conditional, found.trigger_price) == ("53190401", True, Decimal("3.2941"))


def test_a_triggered_stop_stands_as_the_order_that_it_became(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ALGO] = algo(algoStatus="FINISHED", actualOrderId="990")
    script.routes["GET " + ORDER] = lambda asked: (
        order(orderId=990, clientOrderId="autoclose", status="FILLED", executedQty="61.8", avgPrice="3.2950")
        if asked.get("orderId") == "990"
        else ABSENT
    )
    script.routes["GET /fapi/v1/userTrades"] = lambda asked: (
        [trade(1, "61.8", orderId=990)] if asked.get("orderId") == "990" else []
    )
    found = exchange.find("APTUSDT", client_order_id="pstop")
    assert (found.order_id, found.state, found.filled_qty, found.avg_px) == (
        "53190401",
        OrderState.FILLED,
        Decimal("61.8"),
        Decimal("3.295"),
    )
    [fill] = exchange.fills("APTUSDT", found)
    assert (fill.order_id, fill.quantity) == ("53190401", Decimal("61.8"))


def test_a_triggered_stop_that_does_not_say_what_it_became_is_no_answer(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ALGO] = algo(algoStatus="TRIGGERED", actualOrderId="")
    with pytest.raises(NoAnswer, match="does not say which order it became"):
        exchange.find("APTUSDT", client_order_id="pstop")


def test_a_stop_that_waits_has_no_fills(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ALGO] = algo()
    found = exchange.find("APTUSDT", client_order_id="pstop")
    assert exchange.fills("APTUSDT", found) == ()


@pytest.mark.parametrize("name", ["openOrders", "allOrders"])
def test_an_order_is_found_in_the_lists(exchange: Driven, script: Script, name: str) -> None:
    script.routes[f"GET /fapi/v1/{name}"] = [order(clientOrderId="other", orderId=1), order()]
    assert exchange.find("APTUSDT", client_order_id="pabc").order_id == "7719001"


def test_of_orders_with_one_client_id_the_open_one_counts_then_the_newest(exchange: Driven, script: Script) -> None:
    old, new = (
        order(orderId=1, status="CANCELED", time=1),
        order(orderId=2, status="FILLED", executedQty="61.8", time=9),
    )
    script.routes["GET /fapi/v1/allOrders"] = [new, old]
    assert exchange.find("APTUSDT", client_order_id="pabc").order_id == "2"
    script.routes["GET /fapi/v1/allOrders"] = [order(orderId=3, time=2), new, old]
    assert exchange.find("APTUSDT", client_order_id="pabc").order_id == "3"


@pytest.mark.parametrize("name", ["openAlgoOrders", "allAlgoOrders"])
def test_a_conditional_order_is_found_in_the_lists(exchange: Driven, script: Script, name: str) -> None:
    script.routes[f"GET /fapi/v1/{name}"] = [algo()]
    found = exchange.find("APTUSDT", client_order_id="pstop")
    assert (found.order_id, found.is_conditional) == ("53190401", True)


def test_an_order_is_not_there_when_every_question_said_no(exchange: Driven, script: Script) -> None:
    assert exchange.find("APTUSDT", client_order_id="pabc") is None
    asked = [name for name, _ in script.asked if name != "GET /fapi/v1/exchangeInfo"]
    lists = ("openOrders", "openAlgoOrders", "allOrders", "allAlgoOrders")
    assert asked == ["GET " + ORDER, "GET " + ALGO, *(f"GET /fapi/v1/{name}" for name in lists)]


QUESTIONS = (
    ORDER,
    ALGO,
    *(f"/fapi/v1/{name}" for name in ("openOrders", "openAlgoOrders", "allOrders", "allAlgoOrders")),
)


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize("answer", [(503, ""), (200, "{}"), (200, {"code": 0, "msg": "maintenance"}), None], ids=str)
def test_an_order_is_not_said_to_be_absent_while_one_question_is_open(
    exchange: Driven, script: Script, path: str, answer: Any
) -> None:
    script.routes[f"GET {path}"] = answer
    with pytest.raises(NoAnswer):
        exchange.find("APTUSDT", client_order_id="pabc")


def test_fills_of_an_order_that_is_not_shown_are_no_absence(exchange: Driven, script: Script) -> None:
    script.routes["GET /fapi/v1/userTrades"] = [trade(1, "61.8")]
    with pytest.raises(NoAnswer, match="1 fills of order 7719001"):
        exchange.find("APTUSDT", exchange_order_id="7719001")
    assert exchange.find("APTUSDT", exchange_order_id="42") is None


def test_one_number_of_two_orders_tells_neither(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ORDER] = order(orderId=53190401)
    script.routes["GET " + ALGO] = algo()
    with pytest.raises(NoAnswer, match="a plain and a conditional one"):
        exchange.find("APTUSDT", exchange_order_id="53190401")


def test_an_order_without_an_id_is_no_question(exchange: Driven) -> None:
    with pytest.raises(ValueError, match="found by its client order id"):
        exchange.find("APTUSDT")


def test_an_order_is_cancelled_and_then_asked_for(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ORDER] = order()
    found = exchange.find("APTUSDT", client_order_id="pabc")
    script.routes["DELETE " + ORDER] = order(status="CANCELED")
    script.routes["GET " + ORDER] = order(status="CANCELED", executedQty="20.1", avgPrice="3.2295")
    gone = exchange.cancel("APTUSDT", found)
    assert (gone.state, gone.filled_qty) == (OrderState.CANCELED, Decimal("20.1"))
    assert script.sent("DELETE " + ORDER)[0]["orderId"] == "7719001"


def test_a_conditional_order_is_cancelled_on_its_list(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ALGO] = algo()
    found = exchange.find("APTUSDT", client_order_id="pstop")
    script.routes["DELETE " + ALGO] = {"algoId": 53190401, "clientAlgoId": "pstop", "code": "200", "msg": "success"}
    script.routes["GET " + ALGO] = algo(algoStatus="CANCELED")
    assert exchange.cancel("APTUSDT", found).state is OrderState.CANCELED
    assert script.sent("DELETE " + ALGO)[0]["algoId"] == "53190401"


def test_what_is_no_longer_there_is_not_cancelled(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ORDER] = order()
    found = exchange.find("APTUSDT", client_order_id="pabc")
    script.routes["DELETE " + ORDER] = (400, {"code": -2011, "msg": "Unknown order sent."})
    assert exchange.cancel("APTUSDT", found) is None


def test_fills_come_once_each_and_in_order(exchange: Driven, script: Script) -> None:
    script.routes["GET " + ORDER] = order(status="FILLED", executedQty="61.8")
    found = exchange.find("APTUSDT", client_order_id="pabc")
    script.routes["GET /fapi/v1/userTrades"] = [
        trade(2, "20"),
        trade(1, "41.8"),
        trade(2, "20"),
        trade(3, "9", orderId=5),
    ]
    fills = exchange.fills("APTUSDT", found)
    assert [(fill.trade_id, fill.quantity, fill.price, fill.fee, fill.fee_currency) for fill in fills] == [
        ("1", Decimal("41.8"), Decimal("3.2295"), Decimal("0.0781901"), "USDT"),
        ("2", Decimal(20), Decimal("3.2295"), Decimal("0.0781901"), "USDT"),
    ]
    assert script.sent("GET /fapi/v1/userTrades")[0]["orderId"] == "7719001"


def test_an_account_is_all_positions_and_both_lists(exchange: Driven, script: Script) -> None:
    script.routes["GET /fapi/v1/openAlgoOrders"] = [algo()]
    script.routes["GET /fapi/v1/openOrders"] = [order()]
    account = exchange.account()
    assert [(seen.key.symbol, seen.side.value, seen.quantity) for seen in account.positions] == [
        ("APTUSDT", "short", Decimal(61))
    ]
    assert [(seen.order_id, seen.is_stop) for seen in account.orders] == [("7719001", False), ("53190401", True)]
    assert account.shows_orders
    assert account.has_conditional


def test_half_an_account_is_no_answer(exchange: Driven, script: Script) -> None:
    script.routes["GET /fapi/v1/openAlgoOrders"] = {"code": 0, "msg": "maintenance"}
    with pytest.raises(NoAnswer):
        exchange.account()


def test_the_client_of_the_user_stays_as_it_is(script: Script, kind: str) -> None:
    mine = client(kind, "binanceusdm", script.url)
    exchange = Driven(CcxtExchange(mine, account="main"))
    exchange.market("APTUSDT")
    assert mine.number is float
    assert mine.markets is None
    assert mine.options["maxRetriesOnFailure"] == 3
    assert (exchange.exchange.name, exchange.exchange.account_name) == ("binance", "main")
    exchange.close()
    exchange.loop.close()


def test_an_exchange_that_orders_are_not_sent_to_is_named(script: Script, kind: str) -> None:
    with pytest.raises(ValueError, match="not through kraken"):
        CcxtExchange(client(kind, "kraken", script.url))
