"""The two lines of a trade on spot are one fill, with the fee of what was received; one line alone says what it can."""

from __future__ import annotations

import json

import pytest

from infrastructure.transfer.statements.kinds.exchanges.okx.okx_bills import OKX_BILLS
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_fills import OKX_FILLS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import file_of, words

OKX = Whose(exchange="okx")


def bill(number: int, unit: str, side: str, amount: str, fee: str = "0", **more: str) -> dict[str, str]:
    """Side 1 is received, 2 is paid."""
    return {
        "billId": f"b{number}",
        "balChg": "1",
        "bal": "1",
        "ccy": unit,
        "type": "2",
        "subType": side,
        "ts": "1773739452361",
        "fillTime": "1773739452361",
        "instId": "BTC-USDT",
        "instType": "SPOT",
        "px": "50000",
        "sz": amount,
        "fee": fee,
        "tradeId": "7",
        "ordId": "o",
    } | more


def told(*bills: dict[str, str]) -> list[str]:
    facts = OKX_BILLS.facts(file_of(json.dumps(bills)), OKX)
    return [words(fact).partition("BTCUSDT.okx:SPOT ")[2].partition(", profit")[0] for fact in facts]


def test_a_purchase_and_a_sale_are_one_fill_each() -> None:
    bought = bill(1, "BTC", "1", "0.01", "-0.00001"), bill(2, "USDT", "2", "500")
    sold = bill(3, "USDT", "1", "500", "-0.5"), bill(4, "BTC", "2", "0.01")
    assert told(*bought) == told(*bought[::-1]) == ["buys 0.01 at 50000, fee 0.00001 BTC"]
    assert told(*sold) == told(*sold[::-1]) == ["sells 0.01 at 50000, fee 0.5 USDT"]


def test_a_fee_that_the_line_of_what_was_received_does_not_say_is_not_known() -> None:
    paid, received = bill(2, "USDT", "2", "500"), bill(3, "USDT", "1", "500", "")
    assert told(bill(1, "BTC", "1", "0.01", ""), paid) == ["buys 0.01 at 50000, fee unknown"]
    assert told(received, bill(4, "BTC", "2", "0.01")) == ["sells 0.01 at 50000, fee unknown"]
    assert told(bill(1, "BTC", "1", "0.01"), paid | {"fee": ""}) == ["buys 0.01 at 50000, fee 0 BTC"]


def test_sides_that_lie_apart_find_each_other_by_what_they_are_worth() -> None:
    lines = [
        *(bill(1, "USDT", "1", "499.99", "-0.5"), bill(2, "USDT", "1", "100", "-0.1")),
        *(bill(3, "BTC", "2", "0.002"), bill(4, "BTC", "2", "0.01")),
    ]
    sales = ["sells 0.002 at 50000, fee 0.1 USDT", "sells 0.01 at 50000, fee 0.5 USDT"]
    assert told(*lines) == told(*lines[:2], *lines[:1:-1])[::-1] == sales


def test_one_line_alone_says_what_it_can() -> None:
    assert told(bill(1, "BTC", "1", "0.01", "-0.00001")) == ["buys 0.01 at 50000, fee 0.00001 BTC"]
    assert told(bill(1, "BTC", "2", "0.01")) == ["sells 0.01 at 50000, fee unknown"]
    assert told(bill(1, "USDT", "1", "500", "-0.5")) == ["sells 0.01 at 50000, fee 0.5 USDT"]
    assert told(bill(1, "USDT", "2", "500")) == ["buys 0.01 at 50000, fee unknown"]


def test_what_does_not_come_out_even_alone_is_refused() -> None:
    with pytest.raises(StatementRefused, match="line 1: sz 100 at 29999 is what was paid or received"):
        told(bill(1, "USDT", "2", "100", px="29999"))
    with pytest.raises(StatementRefused, match="line 1: ccy 'BNB' is neither BTC nor USDT"):
        told(bill(1, "BNB", "2", "100"))
    with pytest.raises(StatementRefused, match="line 1: fee 'x' is no number"):
        told(bill(1, "BTC", "1", "0.01", "x"))
    with pytest.raises(StatementRefused, match="line 1: subType '9' is neither 1 nor 2"):
        told(bill(1, "USDT", "9", "100"))


def test_it_is_the_fill_that_the_fills_say() -> None:
    fill = bill(1, "", "2", "") | {"side": "sell", "fillSz": "0.01", "fillPx": "50000", "fee": "-0.5", "feeCcy": "USDT"}
    (by_fills,) = OKX_FILLS.facts(file_of(json.dumps([fill])), OKX)
    bills = [bill(1, "USDT", "1", "500", "-0.5"), bill(2, "BTC", "2", "0.01")]
    (by_bills,) = OKX_BILLS.facts(file_of(json.dumps(bills)), OKX)
    assert words(by_bills).partition(": ")[2] == words(by_fills).partition(": ")[2]


@pytest.mark.parametrize("wrong", [0, 1])
def test_of_two_lines_the_one_with_a_wrong_fee_is_named(wrong: int) -> None:
    lines = [bill(1, "BTC", "1", "0.01", "0"), bill(2, "USDT", "2", "500", "0")]
    lines[wrong]["fee"] = "x"
    with pytest.raises(StatementRefused, match=rf"line {wrong + 1}: fee 'x' is no number"):
        told(*lines)
