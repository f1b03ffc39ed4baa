"""Orders at OKX v5, through both kinds of clients, as its documentation shapes the answers."""

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

CREATE, ALGO = "POST /api/v5/trade/batch-orders", "POST /api/v5/trade/order-algo"
ONE, ONE_ALGO = "GET /api/v5/trade/order", "GET /api/v5/trade/order-algo"
PENDING, PENDING_ALGO = "GET /api/v5/trade/orders-pending", "GET /api/v5/trade/orders-algo-pending"
HISTORY, HISTORY_ALGO = "GET /api/v5/trade/orders-history", "GET /api/v5/trade/orders-algo-history"
FILLS = "GET /api/v5/trade/fills-history"
ENTRY = OrderTicket(
    symbol="BTCUSDT", side="buy", kind=TicketKind.MARKET, client_order_id="pabc", quantity=Decimal("2.1")
)
STOP = OrderTicket(
    symbol="BTCUSDT",
    side="sell",
    kind=TicketKind.STOP,
    client_order_id="pstop",
    quantity=Decimal("2.1"),
    trigger_price=Decimal("95000.1"),
    reduce_only=True,
)
MARKET = {
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "instFamily": "BTC-USDT",
    "uly": "BTC-USDT",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "ctType": "linear",
    "lotSz": "0.01",
    "minSz": "0.01",
    "tickSz": "0.1",
    "lever": "100",
    "state": "live",
    "listTime": "1606468572000",
    "expTime": "",
    "optType": "",
    "stk": "",
    "maxLmtSz": "100000000",
    "maxMktSz": "30000",
}


def said(*entries: dict[str, Any], code: str = "0", words: str = "") -> dict[str, Any]:
    return {"code": code, "data": list(entries), "msg": words}


ABSENT = said(code="51603", words="Order does not exist")


def acknowledged(code: str = "0", words: str = "", **fields: str) -> dict[str, Any]:
    entry = {"sCode": code, "sMsg": words, "tag": "", "ts": "1761159044000", **fields}
    return said(entry, code="0" if code == "0" else "1", words=words and "All operations failed")


def order(**fields: Any) -> dict[str, Any]:
    return {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "ordId": "7719001",
        "clOrdId": "pabc",
        "ordType": "market",
        "side": "buy",
        "posSide": "net",
        "tdMode": "cross",
        "px": "",
        "sz": "2.1",
        "accFillSz": "0",
        "avgPx": "",
        "state": "live",
        "fee": "0",
        "feeCcy": "USDT",
        "reduceOnly": "false",
        "attachAlgoOrds": [],
        "cTime": "1761159044000",
        "uTime": "1761159044738",
        **fields,
    }


def algo(**fields: Any) -> dict[str, Any]:
    return {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "algoId": "53190401",
        "algoClOrdId": "pstop",
        "clOrdId": "",
        "ordId": "",
        "ordType": "conditional",
        "side": "sell",
        "posSide": "net",
        "sz": "2.1",
        "slTriggerPx": "95000.1",
        "slOrdPx": "-1",
        "state": "live",
        "reduceOnly": "true",
        "cTime": "1761159044000",
        "uTime": "1761159044738",
        **fields,
    }


@pytest.fixture
def script() -> Iterator[Script]:
    """A server with one market, an empty list of everything, and no order."""
    lists = (PENDING, PENDING_ALGO, HISTORY, HISTORY_ALGO, FILLS, "GET /api/v5/account/positions")
    with scripted(
        {
            "GET /api/v5/public/instruments": lambda asked: said(*[MARKET] * (asked["instType"] == "SWAP")),
            ONE: ABSENT,
            ONE_ALGO: ABSENT,
            **dict.fromkeys(lists, said()),
        }
    ) as made:
        yield made


@pytest.fixture
def exchange(kind: str, script: Script) -> Iterator[Driven]:
    with driven(kind, "okx", script.url) as made:
        yield made


def test_a_market_counts_contracts(exchange: Driven) -> None:
    market = exchange.market("BTCUSDT")
    assert (market.contract_size, market.price_tick, market.quantity_step) == (
        Decimal("0.01"),
        Decimal("0.1"),
        Decimal("0.01"),
    )


def test_an_entry_is_sent_once_with_its_stop(exchange: Driven, script: Script) -> None:
    script.routes[CREATE] = acknowledged(ordId="7719001", clOrdId="pabc")
    placed = exchange.place(replace(ENTRY, attached_stop=Decimal("95000.1"), leg=Leg.LONG))
    assert (placed.order_id, placed.state, placed.filled_qty) == ("7719001", OrderState.OPEN, Decimal(0))
    [[sent]] = script.sent(CREATE)
    assert (sent["instId"], sent["sz"], sent["clOrdId"], sent["posSide"], sent["ordType"]) == (
        "BTC-USDT-SWAP",
        "2.1",
        "pabc",
        "long",
        "market",
    )
    assert sent["attachAlgoOrds"][0]["slTriggerPx"] == "95000.1"


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_stop_goes_to_its_own_list(exchange: Driven, script: Script, *, is_whole: bool) -> None:
    script.routes[ALGO] = acknowledged(algoId="53190401", algoClOrdId="pstop")
    placed = exchange.place(replace(STOP, close_position=True, quantity=None) if is_whole else STOP)
    [sent] = script.sent(ALGO)
    assert (sent["slTriggerPx"], sent["slOrdPx"], sent["algoClOrdId"], sent["reduceOnly"]) == (
        "95000.1",
        "-1",
        "pstop",
        True,
    )
    assert (sent.get("sz"), sent.get("closeFraction")) == ((None, "1") if is_whole else ("2.1", None))
    assert (placed.order_id, placed.client_order_id, placed.is_conditional) == ("53190401", "pstop", True)


REFUSED = ["51000", "51008", "51020", "51121", "51131", "51278", "51280"]


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_has_the_code_of_the_order(exchange: Driven, script: Script, code: str) -> None:
    script.routes[CREATE] = acknowledged(code, "it is refused", ordId="", clOrdId="pabc")
    with pytest.raises(Refused, match="it is refused") as refused:
        exchange.place(ENTRY)
    assert (refused.value.code, refused.value.text) == (code, "it is refused")


@pytest.mark.parametrize(
    "answer",
    [
        said(code="50001", words="Service temporarily unavailable"),
        said(code="50004", words="API endpoint request timeout"),
        said(code="50013", words="Systems are busy"),
        said(code="50026", words="System error"),
        acknowledged("59999", "a code that nobody knows"),
        said(),
        (502, "<html>Bad Gateway</html>"),
        None,
    ],
    ids=str,
)
def test_what_nobody_knows_is_no_answer_and_is_not_sent_again(exchange: Driven, script: Script, answer: Any) -> None:
    script.routes[CREATE] = answer
    with pytest.raises(NoAnswer):
        exchange.place(ENTRY)
    assert len(script.sent(CREATE)) == 1


def test_a_client_order_id_that_is_taken_is_to_be_looked_up(exchange: Driven, script: Script) -> None:
    script.routes[CREATE] = acknowledged("51016", "Client order ID already exists", ordId="", clOrdId="pabc")
    with pytest.raises(NoAnswer, match="was taken before, and is to be looked up"):
        exchange.place(ENTRY)


@pytest.mark.parametrize("answer", [said(code="50011", words="Too Many Requests"), said(code="50061", words="limit")])
def test_too_many_calls_are_told(exchange: Driven, script: Script, answer: Any) -> None:
    script.routes[CREATE] = answer
    with pytest.raises(RateLimited):
        exchange.place(ENTRY)


def test_an_order_is_found_by_its_client_id(exchange: Driven, script: Script) -> None:
    filled = order(state="filled", accFillSz="2.1", avgPx="97000.5")
    script.routes[ONE] = lambda asked: said(filled) if asked.get("clOrdId") == "pabc" else ABSENT
    found = exchange.find("BTCUSDT", client_order_id="pabc")
    assert (found.state, found.filled_qty, found.avg_px) == (OrderState.FILLED, Decimal("2.1"), Decimal("97000.5"))


def test_a_triggered_stop_stands_as_the_order_that_it_became(exchange: Driven, script: Script) -> None:
    became = order(ordId="990", clOrdId="", side="sell", state="filled", accFillSz="2.1", avgPx="94990")
    script.routes[ONE_ALGO] = said(algo(state="effective", ordId="990"))
    script.routes[ONE] = lambda asked: said(became) if asked.get("ordId") == "990" else ABSENT
    script.routes[FILLS] = lambda asked: said(fill("990")) if asked.get("ordId") == "990" else said()
    found = exchange.find("BTCUSDT", client_order_id="pstop")
    assert (found.order_id, found.state, found.filled_qty) == ("53190401", OrderState.FILLED, Decimal("2.1"))
    [seen] = exchange.fills("BTCUSDT", found)
    assert (seen.order_id, seen.quantity, seen.fee) == ("53190401", Decimal("2.1"), Decimal("0.5"))


def fill(order_id: str) -> dict[str, Any]:
    return {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "tradeId": "1",
        "ordId": order_id,
        "clOrdId": "",
        "billId": "2",
        "fillPx": "94990",
        "fillSz": "2.1",
        "side": "sell",
        "posSide": "net",
        "execType": "T",
        "feeCcy": "USDT",
        "fee": "-0.5",
        "ts": "1761159045000",
    }


@pytest.mark.parametrize("route", [PENDING_ALGO, HISTORY_ALGO])
def test_a_stop_is_found_in_the_lists(exchange: Driven, script: Script, route: str) -> None:
    script.routes[route] = said(algo(state="canceled" if route == HISTORY_ALGO else "live"))
    found = exchange.find("BTCUSDT", client_order_id="pstop")
    assert (found.order_id, found.is_conditional, found.trigger_price) == ("53190401", True, Decimal("95000.1"))


def test_an_order_is_not_there_when_every_question_said_no(exchange: Driven, script: Script) -> None:
    assert exchange.find("BTCUSDT", client_order_id="pabc") is None
    asked = [name for name, _ in script.asked if "/trade/" in name]
    assert asked == [ONE, ONE_ALGO, PENDING, PENDING_ALGO, HISTORY, HISTORY, HISTORY_ALGO, HISTORY_ALGO]


@pytest.mark.parametrize("route", [ONE, ONE_ALGO, PENDING, PENDING_ALGO, HISTORY, HISTORY_ALGO])
@pytest.mark.parametrize(
    "answer", [(503, ""), said(code="50013", words="busy"), {"code": "0", "msg": ""}, None], ids=str
)
def test_an_order_is_not_said_to_be_absent_while_one_question_is_open(
    exchange: Driven, script: Script, route: str, answer: Any
) -> None:
    script.routes[route] = answer
    with pytest.raises(NoAnswer):
        exchange.find("BTCUSDT", client_order_id="pabc")


def test_a_stop_is_cancelled_on_its_list(exchange: Driven, script: Script) -> None:
    script.routes[ONE_ALGO] = said(algo())
    found = exchange.find("BTCUSDT", client_order_id="pstop")
    script.routes["POST /api/v5/trade/cancel-algos"] = acknowledged(algoId="53190401")
    script.routes[ONE_ALGO] = said(algo(state="canceled"))
    gone = exchange.cancel("BTCUSDT", found)
    assert (gone.state, gone.filled_qty) == (OrderState.CANCELED, Decimal(0))


def test_what_is_no_longer_there_is_not_cancelled(exchange: Driven, script: Script) -> None:
    script.routes[ONE] = said(order())
    found = exchange.find("BTCUSDT", client_order_id="pabc")
    script.routes["POST /api/v5/trade/cancel-order"] = acknowledged("51400", "the order does not exist", ordId="")
    assert exchange.cancel("BTCUSDT", found) is None


def test_a_full_page_of_fills_may_not_be_all(exchange: Driven, script: Script) -> None:
    script.routes[ONE] = said(order(state="filled", accFillSz="2.1"))
    found = exchange.find("BTCUSDT", client_order_id="pabc")
    script.routes[FILLS] = said(*[fill("7719001")] * 100)
    with pytest.raises(NoAnswer, match="there may be more"):
        exchange.fills("BTCUSDT", found)


def test_an_account_is_both_lists(exchange: Driven, script: Script) -> None:
    script.routes[PENDING_ALGO] = lambda asked: said(*[algo()] * (asked["ordType"] == "conditional"))
    account = exchange.account()
    assert [(seen.order_id, seen.is_stop) for seen in account.orders] == [("53190401", True)]
    assert account.positions == ()
    assert account.shows_orders
