"""The earnings of a cycle in words."""

from __future__ import annotations

from decimal import localcontext
from typing import Any

import pytest

from domain.commands.order_requests import DefineInstrument, RecordCash
from domain.commands.requests import Close, RecordEntryFill, Reduce
from projections.audit.money_text import brought, earned
from projections.timeline import moments
from tests.projections.cycles import cycle
from tests.spec import PLACED, on, request


@pytest.mark.parametrize(
    ("fee", "exit_price", "said"),
    [
        ({"fee": "1", "fee_currency": "USDT"}, "95", "+49 USDT (+4.90 %)"),
        ({}, "100", "0 USDT (0.00 %)"),
        ({}, "101.2345", "-12.345 USDT (-1.23 %)"),
        ({"fee": "0.01", "fee_currency": "BNB"}, "95", "+50 USDT (+5.00 %) before fees"),
        ({}, None, None),
    ],
)
def test_what_it_brought_has_a_sign_a_currency_and_a_share_of_what_was_entered(
    fee: dict[str, Any], exit_price: str | None, said: str | None
) -> None:
    entered = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100", **fee)
    closed = on(Close, exit_reason="target", avg_px_close=exit_price)
    row = moments(cycle((0, request(quantity="10")), (1, PLACED), (2, entered), (9, closed)))[-1].row
    with localcontext() as context:
        context.prec = 2  # whatever the bot rounds its own numbers to
        assert brought(row) == said


@pytest.mark.parametrize(
    ("cash", "said"),
    [
        ([], "profit 50 USDT"),
        ([("funding", "-2", "USDT")], "profit 50 USDT before funding of -2 USDT, 48 USDT after them"),
        ([("rebate", "0.2", "BNB")], "profit 50 USDT before rebate of 0.2 BNB"),
        (
            [("funding", "-2", "USDT"), ("rebate", "0.2", "BNB")],
            "profit 50 USDT before funding of -2 USDT and rebate of 0.2 BNB, 48 USDT after those in its own currency",
        ),
    ],
)
def test_amounts_of_another_currency_are_named_and_never_added(cash: list[tuple[str, str, str]], said: str) -> None:
    received = [
        on(RecordCash, kind=kind, amount=amount, currency=currency, cash_id=kind) for kind, amount, currency in cash
    ]
    entered = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100")
    sent = (request(quantity="10"), PLACED, entered, *received, on(Close, exit_reason="target", avg_px_close="95"))
    assert earned(moments(cycle(*enumerate(sent)))[-1].row) == said


def test_a_share_of_what_was_entered_at_a_price_below_zero_has_the_sign_of_the_profit() -> None:
    terms = DefineInstrument.of(symbol="APTUSDT", exchange="binance", price_may_be_negative=True)
    entered = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="-100")
    closed = on(Close, exit_reason="target", avg_px_close="-105")
    sent = (terms, request(quantity="10", signal_price=None), PLACED, entered, closed)
    assert brought(moments(cycle(*enumerate(sent))[1:])[-1].row) == "+50 USDT (+5.00 %)"


def test_what_was_never_entered_brought_nothing_that_could_be_told() -> None:
    assert brought(moments(cycle((0, request())))[-1].row) is None


def test_a_part_that_was_closed_is_told_before_the_end() -> None:
    entered = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100")
    left = on(Reduce, trade_id="t2", last_qty="5", last_px="90")
    assert brought(moments(cycle((0, request(quantity="10")), (1, PLACED), (2, entered), (9, left)))[-1].row) == (
        "+50 USDT (+5.00 %)"
    )
