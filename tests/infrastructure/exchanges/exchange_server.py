"""A server on the loopback with the few routes of Binance USD-M and Bybit v5 that a snapshot needs.

Its answers are shaped as the exchanges document them, numbers as text.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Any]


@dataclass
class Exchange:
    """What the server answers, by path (and cursor), and what it was asked."""

    answers: dict[str, Any]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, target: str) -> Answer:
        path, query = (
            urlsplit(target).path,
            {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()},
        )
        self.asked.append((f"{method} {path}", query))
        found = self.answers.get(path, (404, {"code": -1, "msg": f"no such route: {path}"}))
        if callable(found):
            found = found(query)
        return found if isinstance(found, tuple) else (200, found)


class QuietHandler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def listening(handler: type[QuietHandler]) -> Iterator[str]:
    """Let a handler answer on the loopback, at the URL that is yielded."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(exchange: Exchange) -> Iterator[Exchange]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send("GET", self.path)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send("POST", f"{self.path}/{asked['type']}")

        def send(self, method: str, target: str) -> None:
            exchange.headers.append(dict(self.headers))
            status, body = exchange.answer(method, target)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with listening(Handler) as exchange.url:
        yield exchange


def _binance_market(base: str) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1666254000000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 4,
        "quantityPrecision": 1,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.0001", "maxPrice": "1000", "tickSize": "0.0001"},
            {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "100000", "stepSize": "0.1"},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET"],
        "timeInForce": ["GTC"],
    }


def binance() -> Exchange:
    """A short of 61 APT with its stop, as after I-01, and a limit order of nobody; the rest of the account is flat."""
    return Exchange(
        {
            "/fapi/v1/exchangeInfo": {
                "timezone": "UTC",
                "serverTime": 1761159300000,
                "rateLimits": [],
                "exchangeFilters": [],
                "assets": [],
                "symbols": [_binance_market("APT"), _binance_market("SXP"), _binance_market("AVL")],
            },
            "/fapi/v3/positionRisk": [
                {
                    "symbol": "APTUSDT",
                    "positionSide": "BOTH",
                    "positionAmt": "-61.0",
                    "entryPrice": "3.2295",
                    "breakEvenPrice": "3.2282",
                    "markPrice": "3.23340000",
                    "unRealizedProfit": "-0.23790000",
                    "liquidationPrice": "6.1",
                    "isolatedMargin": "0",
                    "notional": "-197.23740000",
                    "marginAsset": "USDT",
                    "isolatedWallet": "0",
                    "initialMargin": "19.72",
                    "maintMargin": "2.9",
                    "positionInitialMargin": "19.72",
                    "openOrderInitialMargin": "0",
                    "adl": "1",
                    "bidNotional": "0",
                    "askNotional": "0",
                    "updateTime": 1761159044738,
                },
                {
                    "symbol": "AVLUSDT",
                    "positionSide": "BOTH",
                    "positionAmt": "0.0",
                    "entryPrice": "0.0",
                    "breakEvenPrice": "0.0",
                    "markPrice": "0.13580000",
                    "unRealizedProfit": "0.00000000",
                    "liquidationPrice": "0",
                    "isolatedMargin": "0",
                    "notional": "0",
                    "marginAsset": "USDT",
                    "isolatedWallet": "0",
                    "initialMargin": "0",
                    "maintMargin": "0",
                    "positionInitialMargin": "0",
                    "openOrderInitialMargin": "0",
                    "adl": "0",
                    "bidNotional": "0",
                    "askNotional": "0",
                    "updateTime": 0,
                },
            ],
            "/fapi/v1/openOrders": [
                {
                    "orderId": 7719001,
                    "symbol": "SXPUSDT",
                    "status": "NEW",
                    "clientOrderId": "web_1",
                    "price": "0.1",
                    "avgPrice": "0",
                    "origQty": "1467.3",
                    "executedQty": "0",
                    "cumQuote": "0",
                    "timeInForce": "GTC",
                    "type": "LIMIT",
                    "reduceOnly": True,
                    "closePosition": False,
                    "side": "BUY",
                    "positionSide": "BOTH",
                    "stopPrice": "0",
                    "workingType": "CONTRACT_PRICE",
                    "priceProtect": False,
                    "origType": "LIMIT",
                    "time": 1760380510250,
                    "updateTime": 1760380510250,
                }
            ],
            "/fapi/v1/openAlgoOrders": [
                {
                    "algoId": 53190401,
                    "clientAlgoId": "stop-1",
                    "algoType": "CONDITIONAL",
                    "orderType": "STOP_MARKET",
                    "symbol": "APTUSDT",
                    "side": "BUY",
                    "positionSide": "BOTH",
                    "timeInForce": "GTC",
                    "quantity": "61.0",
                    "algoStatus": "NEW",
                    "triggerPrice": "3.2941",
                    "price": "0.0000",
                    "icebergQuantity": None,
                    "selfTradePreventionMode": "NONE",
                    "workingType": "CONTRACT_PRICE",
                    "priceMatch": "NONE",
                    "closePosition": False,
                    "priceProtect": False,
                    "reduceOnly": True,
                    "createTime": 1761159045914,
                    "updateTime": 1761159045914,
                    "triggerTime": 0,
                    "goodTillDate": 0,
                }
            ],
        }
    )


def _bybit(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"category": "linear", **result},
        "retExtInfo": {},
        "time": 1761159300000,
    }


def _bybit_market(base: str) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": base,
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": "1584230400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "4",
        "fundingInterval": 480,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "50", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.0001", "maxPrice": "1999", "tickSize": "0.0001"},
        "lotSizeFilter": {"maxOrderQty": "100000", "minOrderQty": "1", "qtyStep": "1", "minNotionalValue": "5"},
    }


def bybit_position(base: str, side: str, size: str, price: str, *, stop: str = "", index: int = 0) -> dict[str, Any]:
    return {
        "positionIdx": index,
        "riskId": 1,
        "symbol": f"{base}USDT",
        "side": side,
        "size": size,
        "avgPrice": price,
        "positionValue": str(Decimal(size) * Decimal(price)),
        "tradeMode": 0,
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "leverage": "10",
        "markPrice": price,
        "liqPrice": "",
        "bustPrice": "",
        "positionIM": "10.5",
        "positionMM": "1.05",
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": stop,
        "trailingStop": "0",
        "unrealisedPnl": "-8.13",
        "cumRealisedPnl": "-0.04",
        "adlRankIndicator": 1,
        "createdTime": "1761146485000",
        "seq": 1,
        "updatedTime": "1761146485000",
    }


def bybit_order(base: str, order_id: str, side: str, qty: str, **fields: Any) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "orderId": order_id,
        "orderLinkId": "",
        "side": side,
        "orderType": "Market",
        "qty": qty,
        "price": "0",
        "orderStatus": "Untriggered",
        "stopOrderType": "",
        "triggerPrice": "",
        "triggerDirection": 0,
        "reduceOnly": False,
        "closeOnTrigger": False,
        "positionIdx": 0,
        "avgPrice": "",
        "cumExecQty": "0",
        "cumExecValue": "0",
        "cumExecFee": "0",
        "leavesQty": qty,
        "timeInForce": "IOC",
        "takeProfit": "",
        "stopLoss": "",
        "tpslMode": "Full",
        "createType": "CreateByStopLoss",
        "createdTime": "1761146490000",
        "updatedTime": "1761146490000",
        **fields,
    }


def bybit() -> Exchange:
    """A long of 60 HNT without a stop (I-10), on a first page; a short of 200 ORBS with one, on a second page."""
    pages = {
        "": {"list": [bybit_position("HNT", "Buy", "60", "1.751549")], "nextPageCursor": "next"},
        "next": {"list": [bybit_position("ORBS", "Sell", "200", "0.015", stop="0.0153")], "nextPageCursor": ""},
    }
    stop = bybit_order(
        "ORBS",
        "s-1",
        "Buy",
        "200",
        stopOrderType="StopLoss",
        triggerPrice="0.0153",
        triggerDirection=1,
        reduceOnly=True,
    )

    def positions(query: dict[str, str]) -> dict[str, Any]:
        nothing: dict[str, Any] = {"list": [], "nextPageCursor": ""}
        return _bybit(pages[query.get("cursor", "")] if query["settleCoin"] == "USDT" else nothing)

    def orders(query: dict[str, str]) -> dict[str, Any]:
        return _bybit({"list": [stop] if query["settleCoin"] == "USDT" else [], "nextPageCursor": ""})

    return Exchange(
        {
            "/v5/market/instruments-info": _bybit(
                {"list": [_bybit_market("HNT"), _bybit_market("ORBS")], "nextPageCursor": ""}
            ),
            "/v5/position/list": positions,
            "/v5/order/realtime": orders,
        }
    )
