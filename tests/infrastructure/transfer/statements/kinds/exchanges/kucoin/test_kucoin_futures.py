"""Fills of KuCoin: how much a contract is follows from what they are worth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.kucoin.kucoin_futures import KUCOIN_FILLS
from infrastructure.transfer.statements.statement_kind import Whose
from tests.infrastructure.transfer.statements.statement_text import facts_of, words


def told(**more: Any) -> str:
    row = {
        "symbol": "XBTUSDTM",
        "tradeId": "5c",
        "orderId": "5d",
        "side": "sell",
        "price": "50000",
        "size": 10,
        "value": "500",
        "fee": "0.3",
        "feeCurrency": "USDT",
        "tradeType": "trade",
        "createdAt": 1773739451858,
        "settleCurrency": "USDT",
        **more,
    }
    (fact,) = facts_of(json.dumps([row]), KUCOIN_FILLS, Whose("kucoin"))
    return words(fact).partition("Z ")[2]


FILL = "sells 10 at 50000, fee 0.3 USDT, profit unknown, trade 5c of order 5d"


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({}, ", in contracts of 0.001"),
        ({"value": "499.996"}, ", in contracts of 0.001"),
        ({"value": "500000"}, ""),
        ({"value": "1500"}, ", in contracts of unknown"),
        ({"value": ""}, ", in contracts of unknown"),
    ],
)
def test_a_contract_is_a_power_of_ten_or_not_known(more: dict[str, Any], size: str) -> None:
    assert told(**more) == f"BTCUSDT.kucoin {FILL}{size}, of no leg that is named"


def test_what_is_settled_in_bitcoin_counts_dollars() -> None:
    said = told(symbol="XBTUSDM", value="0.0002", feeCurrency="XBT", settleCurrency="XBT")
    assert said == f"BTC/USD:BTC.kucoin {FILL.replace('USDT', 'BTC')}, of no leg that is named"


def test_the_side_of_a_position_is_its_leg() -> None:
    assert told(positionSide="LONG", tradeType="liquid").startswith("BTCUSDT.kucoin:LONG sells 10")
    assert told(positionSide="LONG", tradeType="liquid").endswith(", in contracts of 0.001, by liquidation")
    assert "of no leg" not in told(positionSide="BOTH")
