"""Fills and bills of Bitget: which way, on which leg, and what is no fill."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.bitget_futures import BITGET_BILLS, BITGET_FILLS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of, words


def fill(**more: Any) -> dict[str, Any]:
    return {
        "tradeId": "1",
        "orderId": "2",
        "symbol": "BTCUSDT",
        "price": "50000",
        "baseVolume": "0.1",
        "feeDetail": [{"feeCoin": "USDT", "totalFee": "-3"}],
        "side": "buy",
        "profit": "0",
        "tradeSide": "open",
        "posMode": "hedge_mode",
        "enterPointSource": "api",
        "cTime": "1773739451342",
        **more,
    }


def told(**more: Any) -> str:
    (fact,) = facts_of(json.dumps(fill(**more)), BITGET_FILLS, Whose("bitget"))
    return words(fact).partition(" ")[2].partition(" ")[2].partition(" at ")[0]


@pytest.mark.parametrize(
    ("side", "does", "goes"),
    [
        ("buy", "open", "BTCUSDT.bitget:LONG buys 0.1"),
        ("buy", "close", "BTCUSDT.bitget:LONG sells 0.1"),
        ("sell", "open", "BTCUSDT.bitget:SHORT sells 0.1"),
        ("sell", "close", "BTCUSDT.bitget:SHORT buys 0.1"),
        ("buy", "reduce_close_short", "BTCUSDT.bitget:SHORT buys 0.1"),
        ("sell", "delivery_sell_single", "BTCUSDT.bitget sells 0.1"),
    ],
)
def test_the_leg_and_what_is_done_to_it_say_the_way(side: str, does: str, goes: str) -> None:
    assert told(side=side, tradeSide=does) == goes


def test_the_stream_says_the_way_itself() -> None:
    sent = fill(side="sell", tradeSide="close", uTime="1773739451342")
    del sent["enterPointSource"]
    message = {"action": "snapshot", "arg": {"channel": "fill"}, "data": [sent], "ts": 1}
    assert kind_of(json.dumps(message)) == BITGET_FILLS.name
    (fact,) = facts_of(json.dumps(message), BITGET_FILLS, Whose("bitget"))
    assert "BTCUSDT.bitget:LONG sells 0.1" in words(fact)


def test_a_fee_in_two_coins_is_a_fee_and_a_payment() -> None:
    fees = [{"feeCoin": "BGB", "totalFee": "-0.2"}, {"feeCoin": "USDT", "totalFee": "-1"}]
    told = [words(fact) for fact in facts_of(json.dumps(fill(feeDetail=fees)), BITGET_FILLS, Whose("bitget"))]
    assert "fee 0.2 BGB" in told[0]
    assert told[1].endswith("commission -1 USDT, id 2:1:USDT")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tradeSide": "sideways"}, "tradeSide 'sideways' in 'hedge_mode' is unknown"),
        ({"posMode": "one_way_mode"}, "tradeSide 'open' in 'one_way_mode' is unknown"),
        ({"symbol": "BTCUSD", "tradeSide": "buy_single"}, "symbol 'BTCUSD' is settled in its base"),
    ],
)
def test_what_is_not_known_is_refused_with_its_value(more: dict[str, Any], why: str) -> None:
    with pytest.raises(StatementRefused, match=f"line 1: {why}"):
        told(**more)


def bill(business: str, amount: str = "-1") -> list[str]:
    row = {"billId": "7", "symbol": "BTCUSDT", "amount": amount, "fee": "0", "businessType": business, "coin": "USDT"}
    facts = facts_of(json.dumps(row | {"balance": "1", "cTime": "1773739451342"}), BITGET_BILLS, Whose("bitget"))
    return [words(fact).partition("bitget ")[2] for fact in facts]


def test_a_bill_is_a_payment_or_left_out_or_refused() -> None:
    assert bill("contract_settle_fee") == ["funding -1 USDT, id 7"]
    assert bill("risk_captital_user_transfer", "2") == ["insurance 2 USDT, id 7"]
    assert [bill(name) for name in ("close_long", "trans_to_exchange", "auto_append_margin")] == [[], [], []]
    with pytest.raises(StatementRefused, match="line 1: businessType 'gift' is unknown"):
        bill("gift")
