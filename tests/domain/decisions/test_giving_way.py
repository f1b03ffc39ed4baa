"""Fills that an adjustment stood for are told after it: profit is exact then, and until then that word stands."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.order_requests import CorrectFill, EndOrder, RequestExit
from domain.commands.requests import (
    Adjust,
    Adopt,
    Close,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    RequestEntry,
    RollBack,
    SetStopLoss,
    StartRollback,
)
from domain.errors import NotFilled, ReduceExceedsPosition
from domain.events import EntryFilled
from domain.identifiers import client_order_id
from projections.event_time.past_rows import row_at
from tests.spec import CYCLE, Story, given, on, request, second

LONG = request(side="long", quantity="10", at=second(-8000))
EXIT = client_order_id(CYCLE, "exit.1", LONG.intent_id)


def bought(trade_id: str, qty: str, px: str, at: float) -> Command:
    return on(RecordEntryFill, trade_id=trade_id, last_qty=qty, last_px=px, exchange_order_id="A", at=second(at))


def sold(trade_id: str, qty: str, px: str, at: float) -> Command:
    return on(Reduce, trade_id=trade_id, last_qty=qty, last_px=px, exchange_order_id="X", at=second(at))


def seen(quantity: str, at: float, **fields: Any) -> Command:
    return on(Adjust, quantity=quantity, reason="the exchange says so", at=second(at), **fields)


def all_told(*corrected: Command) -> Story:
    """Two entries and two exits, of which the second of each are told after the correction."""
    story = given(LONG, bought("t1", "6", "100", -90), sold("x1", "5", "110", -80), *corrected)
    return story.when(bought("t2", "4", "105", -85)).when(sold("x2", "2", "90", -70))


def test_fills_that_an_adjustment_stood_for_make_profit_what_came_in_less_what_went_out() -> None:
    story = all_told(seen("3", -60, avg_px_open="102"))
    story.leaves(quantity="3", avg_px_open="102", realized_pnl="16")  # 550 + 180 - (1020 - 306)
    story.when(sold("x3", "3", "120", -30)).leaves(quantity="0", realized_pnl="70")
    _is_the_same_by_event_time(story)


def test_until_all_is_told_the_word_of_the_exchange_stands() -> None:
    """A fee in the bought coin, too: of 408 that were bought 407 are there to be sold."""
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60)).leaves(realized_pnl="0")
    story.when(on(Close, exit_reason="target", avg_px_close="110", at=second(-30)))
    story.leaves(status="closed", realized_pnl="80")
    _is_the_same_by_event_time(story)
    story.when(sold("x1", "2", "90", -70)).leaves(realized_pnl="60")
    _is_the_same_by_event_time(story)


def test_what_was_bought_unheard_after_a_sale_costs_what_the_exchange_says_until_it_is_told() -> None:
    seen_rounded = seen("5", -60, avg_px_open="104.001")
    story = given(LONG, bought("t1", "6", "100", -90), sold("x1", "5", "110", -80), seen_rounded)
    story.leaves(realized_pnl="50").when(sold("x2", "5", "120", -30)).leaves(quantity="0", realized_pnl="129.995")
    story.when(bought("t2", "4", "105", -85)).leaves(realized_pnl="130")


def test_an_average_that_the_exchange_rounded_is_no_profit_while_nothing_is_closed() -> None:
    story = given(LONG, bought("t1", "6", "100", -90), seen("9", -60, avg_px_open="101.6667"))
    story.when(bought("t2", "3", "105", -85)).leaves(avg_px_open="101.6667", realized_pnl="0", net_pnl="0")
    story.when(sold("x1", "9", "110", -30)).leaves(quantity="0", realized_pnl="75")
    _is_the_same_by_event_time(story)


def test_what_is_held_costs_what_its_fills_say_where_an_adjustment_said_the_quantity_alone() -> None:
    story = given(LONG, bought("t1", "6", "100", -90), seen("9", -60)).leaves(quantity="9", avg_px_open="100")
    story.when(bought("t2", "3", "106", -85)).leaves(quantity="9", avg_px_open="102", realized_pnl="0")
    story.when(sold("x1", "3", "110", -30)).leaves(realized_pnl="24")
    _is_the_same_by_event_time(story)


def test_what_nobody_knew_the_price_of_costs_what_its_fills_say() -> None:
    story = given(LONG, seen("9", -60)).leaves(quantity="9", avg_px_open=None)
    story.when(bought("t1", "6", "100", -90)).leaves(avg_px_open=None)
    story.when(bought("t2", "3", "106", -85)).leaves(quantity="9", avg_px_open="102", realized_pnl="0")
    _is_the_same_by_event_time(story)


def test_what_was_bought_unheard_before_any_sale_costs_what_the_exchange_says() -> None:
    story = given(LONG, bought("t1", "6", "100", -90), seen("10", -60, avg_px_open="102.0001"))
    story.when(sold("x1", "10", "110", -30)).leaves(quantity="0", realized_pnl="79.999")
    story.when(bought("t2", "4", "105", -85)).leaves(realized_pnl="80")


@pytest.mark.parametrize("chosen", [{"source": "operator"}, {"quantity": None}])
def test_an_average_that_somebody_chose_is_taken_back_by_no_fill(chosen: dict[str, Any]) -> None:
    choice = {"quantity": "3", "avg_px_open": "90", "reason": "as agreed", "at": second(-60), **chosen}
    word = [] if choice["quantity"] else [seen("3", -61)]
    story = all_told(*word, on(Adjust, **{name: said for name, said in choice.items() if said is not None}))
    story.when(sold("x3", "3", "120", -30)).leaves(quantity="0", realized_pnl="140")  # 50 + 0 + 90


def test_an_operator_who_says_the_quantity_alone_chooses_no_average() -> None:
    story = all_told(seen("3", -60, source="operator")).when(sold("x3", "3", "120", -30))
    story.leaves(quantity="0", realized_pnl="70")


def test_an_average_that_the_exchange_said_of_the_same_quantity_gives_way_to_fills_that_it_had_counted() -> None:
    story = given(LONG, bought("t1", "6", "100", -90), seen("6", -60, avg_px_open="101.1111"))
    story.when(bought("t2", "3", "104", -85)).when(sold("x1", "3", "90", -80)).when(sold("x2", "6", "110", -30))
    story.leaves(quantity="0", realized_pnl="18")
    _is_the_same_by_event_time(story)
    stays = given(LONG, bought("t1", "6", "100", -90), seen("6", -60, avg_px_open="101"))
    stays.when(sold("x2", "6", "110", -30)).leaves(realized_pnl="54")


def test_the_fill_of_an_end_and_one_of_before_the_adjustment_are_told_apart() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60))
    story.when(on(Close, exit_reason="gone", at=second(-30))).leaves(realized_pnl=None)
    story.when(sold("x1", "2", "90", -70)).leaves(quantity="0", realized_pnl=None, filled_qty="10")
    story.when(sold("x2", "8", "110", -40)).leaves(realized_pnl="60")
    _is_the_same_by_event_time(story)


TOTAL = on(RecordEntryPlaced, exchange_order_id="A", filled_qty="10", avg_px="102", at=second(-50))
COUNTED_TWICE = (LONG, bought("t1", "6", "100", -90), seen("8", -60, avg_px_open="102"), TOTAL)
"""Of the 10 of the order 2 were sold by the time of the adjustment, which counted 4 more of them than was known."""


def test_what_a_total_added_after_an_adjustment_is_taken_back_by_a_fill_of_before_it() -> None:
    story = given(*COUNTED_TWICE).leaves(quantity="10").when(bought("t2", "4", "105", -85))
    story.then(EntryFilled, is_seen=True, withdrawn_qty="2").leaves(quantity="8", filled_qty="8", avg_px_open="102")
    _is_the_same_by_event_time(story)
    story.when(sold("x1", "2", "90", -70)).when(sold("x2", "8", "110", -30)).leaves(quantity="0", realized_pnl="40")
    _is_the_same_by_event_time(story)


def test_what_a_total_added_is_taken_back_also_if_its_order_was_known_by_its_fills_alone() -> None:
    ended = on(EndOrder, exchange_order_id="A", outcome="canceled", filled_qty="10", avg_px="102", at=second(-50))
    named = bought("t1", "6", "100", -90).model_copy(update={"client_order_id": "another"})
    ours = on(RecordEntryPlaced, exchange_order_id="A", client_order_id=client_order_id(CYCLE, "entry", "5483266"))
    story = given(LONG, named, seen("8", -60, avg_px_open="102"), ended, ours)
    story.when(bought("t2", "4", "105", -85)).leaves(quantity="8")


def test_the_fee_in_kind_of_a_fill_that_takes_back_was_counted_by_the_adjustment() -> None:
    place, spot = {"symbol": "APT/USDT", "exchange": "binance", "leg": "spot"}, "APTUSDT.binance:SPOT#1"
    moved = [command.model_copy(update={"position_id": spot}) for command in COUNTED_TWICE[1:]]
    late = bought("t2", "4", "105", -85).model_copy(
        update={"position_id": spot, "fee": Decimal("0.01"), "fee_currency": "APT"}
    )
    story = given(request(**place, side="long", quantity="10", at=second(-8000)), *moved).when(late)
    assert story.rows[spot].quantity == 8


def test_what_a_total_added_after_an_adjustment_stays_while_its_fills_are_of_after_that() -> None:
    given(*COUNTED_TWICE).when(bought("t2", "4", "105", -53)).leaves(quantity="10")
    given(*COUNTED_TWICE).when(bought("t2", "2", "105", -85)).leaves(quantity="10")


def test_what_a_total_added_and_an_end_closed_is_taken_back_of_both() -> None:
    story = given(*COUNTED_TWICE, on(Close, exit_reason="gone", at=second(-30))).leaves(filled_qty="10")
    story.when(bought("t2", "4", "105", -85)).leaves(quantity="0", filled_qty="8", realized_pnl=None)
    story.when(sold("x2", "8", "110", -40)).when(sold("x1", "2", "90", -70)).leaves(quantity="0", realized_pnl="40")
    _is_the_same_by_event_time(story)


@pytest.mark.parametrize(("at", "held"), [(-40, "3"), (-20, "1")])
def test_an_exit_of_before_an_end_is_what_that_closed_also_if_the_cycle_was_opened_again(at: float, held: str) -> None:
    story = given(LONG, bought("t1", "2", "100", -90), on(Close, exit_reason="gone", at=second(-30)))
    story.when(bought("t2", "3", "105", -25)).leaves(status="entry_placed", quantity="3", realized_pnl=None)
    story.when(sold("x1", "2", "110", at)).leaves(quantity=held, realized_pnl="20" if at == -40 else None)
    _is_the_same_by_event_time(story)


def test_an_exit_of_before_an_end_closed_what_came_late_of_before_it_as_well() -> None:
    story = given(LONG, bought("t1", "2", "100", -90), on(Close, exit_reason="gone", at=second(-30)))
    story.when(bought("t2", "3", "105", -85)).when(bought("t3", "1", "106", -20)).leaves(quantity="4")
    story.when(sold("x1", "5", "110", -40)).leaves(quantity="1")


def corrected(trade_id: str, at: float, **fields: Any) -> Command:
    return on(CorrectFill, trade_id=trade_id, reason="by the exchange", at=second(at), **fields)


def test_what_was_corrected_before_an_adjustment_the_adjustment_has_seen() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60))
    story.when(corrected("t1", -70, last_qty="8")).leaves(quantity="8", filled_qty="8", avg_px_open="100")
    story.when(on(Close, exit_reason="target", avg_px_close="110", at=second(-30))).leaves(realized_pnl="80")
    _is_the_same_by_event_time(story)
    story = given(LONG, bought("t1", "10", "100", -90), sold("x1", "2", "90", -80), seen("10", -60))
    story.when(corrected("x1", -70, void=True)).leaves(quantity="10", filled_qty="10", realized_pnl="0")
    story.when(on(Close, exit_reason="target", avg_px_close="110", at=second(-30))).leaves(realized_pnl="100")
    _is_the_same_by_event_time(story)


def test_what_was_corrected_after_an_adjustment_is_news() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), sold("x1", "2", "90", -80), seen("9", -60))
    story.when(corrected("x1", -50, last_qty="1")).leaves(quantity="10")
    story.when(corrected("t1", -40, last_qty="9")).leaves(quantity="9")


def told_wrong(trade_id: str, last_qty: str) -> Command:
    return on(CorrectFill, trade_id=trade_id, reason="the bot had it wrong", last_qty=last_qty)


def test_a_correction_without_a_time_changes_nothing_that_an_adjustment_has_said_since_its_fill() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("9", -60))
    story.when(told_wrong("t1", "9")).leaves(quantity="9", filled_qty="9", avg_px_open="100")
    _is_the_same_by_event_time(story)
    story = given(LONG, bought("t1", "10", "100", -90), sold("x1", "2", "110", -80), seen("9", -60))
    story.when(told_wrong("x1", "1")).leaves(quantity="9", filled_qty="10", realized_pnl="10")
    _is_the_same_by_event_time(story)


def test_nor_where_the_fill_was_told_after_the_adjustment_that_had_counted_it() -> None:
    story = given(LONG, bought("t1", "6", "100", -90), seen("9", -60), bought("t2", "4", "103", -80))
    story.when(told_wrong("t2", "3")).leaves(quantity="9", filled_qty="9", avg_px_open="101")
    _is_the_same_by_event_time(story)
    untold = on(RecordEntryFill, trade_id="t2", last_qty="2", last_px="103", exchange_order_id="A")
    story = given(LONG, bought("t1", "6", "100", -90), seen("9", -60), untold)
    story.when(told_wrong("t2", "3")).leaves(quantity="9", filled_qty="9", avg_px_open="101")
    _is_the_same_by_event_time(story)


def test_a_correction_without_a_time_of_a_fill_of_after_the_adjustment_is_news() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60), bought("t2", "4", "100", -50))
    story.when(told_wrong("t2", "3")).leaves(quantity="11")
    story.when(sold("x1", "2", "110", -40)).when(told_wrong("x1", "1")).leaves(quantity="10", realized_pnl="10")
    _is_the_same_by_event_time(story)


def test_a_correction_without_a_time_of_a_fill_that_no_adjustment_of_the_quantity_has_counted_is_news() -> None:
    of_the_price = on(Adjust, avg_px_open="101", reason="the exchange says so", at=second(-60))
    given(LONG, bought("t1", "10", "100", -90), of_the_price).when(told_wrong("t1", "9")).leaves(quantity="9")
    story = given(LONG, bought("t1", "10", "100", -90), seen("2", -60), turned("5", -30))
    rest = {"trade_id": "x2", "reason": "the bot had it wrong", "last_qty": "4"}
    story.when(on(CorrectFill, NEXT, **rest)).leaves(NEXT, side="short", quantity="4")


def test_nor_has_an_adjustment_counted_a_fill_of_the_proof_that_came_after_it() -> None:
    fills = [{"trade_id": "x1", "last_qty": "8", "last_px": "110"}]
    proof = on(RollBack, evidence={"fills": fills, "position_quantity": "0"}, at=second(-30))
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60), on(StartRollback, reason="no stop"), proof)
    story.leaves(quantity="0").when(told_wrong("x1", "7")).leaves(stray=True, quantity="1")


def test_a_correction_without_a_time_changes_what_is_held_by_a_fill_that_an_adjustment_counted_in_part() -> None:
    untold = on(RecordEntryFill, trade_id="t2", last_qty="4", last_px="103", exchange_order_id="A")
    story = given(LONG, bought("t1", "6", "100", -90), seen("9", -60), untold).leaves(quantity="10")
    story.when(told_wrong("t2", "3")).leaves(quantity="9", filled_qty="9")


@pytest.mark.parametrize("at", [-60, 20])
def test_an_exit_without_a_time_is_later_than_an_adjustment_also_where_the_time_of_that_is_ahead(at: int) -> None:
    exit_of_more = on(Reduce, trade_id="x2", last_qty="9", last_px="110", exchange_order_id="X")
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", at), exit_of_more).leaves(quantity="1")
    story.when(bought("t2", "3", "100", at + 10)).when(sold("x1", "2", "90", -70)).leaves(quantity="2")


def test_an_exit_that_an_adjustment_saw_gone_may_have_been_of_more_as_far_as_so_much_was_entered() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60), sold("x1", "1", "90", -70))
    story.when(sold("x2", "8", "110", -30)).leaves(quantity="0", filled_qty="9")
    story.when(told_wrong("x1", "3")).refused(NotFilled, "holds 2 without that fill")
    story.when(told_wrong("x1", "2")).leaves(quantity="0", filled_qty="10", realized_pnl="60")
    _is_the_same_by_event_time(story)


def test_what_was_corrected_twice_before_an_adjustment_changes_nothing_either_time() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), sold("x1", "2", "90", -80), seen("9", -60))
    story.when(corrected("x1", -70, last_qty="1.5")).leaves(quantity="9")
    story.when(corrected("x1", -65, last_qty="1")).leaves(quantity="9", realized_pnl="-10")
    story.when(sold("x2", "9", "110", -30)).leaves(quantity="0", realized_pnl="80")


def test_a_total_beyond_the_fills_of_its_order_is_what_an_adjustment_saw_gone() -> None:
    exits = on(RequestExit, quantity="5", reason="signal", at=second(-80))
    fill = on(Reduce, trade_id="x1", last_qty="3", last_px="110", client_order_id=EXIT, at=second(-70))
    told = on(EndOrder, client_order_id=EXIT, outcome="filled", filled_qty="5", avg_px="108", at=second(-30))
    story = given(LONG, bought("t1", "10", "100", -90), exits, fill, seen("5", -60)).when(told)
    story.leaves(quantity="5", realized_pnl="40").when(told).no_news()
    _is_the_same_by_event_time(story)


@pytest.mark.parametrize("at", [None, second(-30)])
def test_a_fill_of_more_than_is_held_is_what_an_adjustment_saw_gone_whatever_its_time(at: object) -> None:
    more = on(Reduce, trade_id="x1", last_qty="7", last_px="90", exchange_order_id="X", at=at)
    story = given(LONG, bought("t1", "10", "100", -90), seen("3", -60))
    story.when(more).leaves(quantity="3", realized_pnl="-70")
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60)).when(more).leaves(quantity="1")
    story.when(on(Reduce, trade_id="x2", last_qty="4", last_px="90")).refused(ReduceExceedsPosition, "flip: true")


BEYOND = sold("x2", "4", "110", -30)
"""After 2 of 4 were gone at the adjustment, so that 2 are held: the other 2 were gone by then, or bought since."""
HELD_TWO = (LONG, bought("t1", "4", "100", -90), seen("2", -60), BEYOND)


def test_what_an_exit_closed_beyond_what_was_held_was_bought_since_if_something_else_was_gone_before() -> None:
    story = given(*HELD_TWO).leaves(quantity="0", filled_qty="4", realized_pnl="40")
    story.when(sold("x1", "2", "90", -70)).leaves(quantity="0", filled_qty="6")
    story.when(bought("t2", "2", "105", -40)).leaves(quantity="0", filled_qty="6", realized_pnl="10")  # 620 - 610
    _is_the_same_by_event_time(story)


def test_what_was_bought_after_that_exit_is_held() -> None:
    story = given(*HELD_TWO, sold("x1", "2", "90", -70))
    story.when(bought("t3", "1", "105", -20)).leaves(quantity="1", filled_qty="7")
    story.when(bought("t2", "2", "105", -40)).leaves(quantity="1", filled_qty="7", realized_pnl="10")


def test_an_order_that_ended_with_nothing_filled_after_that_exit_was_no_later_exit() -> None:
    stop = on(SetStopLoss, stop_price="90", exchange_order_id="S", at=second(-80))
    canceled = on(EndOrder, exchange_order_id="S", outcome="canceled", filled_qty="0", at=second(-10))
    story = given(
        LONG, bought("t1", "4", "100", -90), stop, seen("2", -60), BEYOND, canceled, sold("x1", "2", "90", -70)
    )
    story.when(bought("t3", "1", "105", -20)).leaves(quantity="1", filled_qty="7")


def test_what_that_exit_closed_is_known_after_another_average_too() -> None:
    chosen = on(Adjust, avg_px_open="100.1", reason="the exchange says so")
    story = given(*HELD_TWO, bought("t3", "3", "100", -5), chosen).when(sold("x1", "2", "90", -70)).leaves(quantity="1")
    story.when(bought("t2", "2", "105", -40)).leaves(quantity="3", filled_qty="9")


def test_what_was_bought_since_is_closed_by_that_exit_also_if_it_is_told_before_what_was_gone() -> None:
    story = given(*HELD_TWO).when(bought("t2", "2", "105", -40)).leaves(quantity="2", filled_qty="6")
    story.when(sold("x1", "2", "90", -70)).leaves(quantity="0", filled_qty="6", realized_pnl="10")
    _is_the_same_by_event_time(story)


def test_a_total_too_says_what_an_exit_closed_beyond_what_was_held() -> None:
    exits = on(RequestExit, quantity="2", reason="signal", at=second(-80))
    told = on(EndOrder, client_order_id=EXIT, outcome="filled", filled_qty="2", avg_px="90", at=second(-70))
    story = given(LONG, bought("t1", "4", "100", -90), exits, seen("2", -60), BEYOND)
    story.when(bought("t2", "2", "105", -40)).leaves(quantity="2")
    story.when(told).leaves(quantity="0", filled_qty="6", realized_pnl="10")


def test_an_end_without_fills_is_told_by_that_exit_first() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("4", -60), bought("t2", "2", "100", -50))
    story.when(sold("x2", "8", "110", -40)).leaves(quantity="4", filled_qty="12")  # 6 may be gone
    story.when(on(Close, exit_reason="gone", at=second(-30))).leaves(quantity="0", realized_pnl=None)
    story.when(bought("t3", "3", "100", -20)).leaves(quantity="3", filled_qty="15", status="entry_placed")
    story.when(sold("x1", "6", "90", -70)).leaves(quantity="1", filled_qty="15", realized_pnl="20")
    _is_the_same_by_event_time(story)


def test_an_entry_after_an_adjustment_is_news_while_no_exit_closed_more_than_was_held() -> None:
    story = given(LONG, bought("t1", "4", "100", -90), seen("2", -60), sold("x1", "3", "90", -70))
    story.leaves(quantity="2", filled_qty="5").when(bought("t2", "3", "105", -40)).leaves(quantity="5", filled_qty="8")


def test_an_order_whose_later_fill_was_told_first_was_filled_before_the_adjustment_as_its_fill_says() -> None:
    later = on(RecordEntryFill, trade_id="t2", last_qty="2", last_px="105", exchange_order_id="B", at=second(-40))
    before = on(RecordEntryFill, trade_id="t0", last_qty="4", last_px="100", exchange_order_id="B", at=second(-90))
    story = given(LONG, bought("t1", "6", "100", -95), seen("10", -60), later).leaves(quantity="12")
    story.when(before).leaves(quantity="12", filled_qty="12")
    _is_the_same_by_event_time(story)


NEXT = "APTUSDT.binance#2"


def turned(qty: str, at: float | None) -> Command:
    moment = None if at is None else second(at)
    return on(Reduce, trade_id="x2", last_qty=qty, last_px="110", exchange_order_id="X", at=moment, flip=True)


@pytest.mark.parametrize("at", [-30, None])
def test_a_fill_that_turns_the_position_after_an_adjustment_is_not_what_that_saw_gone(at: float | None) -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("2", -60)).when(turned("5", at))
    story.leaves(CYCLE, status="closed", realized_pnl="20").leaves(NEXT, side="short", quantity="3")
    story = given(LONG, bought("t1", "10", "100", -90), seen("2", -60), sold("x0", "2", "110", -50))
    story.when(turned("3", at)).leaves(CYCLE, status="closed").leaves(NEXT, side="short", quantity="3")


def test_a_fill_that_would_have_turned_it_before_an_adjustment_is_what_that_saw_gone() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("2", -60)).when(turned("5", -70))
    story.leaves(CYCLE, status="pending_entry", quantity="2", filled_qty="7")


def test_a_fill_may_be_partly_gone_partly_told_before_and_partly_held() -> None:
    story = given(LONG, bought("t1", "5", "100", -90), seen("3", -60))
    story.when(on(Close, exit_reason="gone", at=second(-50))).leaves(realized_pnl=None)
    story.when(bought("t2", "2", "100", -45)).leaves(status="entry_placed", quantity="2")
    story.when(sold("x1", "6.5", "110", -40)).leaves(quantity="0.5", realized_pnl="65")
    story.when(sold("x2", "0.5", "90", -30)).leaves(quantity="0", realized_pnl="60")
    _is_the_same_by_event_time(story)


def test_a_total_of_more_than_is_held_is_what_an_adjustment_saw_gone() -> None:
    exits = on(RequestExit, quantity="7", reason="signal", at=second(-80))
    told = on(EndOrder, client_order_id=EXIT, outcome="filled", filled_qty="7", avg_px="90", at=second(-30))
    story = given(LONG, bought("t1", "10", "100", -90), exits, seen("3", -60)).when(told)
    story.leaves(quantity="3", realized_pnl="-70")
    story.when(on(Close, exit_reason="target", avg_px_close="110", at=second(-10))).leaves(realized_pnl="-40")
    _is_the_same_by_event_time(story)


def adopted(qty: str, px: str, at: float) -> Command:
    key = {"symbol": "APTUSDT", "exchange": "binance", "side": "long"}
    return Adopt.of(**key, quantity=qty, avg_px_open=px, reason="held", at=second(at))


def test_after_an_adoption_too_the_word_of_the_exchange_gives_way_to_fills() -> None:
    story = given(adopted("4", "100", -120), bought("t1", "2", "106", -90), seen("4", -60, avg_px_open="104"))
    story.when(bought("t2", "4", "110", -85)).leaves(quantity="4", realized_pnl="0")
    story.when(sold("x1", "6", "90", -70)).leaves(quantity="4", realized_pnl="-96")  # 540 - (400 + 212 + 440 - 416)
    story.when(sold("x2", "4", "110", -30)).leaves(quantity="0", realized_pnl="-72")
    _is_the_same_by_event_time(story)


def test_what_was_adopted_costs_what_its_fills_say_once_they_tell_of_all_of_it() -> None:
    story = given(adopted("6", "101.6667", -60), sold("x1", "6", "110", -30)).leaves(realized_pnl="49.9998")
    story.when(bought("t1", "4", "100", -90)).leaves(quantity="0", filled_qty="6", realized_pnl="49.9998")
    story.when(bought("t2", "2", "105", -85)).leaves(quantity="0", filled_qty="6", realized_pnl="50")
    _is_the_same_by_event_time(story)


def test_what_an_exit_of_before_an_adoption_closed_was_entered_before_it() -> None:
    story = given(adopted("3", "102", -60), sold("x2", "3", "120", -30)).leaves(realized_pnl="54")
    story.when(sold("x1", "2", "90", -70)).refused(
        ReduceExceedsPosition, "never held more than 3", "send its fills first"
    )
    story.when(bought("t1", "5", "101", -90)).leaves(quantity="0", filled_qty="3", realized_pnl="54")
    story.when(sold("x1", "2", "90", -70)).leaves(filled_qty="5", realized_pnl="35")  # 360 + 180 - 505
    _is_the_same_by_event_time(story)


def test_more_than_orders_filled_may_have_been_closed_after_an_adoption() -> None:
    story = given(adopted("4", "100", -120), seen("1", -60)).when(sold("x1", "3", "90", -70))
    story.leaves(quantity="1", filled_qty="4", realized_pnl="-30")
    story.when(sold("x3", "1.5", "90", -65)).refused(ReduceExceedsPosition, "never held more than 4")


def test_a_word_that_comes_when_all_is_told_changes_nothing_that_was_earned_in_all() -> None:
    story = given(LONG, bought("t1", "10", "100", -90), seen("8", -60), sold("x1", "2", "90", -30))
    story.when(seen("8", -20, avg_px_open="100.0001")).leaves(quantity="8", realized_pnl="-19.9992")
    story.when(sold("x2", "8", "110", -10)).leaves(quantity="0", realized_pnl="60")
    _is_the_same_by_event_time(story)


SPOT = "APTUSDT.binance:SPOT#1"


def test_on_spot_too_fills_and_their_fees_in_kind_say_what_was_earned() -> None:
    coin = {"fee_currency": "APT", "fee": "0.1"}
    key = {"symbol": "APT/USDT", "exchange": "binance", "leg": "spot", "side": "long", "quantity": "10"}
    first = on(RecordEntryFill, SPOT, trade_id="t1", last_qty="6", last_px="100", exchange_order_id="A", at=second(-90))
    lost = on(
        RecordEntryFill, SPOT, trade_id="t2", last_qty="4", last_px="105", exchange_order_id="A", at=second(-85), **coin
    )
    sale = on(Reduce, SPOT, trade_id="x1", last_qty="5", last_px="110", exchange_order_id="X", at=second(-80))
    asked = RequestEntry.of(**key, intent_id="s1", at=second(-8000))
    word = on(Adjust, SPOT, quantity="4.9", avg_px_open="102", reason="the balance", at=second(-60))
    story = given(asked, first, sale, word).leaves(SPOT, quantity="4.9", realized_pnl="50")
    story.when(on(Reduce, SPOT, trade_id="x2", last_qty="4.9", last_px="120", exchange_order_id="Y", at=second(-30)))
    story.leaves(SPOT, quantity="0", realized_pnl="138.2")
    story.when(lost).leaves(SPOT, realized_pnl="118", fees="0")  # 550 + 588 - (600 + 420)


class Lossy:
    """A round trip at an exchange, and the books of a bot that hears of each fill at once, late, or in the end."""

    def __init__(self, fills: list[tuple[int, int]], lost: set[int], seen_after: set[int]) -> None:
        self.story, self.profit = given(LONG), Fraction(0)
        held, cost, waiting = 0, Fraction(0), list[Command]()
        last = len(fills)
        for number, (eighths, px) in enumerate([*fills, (0, 1600)]):
            at, size = -7200 + 60 * number, abs(eighths)
            if eighths > 0:
                held, cost = held + size, cost + Fraction(size * px)
            else:
                size = held if number == last else min(size, held)
                held, cost = held - size, cost - (cost / held * size if held else 0)
            if not size:
                continue
            self.profit += Fraction(-size * px if eighths > 0 else size * px)
            tell = bought if eighths > 0 else sold
            fill = tell(f"t{number}", str(Decimal(size) / 8), str(px), at)
            if number in lost or not self._takes(fill):
                waiting.append(fill)
            if number in seen_after and held and Decimal(held) / 8 != self.story.rows[CYCLE].quantity:
                average = round(Decimal(cost.numerator) / Decimal(cost.denominator * held), 4)
                self._takes(seen(str(Decimal(held) / 8), at + 30, avg_px_open=str(average)))
        self._takes(on(Close, exit_reason="not at the exchange any more", at=second(-60)))
        self.waiting = waiting

    def _takes(self, command: Command) -> bool:
        self.story.when(command)
        is_taken, self.story.refusal = self.story.refusal is None, None
        return is_taken

    def tell_all(self, order: list[int]) -> None:
        """Whatever is refused is told again after the others, as a bot would."""
        left = [self.waiting[number % len(self.waiting)] for number in order] if self.waiting else []
        left = [*dict.fromkeys([*left, *self.waiting])]
        for _ in range(len(left)):
            left = [fill for fill in left if not self._takes(fill)]
        assert not left, f"refused for ever: {left}"


SIZES = st.integers(-40, 40).filter(bool)
FILLS = st.lists(st.tuples(SIZES, st.integers(1600, 1760)), min_size=1, max_size=7)
SOME = st.sets(st.integers(0, 7))


@example([(2, 1600), (-1, 1600), (1, 1601)], {1, 2}, {0, 1}, [])
@example([(21, 1600), (-20, 1600), (40, 1600), (1, 1600)], {1, 3}, {0, 1}, [])
@example([(32, 1604), (-7, 1605), (-5, 1600), (36, 1604), (1, 1604)], {1, 2, 3, 4, 5}, {1, 3, 5, 7}, [6, 7, 4, 5])
@tried_on(FILLS, SOME, SOME, st.lists(st.integers(0, 7), max_size=8))
def test_whatever_was_lost_profit_is_exact_once_all_is_told(
    fills: list[tuple[int, int]], lost: set[int], seen_after: set[int], order: list[int]
) -> None:
    run = Lossy(fills, lost, seen_after)
    run.tell_all(order)
    row = run.story.rows[CYCLE]
    assert not row.quantity
    if run.profit:
        assert row.realized_pnl == Decimal(run.profit.numerator) / Decimal(run.profit.denominator * 8)


def _is_the_same_by_event_time(story: Story) -> None:
    row, told = story.rows[CYCLE], row_at(story.history, second(3600))
    assert told is not None
    assert (told.quantity, told.realized_pnl) == (row.quantity, row.realized_pnl)
