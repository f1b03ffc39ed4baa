"""Fills that the exchange corrects, and what they leave."""

from __future__ import annotations

from domain.commands import order_requests as o
from domain.commands.requests import RecordEntryFill, Reduce, RequestEntry
from tests.spec import given, on, request

BOUGHT = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100", exchange_order_id="A")
SOLD = on(Reduce, trade_id="x1", last_qty="4", last_px="111", exchange_order_id="X")
BUSTED = on(o.CorrectFill, trade_id="x1", void=True, reason="busted")
LONG = request(side="long", quantity="10", signal_price=None)


def test_a_busted_exit_leaves_the_average_of_all_that_is_held_again() -> None:
    more = on(RecordEntryFill, trade_id="t2", last_qty="5", last_px="120", exchange_order_id="B")
    story = given(LONG, BOUGHT, SOLD, more).when(BUSTED)
    story.leaves(quantity="15", avg_px_open="106.666666666666666667", realized_pnl="0")


def test_a_busted_exit_leaves_the_average_as_it_was_when_nothing_came_between() -> None:
    given(LONG, BOUGHT, SOLD).when(BUSTED).leaves(quantity="10", avg_px_open="100", realized_pnl="0")


def test_the_same_bust_again_is_no_news() -> None:
    given(LONG, BOUGHT, SOLD, BUSTED).when(BUSTED).no_news()


SPOT = "SHIBUSDT.binance:SPOT#1"
SHIB = RequestEntry.of(symbol="SHIB/USDT", exchange="binance", leg="SPOT", side="long", quantity="1000", intent_id="s1")
IN_BASE = {"fee": "1", "fee_currency": "SHIB"}


def shib(**fee: str) -> RecordEntryFill:
    return on(RecordEntryFill, position_id=SPOT, trade_id="t1", last_qty="1000", last_px="2", **fee)


def test_an_entry_that_never_was_paid_no_fee() -> None:
    busted = on(o.CorrectFill, trade_id="t1", void=True, reason="busted")
    paid = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100", exchange_order_id="A", fee="0.5")
    given(LONG, paid).when(busted).leaves(quantity="0", fees="0", net_pnl="0")
    other = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100", fee="0.5", fee_currency="BNB")
    given(LONG, other).when(busted).leaves(quantity="0", fees_other={"BNB": "0"}, net_pnl="0")


def test_an_entry_that_never_was_paid_none_in_kind_either() -> None:
    busted = on(o.CorrectFill, position_id=SPOT, trade_id="t1", void=True, reason="busted")
    given(SHIB, shib(**IN_BASE)).when(busted).leaves(SPOT, quantity="0", filled_qty="0", fees="0")


def test_a_fee_in_kind_shrinks_what_is_held_by_whichever_command_it_is_told() -> None:
    left = {"quantity": "999", "avg_px_open": "2.002002002002002002", "fees": "0", "fees_other": {}}
    given(SHIB).when(shib(**IN_BASE)).leaves(SPOT, **left)
    given(SHIB, shib()).when(shib(**IN_BASE)).leaves(SPOT, **left)
    report = {"kind": "commission", "amount": "-1", "currency": "SHIB", "cash_id": "c1", "trade_id": "t1"}
    story = given(SHIB, shib()).when(on(o.RecordCash, position_id=SPOT, **report)).leaves(SPOT, **left)
    story.when(shib(**IN_BASE)).no_news()
