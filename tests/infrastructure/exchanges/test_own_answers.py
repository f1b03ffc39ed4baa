"""The exchanges' own answers, without ccxt: read as they are documented, and a failed one is no empty list."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg, Side
from infrastructure.exchanges.document import Given, read_snapshot
from projections.account_snapshot import OrderKind
from tests.infrastructure.exchanges.shown import shown

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
