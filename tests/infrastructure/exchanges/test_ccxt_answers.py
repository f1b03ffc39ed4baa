"""Taking a snapshot with any ccxt client, against a server on the loopback that answers as the exchange does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from domain.values import Side
from infrastructure.exchanges.ccxt_answers import snapshot_document
from infrastructure.exchanges.document import read_snapshot
from projections.account_snapshot import AccountSnapshot, OrderKind
from tests.infrastructure.exchanges.exchange_server import Exchange, served

Serve = Callable[[str, dict[str, Any]], tuple[Any, Exchange]]
ccxt: Any = import_module("ccxt")
SIZES = {"okx": 0.01, "krakenfutures": 1.0, "hyperliquid": 1.0}
IDS = {"okx": "BTC-USDT-SWAP", "krakenfutures": "PF_XBTUSD", "hyperliquid": "0"}
QUOTES = {"okx": "USDT", "krakenfutures": "USD", "hyperliquid": "USDC"}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A client of an exchange that knows one market, so that it asks for nothing but the account."""
    with ExitStack() as stack:

        def serve(name: str, answers: dict[str, Any]) -> tuple[Any, Exchange]:
            exchange = stack.enter_context(served(Exchange(answers)))
            client = getattr(ccxt, name)(
                {"apiKey": "k", "secret": "c2VjcmV0", "password": "p", "walletAddress": "0x1", "enableRateLimit": False}
            )
            path = "/derivatives/api/" if name == "krakenfutures" else ""
            client.urls["api"] = dict.fromkeys(client.urls["api"], exchange.url + path)
            quote = QUOTES[name]
            market = {
                "id": IDS[name],
                "symbol": f"BTC/{quote}:{quote}",
                "base": "BTC",
                "quote": quote,
                "settle": quote,
                "baseName": "BTC",
                "type": "swap",
                "spot": False,
                "swap": True,
                "contract": True,
                "linear": True,
                "inverse": False,
                "contractSize": SIZES[name],
                "precision": {"amount": 0.001, "price": 0.1},
            }
            client.set_markets([client.safe_market_structure(market)])
            return client, exchange

        yield serve


def ask(client: Any, exchange: str, **fields: Any) -> AccountSnapshot:
    document = snapshot_document(client, exchange=exchange, **fields)
    assert json.loads(document)["timestamp"].endswith("Z")
    return read_snapshot(document)


def okx(data: list[Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": data}


def of_okx(*, size: str = "1") -> dict[str, Any]:
    position = {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "posId": "7",
        "posSide": "net",
        "pos": "-1",
        "avgPx": "60000",
        "markPx": "61000",
        "notionalUsd": "610",
        "mgnMode": "cross",
        "cTime": "1761159300000",
        "uTime": "1761159300000",
    }
    stop = {
        "algoId": "s1",
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "side": "buy",
        "posSide": "net",
        "ordType": "conditional",
        "slTriggerPx": "65000",
        "slOrdPx": "-1",
        "tpTriggerPx": "",
        "sz": size,
        "state": "live",
        "reduceOnly": "true",
        "cTime": "1761159300000",
    }
    return {
        "/api/v5/account/positions": okx([position]),
        "/api/v5/trade/orders-pending": okx([]),
        "/api/v5/trade/orders-algo-pending": lambda query: okx([stop] if query["ordType"] == "conditional" else []),
        "/api/v5/account/balance": okx(
            [{"details": [{"ccy": "BTC", "eq": "2.5", "availEq": "2.5", "frozenBal": "0"}], "uTime": "1761159300000"}]
        ),
    }


OF_KRAKEN = {
    "/derivatives/api/v3/openpositions": {
        "result": "success",
        "openPositions": [
            {
                "side": "short",
                "symbol": "PF_XBTUSD",
                "price": "60000",
                "fillTime": "2023-02-22T11:37:16.685Z",
                "size": "0.01",
            }
        ],
    },
    "/derivatives/api/v3/openorders": {
        "result": "success",
        "openOrders": [
            {
                "order_id": "s1",
                "symbol": "PF_XBTUSD",
                "side": "buy",
                "orderType": "stop",
                "stopPrice": "65000",
                "unfilledSize": "0.01",
                "filledSize": "0",
                "reduceOnly": True,
                "status": "untouched",
                "receivedTime": "2023-02-22T11:37:16.685Z",
            }
        ],
    },
}
OF_HYPERLIQUID = {
    "/info/clearinghouseState": {
        "assetPositions": [
            {
                "type": "oneWay",
                "position": {
                    "coin": "BTC",
                    "szi": "-0.01",
                    "entryPx": "60000",
                    "positionValue": "610",
                    "leverage": {"type": "cross", "value": "20"},
                    "marginUsed": "30",
                    "unrealizedPnl": "-10",
                },
            }
        ]
    },
    "/info/frontendOpenOrders": [
        {
            "coin": "BTC",
            "oid": 1,
            "side": "B",
            "sz": "0.01",
            "origSz": "0.01",
            "limitPx": "70000",
            "orderType": "Stop Market",
            "isTrigger": True,
            "triggerPx": "65000",
            "triggerCondition": "Price above 65000",
            "reduceOnly": True,
            "timestamp": 1761159300000,
        }
    ],
}


@pytest.mark.parametrize(
    ("exchange", "answers"), [("okx", of_okx()), ("krakenfutures", OF_KRAKEN), ("hyperliquid", OF_HYPERLIQUID)]
)
def test_positions_and_stops_come_in_one_unit(serve: Serve, exchange: str, answers: dict[str, Any]) -> None:
    client, asked = serve(exchange, answers)
    found = ask(client, exchange, with_balances=False)
    assert (found.exchange, found.doubts, found.order_doubts, found.row_doubts) == (exchange, (), (), ())
    (position,), (stop,) = found.positions or (), found.orders or ()
    assert (position.side, position.quantity, position.avg_px_open) == (Side.SHORT, Decimal("0.01"), Decimal(60000))
    assert (stop.kind, stop.side, stop.trigger_price) == (OrderKind.STOP, "buy", Decimal(65000))
    assert (stop.quantity, stop.reduce_only) == (Decimal("0.01"), True)
    assert all(target.split()[0] == "GET" or "/info/" in target for target, _ in asked.asked), "reading only"


def test_okx_is_asked_for_every_kind_of_conditional_order_and_for_balances(serve: Serve) -> None:
    client, asked = serve("okx", of_okx())
    found = ask(client, "okx", account="sub1")
    assert (found.account, found.balances) == ("sub1", {"BTC": Decimal("2.5")})
    kinds = [query["ordType"] for target, query in asked.asked if target.endswith("orders-algo-pending")]
    assert kinds == ["conditional", "oco", "trigger", "move_order_stop"]


def test_a_page_that_is_full_is_not_the_last(serve: Serve) -> None:
    answers = of_okx()
    first = {**answers["/api/v5/trade/orders-algo-pending"]({"ordType": "conditional"})["data"][0]}

    def orders(query: dict[str, str]) -> dict[str, Any]:
        if query["ordType"] != "conditional":
            return okx([])
        begin = int(query.get("after", 0))
        return okx([{**first, "algoId": str(number + 1)} for number in range(begin, min(begin + 100, 130))])

    client, _ = serve("okx", {**answers, "/api/v5/trade/orders-algo-pending": orders})
    assert len(ask(client, "okx", with_balances=False).orders or ()) == 130


def test_half_an_answer_is_none(serve: Serve) -> None:
    answers = of_okx() | {"/api/v5/trade/orders-algo-pending": {"code": "50011", "msg": "Too Many", "data": []}}
    client, _ = serve("okx", answers)
    with pytest.raises(ccxt.BaseError):
        snapshot_document(client, exchange="okx")
