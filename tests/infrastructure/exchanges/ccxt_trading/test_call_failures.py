"""The refusal that there is nothing to reduce is told apart from every other refusal of an exchange."""

from __future__ import annotations

from typing import Any

import ccxt  # type: ignore[import-untyped]  # it has no types
import pytest

from infrastructure.exchanges.ccxt_trading.call_failures import failure
from infrastructure.exchanges.ccxt_trading.ccxt_exchange import CONVENTIONS
from infrastructure.trading.exchange_errors import NothingToReduce, Refused

NOTHING = {
    "binanceusdm": 'binanceusdm {"code":-2022,"msg":"ReduceOnly Order is rejected."}',
    "bybit": 'bybit {"retCode":110017,"retMsg":"current position is zero, cannot fix reduce-only order qty"}',
    "okx": 'okx {"code":"1","data":[{"sCode":"51169","sMsg":"you have no positions in this direction to close"}]}',
    "hyperliquid": "hyperliquid Reduce only order would increase position. asset=0",
}
MARGIN = {
    "binanceusdm": 'binanceusdm {"code":-2019,"msg":"Margin is insufficient."}',
    "bybit": 'bybit {"retCode":110007,"retMsg":"ab not enough for new order"}',
    "okx": 'okx {"code":"1","data":[{"sCode":"51008","sMsg":"Insufficient margin"}]}',
    "hyperliquid": "hyperliquid Insufficient margin to place order. asset=0",
}


def became(name: str, words: str) -> Any:
    return failure(ccxt.InvalidOrder(words), CONVENTIONS[name], getattr(ccxt, name)())


@pytest.mark.parametrize("name", CONVENTIONS)
def test_nothing_to_reduce_is_told_apart(name: str) -> None:
    assert isinstance(became(name, NOTHING[name]), NothingToReduce)
    refused = became(name, MARGIN[name])
    assert isinstance(refused, Refused) and not isinstance(refused, NothingToReduce)
