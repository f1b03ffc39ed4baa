"""Trades of HTX: what they open or close, and how much a contract is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.htx_futures import HTX_FILLS
from infrastructure.transfer.statements.statement_kind import Whose
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of, words


def trade(**more: Any) -> dict[str, Any]:
    row = {"id": "1-2-1", "contract_code": "BTC-USDT", "direction": "sell", "offset": "close", "order_id": 2}
    row |= {"trade_volume": 10, "trade_price": 50000, "trade_turnover": 500, "trade_fee": -0.2, "fee_asset": "USDT"}
    return {**row, "offset_profitloss": 0, "create_date": 1773739455000, **more}


def told(**more: Any) -> str:
    (fact,) = facts_of(json.dumps([trade(**more)]), HTX_FILLS, Whose("htx"))
    return words(fact).partition("Z ")[2]


SOLD = "BTCUSDT.htx sells 10 at 50000, fee 0.2 USDT, profit 0, trade 1-2-1 of order 2, in contracts of 0.001"


@pytest.mark.parametrize(
    ("offset", "does"),
    [
        ("open", ", closes 0, of no leg that is named"),
        ("close", ", closes 10, of no leg that is named"),
        ("both", ""),
    ],
)
def test_an_offset_says_what_it_does_or_nothing(offset: str, does: str) -> None:
    assert told(offset=offset) == f"{SOLD}{does}"


def test_what_is_settled_in_its_base_is_worth_dollars() -> None:
    assert "BTC/USD:BTC.htx sells 10" in told(contract_code="BTC-USD", trade_turnover=1000)
    assert "in contracts of 100, " in told(contract_code="BTC-USD", trade_turnover=1000)


def test_what_is_no_power_of_ten_has_to_be_defined() -> None:
    assert "in contracts of unknown" in told(trade_turnover=1234)


def test_pages_are_read_as_they_are_answered() -> None:
    page = {"status": "ok", "data": {"total_page": 1, "current_page": 1, "trades": [trade()]}}
    assert kind_of(json.dumps(page)) == HTX_FILLS.name
    assert len(facts_of(json.dumps(page), HTX_FILLS, Whose("htx"))) == 1
