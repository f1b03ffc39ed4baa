"""Fills that the exchange corrects, and what they leave."""

from __future__ import annotations

from domain.commands import order_requests as o
from domain.commands.requests import RecordEntryFill, Reduce
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
