"""An order that goes on under another id: what is said about its earlier id does not end it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.commands.base import Command
from domain.errors import OrderAlreadyEnded, OrderAmbiguous
from domain.events import EntryFilled, OrderEnded, OrderReplaced, StopLossLost, StopLossSet
from projections.event_time.past_rows import row_at
from tests.spec import ENTERED, PLACED, given, on, request, second

REPLACED = on(o.ReplaceOrder, exchange_order_id="53190368", new_exchange_order_id="2", price="3.24")
MOVED = on(c.SetStopLoss, stop_price="3.29", exchange_order_id="s2")


def ended(order: str, outcome: str = "canceled", **more: str) -> o.EndOrder:
    return on(o.EndOrder, exchange_order_id=order, outcome=outcome, **more)


def test_the_end_of_an_id_that_an_entry_had_before_frees_no_slot() -> None:
    story = given(request(), PLACED, REPLACED).when(ended("53190368")).no_news()
    story.leaves(status="entry_placed", exchange_order_id="2")
    filled = on(c.RecordEntryFill, exchange_order_id="2", trade_id="t1", last_qty="61.8", last_px="3.24")
    story.when(filled).then(EntryFilled, late=False).leaves(quantity="61.8")


def test_the_end_of_the_id_that_an_order_has_is_its_end() -> None:
    given(request(), PLACED, REPLACED).when(ended("2")).leaves(status="canceled")
    part = on(c.RecordEntryFill, exchange_order_id="2", trade_id="t1", last_qty="6", last_px="3.24")
    given(request(), PLACED, REPLACED, part).when(ended("2")).then(OrderEnded)
    given(request(), PLACED, REPLACED, part).when(ended("53190368", "filled", filled_qty="61.8")).then(OrderEnded)


def test_an_order_that_was_amended_in_place_keeps_its_id() -> None:
    amended = on(o.ReplaceOrder, exchange_order_id="53190368", new_exchange_order_id="53190368", price="3.25")
    story = given(request(), PLACED).when(amended).then(OrderReplaced, order="entry", price="3.25")
    story.when(amended.model_copy(update={"command_id": "again"})).no_news()
    story.when(amended.model_copy(update={"price": None})).no_news().leaves(exchange_order_id="53190368")


def test_what_was_filled_before_it_was_replaced_is_told_fill_by_fill() -> None:
    part = on(c.RecordEntryFill, exchange_order_id="53190368", trade_id="t1", last_qty="6", last_px="3.24")
    story = given(request(), PLACED, REPLACED).when(ended("53190368", filled_qty="6"))
    story.refused(OrderAlreadyEnded, "as order 2, which replaced 53190368", "send those fills")
    story.when(part).when(ended("53190368", filled_qty="6")).no_news()


@pytest.mark.parametrize("is_told_first", [True, False])
def test_fills_that_came_under_the_new_id_before_it_was_told_are_those_of_the_order(is_told_first: bool) -> None:  # noqa: FBT001 - a case
    early = on(c.RecordEntryFill, exchange_order_id="2", trade_id="t2", last_qty="21.8", last_px="3.24")
    part = on(c.RecordEntryFill, exchange_order_id="53190368", trade_id="t1", last_qty="40", last_px="3.24")
    told = (part, early) if is_told_first else (early, part)
    story = given(request(), PLACED, *told).leaves(quantity="61.8").when(REPLACED)
    story.then(OrderReplaced, order="entry", same_as="entry.2").leaves(quantity="61.8", exchange_order_id="2")
    story.when(on(c.RecordEntryPlaced, exchange_order_id="2", filled_qty="61.8", avg_px="3.24")).leaves(quantity="61.8")
    story.when(early).no_news().when(REPLACED).no_news().when(ended("2", "filled")).then(OrderEnded, order="entry")
    told_by_event_time = row_at(story.history, second(3600))
    assert told_by_event_time is not None and told_by_event_time.quantity == Decimal("61.8")


def test_an_order_that_is_known_by_fills_of_its_former_id_alone_goes_on_as_ours() -> None:
    stray = on(c.RecordEntryFill, exchange_order_id="1", trade_id="t1", last_qty="20", last_px="3.24")
    onward = on(o.ReplaceOrder, exchange_order_id="1", new_exchange_order_id="53190368")
    story = given(request(), PLACED, stray).when(onward).then(OrderReplaced, order="entry", same_as="entry.2")
    story.leaves(quantity="20").when(ended("1")).no_news()


def test_an_order_goes_on_as_no_other_and_as_none_of_which_a_part_is_counted_twice() -> None:
    total = on(c.RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.24")
    early = on(c.RecordEntryFill, exchange_order_id="2", trade_id="t2", last_qty="21.8", last_px="3.24")
    story = given(request(), total, early).leaves(quantity="83.6").when(REPLACED)
    story.refused(OrderAmbiguous, "61.8 of entry and 21.8 of entry.2", "(correct_fill)")
    story.when(on(o.CorrectFill, trade_id="t2", void=True, reason="in the total")).leaves(quantity="61.8")
    story.when(REPLACED).then(OrderReplaced, same_as="entry.2").leaves(quantity="61.8", exchange_order_id="2")
    stopped = given(*ENTERED).when(on(o.ReplaceOrder, exchange_order_id="53190368", new_exchange_order_id="s1"))
    stopped.refused(OrderAmbiguous, "has s1 as stop.1, which is another order than entry")


def test_a_replacement_that_is_told_again_after_the_next_one_changes_nothing() -> None:
    again = on(o.ReplaceOrder, exchange_order_id="2", new_exchange_order_id="3")
    story = given(request(), PLACED, REPLACED, again).when(REPLACED).no_news()
    story.leaves(exchange_order_id="3")


@pytest.mark.parametrize(
    "moved",
    [
        MOVED,
        on(c.SetStopLoss, stop_price="3.29", exchange_order_id="s2", quantity="61.8", replaces="s1"),
        on(o.ReplaceOrder, exchange_order_id="s1", new_exchange_order_id="s2", price="3.29"),
    ],
)
def test_a_stop_that_moved_is_not_lost_when_its_old_order_is_cancelled(moved: Command) -> None:
    late = on(c.LoseStopLoss, exchange_order_id="s1", reason="CANCELED")
    story = given(*ENTERED, moved).when(late).no_news().leaves(protected=True, stop_order_id="s2")
    story.when(ended("s1")).no_news().leaves(protected=True)
    story.when(on(c.LoseStopLoss, exchange_order_id="s2", reason="CANCELED")).then(StopLossLost).leaves(protected=False)


def test_a_target_that_moved_is_not_lost_either() -> None:
    target = on(o.SetTakeProfit, price="3.0", exchange_order_id="t1")
    moved = on(o.SetTakeProfit, price="2.9", exchange_order_id="t2", replaces="t1")
    gone = on(o.LoseTakeProfit, exchange_order_id="t1", reason="CANCELED")
    given(*ENTERED, target, moved).when(gone).no_news()


def test_a_stop_that_is_told_again_under_the_id_that_it_had_before_moves_nothing_back() -> None:
    first = on(c.SetStopLoss, stop_price="3.298", exchange_order_id="s1")
    given(*ENTERED, MOVED).when(first).no_news().leaves(stop_order_id="s2", stop_price="3.29")
    second = on(c.SetStopLoss, stop_price="3.29", exchange_order_id="s2", replaces="s1")
    third = on(c.SetStopLoss, stop_price="3.28", exchange_order_id="s3", replaces="s2")
    given(*ENTERED, second, third).when(second).no_news().leaves(stop_order_id="s3")


def test_a_stop_that_is_at_the_exchange_under_its_former_id_after_all_is_taken_back() -> None:
    back = on(c.SetStopLoss, stop_price="3.298", exchange_order_id="s1", replaces="s2")
    given(*ENTERED, MOVED).when(back).then(StopLossSet).leaves(stop_order_id="s1")
    lost = on(c.LoseStopLoss, exchange_order_id="s2", reason="gone")
    given(*ENTERED, MOVED, lost).when(on(c.SetStopLoss, stop_price="3.298", exchange_order_id="s1")).then(StopLossSet)


def test_a_target_that_is_told_again_under_its_former_id_moves_nothing_back() -> None:
    first, other = (on(o.SetTakeProfit, price=px, exchange_order_id=name) for px, name in (("3", "t1"), ("2.9", "t2")))
    given(*ENTERED, first, other).when(first).no_news()


def test_a_stop_that_was_partly_filled_and_replaced_covers_what_the_new_order_is_for() -> None:
    stop = on(c.SetStopLoss, stop_price="3.298", exchange_order_id="s1", quantity="61.8", activate=True)
    part = on(c.Reduce, exchange_order_id="s1", trade_id="x1", last_qty="20", last_px="3.3")
    new = on(c.SetStopLoss, stop_price="3.3", exchange_order_id="s2", quantity="41.8", replaces="s1")
    story = given(*ENTERED[:3], stop, part).when(new).then(StopLossSet, StopLossLost, order="stop.2")
    story.leaves(protected=True, unprotected_since=None, quantity="41.8")
    late = on(c.Reduce, exchange_order_id="s1", trade_id="x2", last_qty="1.8", last_px="3.3")
    story.when(late).leaves(quantity="40", protected=True)
    story.when(on(c.Reduce, exchange_order_id="s2", trade_id="x3", last_qty="40", last_px="3.3")).leaves(quantity="0")


def test_the_end_of_an_order_under_an_id_that_it_never_had_is_refused() -> None:
    story = given(request(), PLACED)
    assert story.position is not None and story.position.row is not None
    ours = story.position.row.client_order_id
    total: dict[str, Any] = {"client_order_id": ours, "outcome": "filled", "filled_qty": "61.8", "avg_px": "3.23"}
    wrong = on(o.EndOrder, **total, exchange_order_id="7")
    story.when(wrong).refused(OrderAmbiguous, "as order 53190368, and never as 7", "say replace_order")
    story.when(on(o.ReplaceOrder, exchange_order_id="53190368", new_exchange_order_id="7"))
    story.when(wrong).leaves(quantity="61.8")
    given(request(), PLACED).when(on(o.EndOrder, **total, exchange_order_id="53190368")).leaves(quantity="61.8")
    given(request()).when(wrong).leaves(quantity="61.8", exchange_order_id="7")
    given(request(), PLACED).when(on(o.EndOrder, **total)).leaves(quantity="61.8")


def test_the_end_of_an_id_that_only_a_fill_named_ends_or_spares_nothing_by_guess() -> None:
    def seen(trade_id: str, order: str) -> c.RecordEntryFill:
        ours = given(request()).position.row.client_order_id  # type: ignore[union-attr] # it was requested
        ids: dict[str, Any] = {"exchange_order_id": order, "client_order_id": ours}
        return on(c.RecordEntryFill, trade_id=trade_id, last_qty="6", last_px="3.24", **ids)

    known = seen("t1", "53190368"), seen("t2", "2")
    given(request(), *known).when(ended("2")).refused(OrderAmbiguous, "as 2 by its fills alone", "(replace_order)")
    onward = on(o.ReplaceOrder, exchange_order_id="53190368", new_exchange_order_id="2")
    given(request(), *known, onward).when(ended("2")).then(OrderEnded, order="entry")
    given(request(), *known, onward).when(ended("53190368")).no_news()
    back = on(o.ReplaceOrder, exchange_order_id="2", new_exchange_order_id="53190368")
    given(request(), *known, back).when(back).no_news()
    given(request(), *known, back).when(ended("2")).no_news()
    given(request(), *known, back).when(ended("53190368")).then(OrderEnded, order="entry")
    given(request(), *known).when(ended("2", "filled", filled_qty="61.8")).then(OrderEnded, order="entry")
    given(request(), *known, ended("53190368")).when(ended("2")).no_news()


def test_an_exit_that_took_the_fill_of_a_stranger_for_its_own_swallows_no_total_of_its_own_order() -> None:
    held = c.Adopt.of(
        symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="100", reason="found"
    )
    stranger = on(c.Reduce, exchange_order_id="Y", trade_id="y1", last_qty="4", last_px="105")
    story = given(held, on(o.RequestExit, quantity="4", reason="signal"), stranger)
    assert story.position is not None and story.position.row is not None
    ours = story.position.row.orders["exit.1"].client_order_id
    total = on(o.EndOrder, client_order_id=ours, exchange_order_id="X", outcome="filled", filled_qty="4", avg_px="110")
    story.when(total).refused(OrderAmbiguous, "has exit.1 as order Y, and never as X", "by its fills")
    story.when(on(c.Reduce, exchange_order_id="X", trade_id="x1", last_qty="4", last_px="110")).leaves(quantity="2")
