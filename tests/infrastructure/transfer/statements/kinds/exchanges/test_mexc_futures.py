"""Trades of MEXC say in one number which way they go, and whether they open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.mexc_futures import MEXC_FILLS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, words


def told(**more: Any) -> str:
    row = {"id": 1, "symbol": "BTC_USDT", "vol": 5, "price": 50000, "feeCurrency": "USDT", "fee": 0.1, "orderId": 2}
    row |= {"timestamp": 1773739455000, "profit": 0, "category": 1, "side": 1, **more}
    (fact,) = facts_of(json.dumps([row]), MEXC_FILLS, Whose("mexc"))
    return words(fact).partition("BTCUSDT.mexc ")[2].removesuffix(", of no leg that is named")


@pytest.mark.parametrize(
    ("side", "way", "closes"), [(1, "buys 5", 0), (2, "buys 5", 5), (3, "sells 5", 0), (4, "sells 5", 5)]
)
def test_a_number_says_the_way_and_what_it_does(side: int, way: str, closes: int) -> None:
    assert told(side=side).startswith(f"{way} at 50000, fee 0.1 USDT")
    assert told(side=side).endswith(f", in contracts of unknown, closes {closes}")


def test_who_gave_the_order_is_its_category() -> None:
    assert [("by" in told(category=category)) for category in (1, 2, 3, 4)] == [False, True, False, True]
    assert ", by adl, " in told(category=4)


def test_another_side_is_refused() -> None:
    with pytest.raises(StatementRefused, match="line 1: side '5' is unknown; known are: 1, 2, 3, 4"):
        told(side=5)
