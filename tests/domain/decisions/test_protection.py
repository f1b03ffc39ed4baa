from __future__ import annotations

from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import (
    CorrectFill,
    DefineInstrument,
    EndOrder,
    LoseTakeProfit,
    ReplaceOrder,
    RequestIncrease,
    SetTakeProfit,
)
from domain.commands.requests import (
    Activate,
    Adjust,
    Adopt,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    RequestEntry,
    SetStopLoss,
    StartRollback,
)
from domain.errors import (
    AlreadyActive,
    InvalidCommand,
    NotFilled,
    NotProtected,
    OrderAmbiguous,
    UnknownOrder,
    WrongSideStop,
    WrongStatus,
)
from domain.events import (
    Activated,
    EntryFilled,
    OrderEnded,
    OrderReplaced,
    PositionAdjusted,
    PositionEvent,
    StopLossLost,
    StopLossSet,
    TakeProfitLost,
    TakeProfitSet,
)
from domain.identifiers import client_order_id
from tests.spec import CYCLE, ENTERED, FILLED, PLACED, STOP, given, on, request, second

LONG = request(side="long")
GONE = on(LoseStopLoss, reason="canceled by the cleaner")


def stop(price: str, **fields: object) -> SetStopLoss:
    return on(SetStopLoss, stop_price=price, **{"exchange_order_id": "s1", **fields})  # type: ignore[arg-type]  # no position_id among them


# -- set_stop_loss ----------------------------------------------------------------------------------------------


def test_a_confirmed_stop_waits_for_activation() -> None:
    given(request(), PLACED, FILLED).when(STOP).then(
        StopLossSet, stop_price="3.298", quantity=None, exchange_order_id="s1", locks_profit=False
    ).leaves(status="pending_sl", stop_price="3.298", stop_order_id="s1", protected=True, unprotected_since=None)


def test_a_stop_may_be_confirmed_before_the_fill_is_known() -> None:
    given(request(), PLACED).when(STOP).then(StopLossSet).leaves(status="pending_sl", protected=False)


def test_a_fill_is_enough_to_set_a_stop_before_the_acknowledgement_arrives() -> None:
    given(request(), FILLED).when(STOP).then(StopLossSet).leaves(status="pending_sl", protected=True)


def test_no_stop_before_there_is_an_entry_at_the_exchange() -> None:
    given(request()).when(STOP).refused(WrongStatus, "has no entry at the exchange yet; record the entry first")


@pytest.mark.parametrize("price", ["3.2333", "3.2332999", "1"])
def test_the_stop_of_a_short_stands_above_its_average_entry(price: str) -> None:
    given(request(), PLACED, FILLED).when(stop(price)).refused(
        WrongSideStop, f"a stop at {price} would trigger at once", "that of a short stands above its entry of 3.2333"
    )


@pytest.mark.parametrize("price", ["3.2333", "3.2333001", "9"])
def test_the_stop_of_a_long_stands_below_its_average_entry(price: str) -> None:
    given(LONG, PLACED, FILLED).when(stop(price)).refused(
        WrongSideStop, "that of a long stands below its entry of 3.2333"
    )


def test_the_average_entry_counts_and_not_the_signal_price() -> None:
    signal_too_low = request(signal_price="3.1")
    given(signal_too_low, PLACED, FILLED).when(stop("3.2")).refused(WrongSideStop, "entry of 3.2333")
    signal_too_high = request(signal_price="3.4")
    given(signal_too_high, PLACED, FILLED).when(stop("3.3")).then(StopLossSet)


def test_without_an_average_entry_the_signal_price_counts() -> None:
    given(request(signal_price="3.31"), PLACED).when(stop("3.3")).refused(WrongSideStop, "entry of 3.31")
    given(request(signal_price="3.31"), PLACED).when(stop("3.32")).then(StopLossSet)


def test_with_neither_price_any_stop_is_kept_and_protects_nothing() -> None:
    unpriced = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")
    given(request(signal_price=None), unpriced).when(stop("1")).then(StopLossSet).leaves(
        protected=False, unprotected_since="2025-10-22T18:50:41.000000Z"
    )


def test_the_same_stop_again_is_no_news() -> None:
    given(*ENTERED).when(STOP).no_news().leaves(status="active")


def test_a_stop_is_not_there_again_by_what_was_said_before_it_was_lost() -> None:
    early, later = (on(SetStopLoss, stop_price="3.298", exchange_order_id="k", at=second(at)) for at in (-30, -19))
    lost = on(LoseStopLoss, reason="gone", exchange_order_id="k", at=second(-20))
    story = given(*ENTERED, early, lost)
    story.when(early).no_news().leaves(protected=False).when(later).then(StopLossSet).leaves(protected=True)
    story.when(early).no_news().leaves(protected=True)


def test_a_take_profit_is_not_there_again_by_what_was_said_before_it_was_lost() -> None:
    early, later = (on(SetTakeProfit, price="3.1", exchange_order_id="k", at=second(at)) for at in (-30, -19))
    lost = on(LoseTakeProfit, reason="gone", exchange_order_id="k", at=second(-20))
    given(*ENTERED, early, lost).when(early).no_news().when(later).then(TakeProfitSet)


def test_a_stop_that_was_lost_is_not_there_again_under_an_id_that_it_had_before() -> None:
    first = on(SetStopLoss, stop_price="3.298", exchange_order_id="k", at=second(-40))
    moved = on(ReplaceOrder, exchange_order_id="k", new_exchange_order_id="m", price="3.29", at=second(-30))
    lost = on(LoseStopLoss, reason="gone", at=second(-20))
    given(*ENTERED, first, moved, lost).when(first).no_news().leaves(protected=False)


def test_a_stop_is_not_gone_by_what_was_said_before_it_was_set() -> None:
    lost = on(LoseStopLoss, reason="gone", at=second(-20))
    again = on(SetStopLoss, stop_price="3.298", exchange_order_id="m", at=second(-10))
    story = given(*ENTERED, lost, again).when(lost).no_news().leaves(protected=True)
    story.when(on(LoseStopLoss, reason="gone", at=second(-9))).leaves(protected=False)


def test_a_stop_is_gone_also_by_a_clock_that_is_behind_the_one_by_which_it_was_set() -> None:
    """The words are those of a loss before it, but it is another one: at its time none is on record."""
    lost, again = (on(LoseStopLoss, reason="gone", at=second(at)) for at in (-20, -11))
    anew = on(SetStopLoss, stop_price="3.298", exchange_order_id="m", at=second(-10))
    given(*ENTERED, lost, anew).when(again).then(StopLossLost).leaves(protected=False)
    older = on(LoseStopLoss, reason="gone", at=second(-16))
    given(*ENTERED, lost, anew).when(older).no_news().leaves(protected=True)


def test_an_order_is_there_again_if_somebody_says_so_now() -> None:
    told = on(SetStopLoss, stop_price="3.298", exchange_order_id="k")
    lost = on(LoseStopLoss, reason="gone", at=second(-20))
    given(*ENTERED, told, lost).leaves(protected=False).when(told).leaves(protected=True)


def test_the_same_stop_again_is_no_news_even_when_it_would_activate() -> None:
    given(*ENTERED).when(stop("3.298", activate=True)).no_news().leaves(status="active")


def test_a_stop_at_another_price_moved() -> None:
    given(*ENTERED).when(stop("3.28", exchange_order_id="s2")).then(StopLossSet, stop_price="3.28").leaves(
        status="active", stop_price="3.28", stop_order_id="s2", protected=True
    )


def test_a_stop_on_an_active_position_stays_on_the_losing_side() -> None:
    given(*ENTERED).when(stop("3.2")).refused(WrongSideStop, "unless it locks in profit (locks_profit)")


def test_a_trailing_stop_may_lock_in_profit_on_an_active_position() -> None:
    given(*ENTERED).when(stop("3.1", locks_profit=True)).then(StopLossSet, locks_profit=True).leaves(
        status="active", stop_price="3.1", stop_locks_profit=True, protected=True
    )


@pytest.mark.parametrize("sent", [2, 3, 4])
def test_nothing_locks_in_profit_before_the_position_is_active(sent: int) -> None:
    given(*ENTERED[:sent]).when(stop("3.1", locks_profit=True)).refused(WrongSideStop, "3.2333")
    given(*ENTERED[:sent]).when(stop("3.3", locks_profit=True)).then(StopLossSet, locks_profit=False)


def test_a_stop_does_not_end_a_rollback() -> None:
    given(request(), PLACED, FILLED, on(StartRollback, reason="x")).when(STOP).then(StopLossSet).leaves(
        status="rolling_back", protected=True
    )


def test_a_stop_for_less_than_all_is_kept_and_protects_nothing() -> None:
    given(request(), PLACED, FILLED).when(stop("3.298", quantity="61.7")).then(StopLossSet, quantity="61.7").leaves(
        status="pending_sl", protected=False, unprotected_since="2025-10-22T18:50:42.000000Z"
    )


def test_a_position_that_outgrows_its_stop_is_no_longer_protected() -> None:
    more = on(RecordEntryFill, trade_id="t2", last_qty="0.1", last_px="3.2333")
    given(request(), PLACED, FILLED, stop("3.298", quantity="61.8", activate=True)).when(more).then(EntryFilled).leaves(
        status="active", protected=False, unprotected_since="2025-10-22T18:50:44.000000Z"
    )


def test_a_position_that_shrinks_stays_protected() -> None:
    given(*ENTERED[:3], stop("3.298", quantity="61.8")).when(
        on(Reduce, trade_id="t2", last_qty="60", last_px="3.2")
    ).leaves(protected=True)


def test_a_corrected_entry_beyond_the_stop_leaves_the_position_unprotected() -> None:
    given(*ENTERED).when(on(Adjust, avg_px_open="3.3", reason="x")).then(PositionAdjusted).leaves(
        status="active", protected=False
    )


# -- set_stop_loss with activate --------------------------------------------------------------------------------


def test_set_and_activate_is_one_append() -> None:
    given(request(), PLACED, FILLED).when(stop("3.298", activate=True)).then(StopLossSet, Activated).leaves(
        status="active", protected=True, activated_at="2025-10-22T18:50:43.000000Z"
    ).answered(version=5, status="active", events=("StopLossSet", "Activated"))


def test_a_stop_that_is_known_already_may_activate() -> None:
    given(request(), PLACED, FILLED, STOP).when(stop("3.298", activate=True)).leaves(status="active")


def test_a_stop_that_may_not_activate_is_not_set_either() -> None:
    given(request(), PLACED).when(stop("3.298", activate=True)).refused(NotFilled, "has no fill on record").leaves(
        status="entry_placed", stop_price=None
    )
    given(request(), PLACED, FILLED).when(stop("3.298", quantity="61.7", activate=True)).refused(
        NotProtected, "holds 61.8, of which its stop covers only 61.7"
    ).leaves(status="entry_placed", stop_price=None)


def test_activating_with_a_stop_during_a_rollback_is_refused() -> None:
    given(request(), PLACED, FILLED, on(StartRollback, reason="x")).when(stop("3.298", activate=True)).refused(
        WrongStatus, "its entry is being undone"
    )


def test_moving_the_stop_of_an_active_position_may_say_activate_as_well() -> None:
    given(*ENTERED).when(stop("3.28", activate=True)).then(StopLossSet).leaves(status="active", stop_price="3.28")


# -- lose_stop_loss ---------------------------------------------------------------------------------------------


def test_a_lost_stop_leaves_the_position_active_and_unprotected() -> None:
    given(*ENTERED).when(GONE).then(StopLossLost, reason="canceled by the cleaner").leaves(
        status="active",
        stop_price=None,
        stop_order_id=None,
        protected=False,
        unprotected_since="2025-10-22T18:50:45.000000Z",
    )


def test_unprotected_since_stays_until_a_stop_is_back() -> None:
    given(*ENTERED, GONE, on(Reduce, trade_id="t2", last_qty="1", last_px="3.2")).leaves(
        unprotected_since="2025-10-22T18:50:45.000000Z"
    ).when(stop("3.3", exchange_order_id="s2")).leaves(protected=True, unprotected_since=None)


def test_losing_a_stop_that_is_not_there_is_no_news() -> None:
    given(request(), PLACED).when(GONE).no_news()
    given(*ENTERED, GONE).when(GONE).no_news()


# -- activate ---------------------------------------------------------------------------------------------------


def test_filled_and_covered_is_active() -> None:
    given(*ENTERED[:4]).when(on(Activate)).then(Activated, cycle=1).leaves(
        status="active", activated_at="2025-10-22T18:50:44.000000Z", protected=True
    )


def test_no_activation_without_a_confirmed_stop() -> None:
    given(request(), PLACED, FILLED).when(on(Activate)).refused(NotProtected, "has no confirmed stop; set one before")


def test_no_activation_after_the_stop_was_lost() -> None:
    given(*ENTERED[:4], GONE).when(on(Activate)).refused(NotProtected)


def test_no_activation_without_a_fill() -> None:
    given(request(), PLACED, STOP).when(on(Activate)).refused(NotFilled, "has no fill on record; record the fill")
    given(request()).when(on(Activate)).refused(NotFilled)


def test_no_activation_at_a_price_that_is_not_known() -> None:
    unpriced = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")
    given(request(), unpriced, STOP).when(on(Activate)).refused(
        NotFilled, "has 61.8 filled at a price that is not known"
    )


def test_no_activation_with_a_stop_that_the_fill_overtook() -> None:
    given(request(signal_price="3.1"), PLACED, stop("3.2"), FILLED).when(on(Activate)).refused(
        WrongSideStop, "stands above its average entry of 3.2333"
    )


def test_no_activation_of_a_part() -> None:
    given(request(), PLACED, FILLED, stop("3.298", quantity="60")).when(on(Activate)).refused(
        NotProtected, "covers only 60"
    )


def test_a_second_activation_is_refused() -> None:
    given(*ENTERED).when(on(Activate)).refused(AlreadyActive, "is active already")


def test_an_adopted_position_is_active_without_activation() -> None:
    adopted = Adopt.of(symbol="APTUSDT", exchange="binance", side="short", quantity="1", avg_px_open="3", reason="x")
    given(adopted).when(on(Activate)).refused(AlreadyActive)


def test_no_activation_during_a_rollback() -> None:
    given(*ENTERED[:4], on(StartRollback, reason="x")).when(on(Activate)).refused(WrongStatus, "is rolling_back")


def test_no_activation_of_what_was_closed_again() -> None:
    given(*ENTERED[:4], on(Reduce, trade_id="t2", last_qty="61.8", last_px="3.2")).when(on(Activate)).refused(NotFilled)


def test_no_target_before_there_is_an_entry_at_the_exchange() -> None:
    given(request()).when(on(SetTakeProfit, price="3.1")).refused(WrongStatus, "no entry at the exchange yet")
    given(request(), PLACED).when(on(SetTakeProfit, price="3.1")).leaves(status="entry_placed")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (stop("3.29", exchange_order_id="s2", replaces="s9"), "has no order s9; it has entry"),
        (stop("3.29", exchange_order_id="s2", replaces="53190368"), "as entry, which is no stop"),
        (on(SetTakeProfit, price="3.1", replaces="s1"), "as stop.1, which is no target"),
        (on(LoseStopLoss, exchange_order_id="s9", reason="gone"), "has no order s9; it has entry"),
        (on(LoseTakeProfit, exchange_order_id="t9", reason="gone"), "has no order t9; it has entry"),
    ],
)
def test_what_moves_or_is_gone_is_an_order_of_the_cycle(command: Command, says: str) -> None:
    given(*ENTERED).when(command).refused(UnknownOrder, says)


def test_a_stop_without_an_id_goes_by_its_name_where_there_are_several() -> None:
    part: dict[str, Any] = {"stop_price": "3.298", "quantity": "30.9"}
    story = given(request(), PLACED, FILLED, on(SetStopLoss, **part, exchange_order_id="s1"))
    story.when(on(SetStopLoss, **part, attached=True)).then(StopLossSet, order="stop.2")
    story.when(on(LoseStopLoss, reason="gone")).refused(OrderAmbiguous, "stop.2 (no id); send exchange_order_id")
    story.when(on(LoseStopLoss, reason="gone", exchange_order_id="stop.2")).then(StopLossLost, order="stop.2")
    story.when(on(LoseStopLoss, reason="gone", exchange_order_id="stop.3")).refused(UnknownOrder, "has no order stop.3")


def test_a_stop_of_the_position_and_one_that_is_an_order_are_not_the_same() -> None:
    attached = on(SetStopLoss, stop_price="3.298", attached=True)
    story = given(*ENTERED).when(attached).then(StopLossSet, attached=True)
    story.when(attached.model_copy(update={"command_id": "again"})).no_news().when(STOP).then(StopLossSet)
    story.when(STOP.model_copy(update={"command_id": "again"})).no_news().leaves(stop_order_id="s1")


# -- below zero -------------------------------------------------------------------------------------------------

SPREAD = "CL1-CL2.ibkr#1"
PLACE = {"symbol": "CL1-CL2", "exchange": "ibkr"}
BELOW = DefineInstrument.of(**PLACE, price_may_be_negative=True)


def spread(**fields: str) -> RequestEntry:
    return RequestEntry.of(**PLACE, side="long", quantity="10", intent_id="i", **fields)


def test_what_trades_below_zero_is_entered_protected_and_corrected_there() -> None:
    story = given(BELOW, spread(signal_price="-5.9", stop_price="-8"))
    story.when(on(RecordEntryPlaced, SPREAD, exchange_order_id="A", filled_qty="10", avg_px="-6"))
    story.when(on(SetStopLoss, SPREAD, stop_price="-5", exchange_order_id="S")).refused(
        WrongSideStop, "below its entry"
    )
    story.when(on(SetStopLoss, SPREAD, stop_price="-8", exchange_order_id="S", activate=True))
    story.leaves(SPREAD, status="active", protected=True, avg_px_open="-6")
    story.when(on(SetTakeProfit, SPREAD, price="-2", exchange_order_id="T"))
    story.when(on(ReplaceOrder, SPREAD, exchange_order_id="T", new_exchange_order_id="T2", price="-3"))
    story.when(on(RequestIncrease, SPREAD, intent_id="j", quantity="1", signal_price="-7"))
    story.when(on(Adjust, SPREAD, avg_px_open="-6.1", reason="the exchange says so")).leaves(SPREAD, avg_px_open="-6.1")


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (on(RecordEntryPlaced, SPREAD, exchange_order_id="A", filled_qty="10", avg_px="-6"), "avg_px"),
        (on(SetStopLoss, SPREAD, stop_price="-8", exchange_order_id="S"), "stop_price"),
        (on(SetTakeProfit, SPREAD, price="-2", exchange_order_id="T"), "price"),
        (on(Adjust, SPREAD, avg_px_open="-6.1", reason="x"), "avg_px_open"),
        (on(RequestIncrease, SPREAD, intent_id="j", quantity="1", signal_price="-7"), "signal_price"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_elsewhere_no_price_is_below_zero(command: Command, field: str) -> None:
    filled = on(RecordEntryFill, SPREAD, trade_id="t1", last_qty="10", last_px="6", exchange_order_id="A")
    given(spread(), filled).when(command).refused(InvalidCommand, f"{field}: -", "prices are not below zero here")
    given().when(spread(signal_price="-1")).refused(
        InvalidCommand, "signal_price: -1", "prices are not below zero here"
    )


@pytest.mark.parametrize("outcome", ["filled", "canceled"])
def test_a_stop_that_has_ended_is_not_brought_back_by_what_was_said_before(outcome: str) -> None:
    ended = on(EndOrder, exchange_order_id="s1", outcome=outcome)
    given(*ENTERED, ended).when(STOP).no_news().leaves(protected=False)
    given(*ENTERED, GONE).when(STOP).then(StopLossSet).leaves(protected=True)


@pytest.mark.parametrize(("at", "protected"), [(4, False), (11, True)])
def test_what_was_said_with_a_time_brings_a_stop_back_only_from_after_its_end(at: float, *, protected: bool) -> None:
    ended = on(EndOrder, exchange_order_id="s1", outcome="canceled", at=second(10))
    given(*ENTERED, ended).when(STOP.model_copy(update={"at": second(at)})).leaves(protected=protected)


def test_a_stop_that_ended_under_another_id_is_not_brought_back_under_the_one_before_it() -> None:
    moved = on(ReplaceOrder, exchange_order_id="s1", new_exchange_order_id="s2")
    given(*ENTERED, moved, on(EndOrder, exchange_order_id="s2", outcome="canceled")).when(STOP).no_news()


# -- one id for several orders ------------------------------------------------------------------------------------


TARGET = on(SetTakeProfit, price="3.1", exchange_order_id="s1")
"""The target of the order of the exchange that is the stop as well (OCO)."""


@pytest.mark.parametrize(
    ("command", "events"),
    [
        (on(LoseStopLoss, exchange_order_id="s1", reason="gone"), (StopLossLost, TakeProfitLost)),
        (on(LoseTakeProfit, exchange_order_id="s1", reason="gone"), (TakeProfitLost, StopLossLost)),
        (on(EndOrder, exchange_order_id="s1", outcome="canceled"), (OrderEnded, StopLossLost)),
    ],
)
def test_a_stop_and_a_target_of_one_order_are_gone_together(
    command: Command, events: tuple[type[PositionEvent], ...]
) -> None:
    gone = given(*ENTERED, TARGET).when(command).then(*events)
    gone.leaves(protected=False, stop_price=None, stop_order_id=None)


def test_the_stop_of_an_order_that_is_a_target_as_well_moves_and_is_no_second_one() -> None:
    for quantity in ({}, {"quantity": "61.8"}):
        entered = given(request(), PLACED, FILLED, stop("3.298", **quantity), on(Activate), TARGET)
        entered.when(stop("3.29", **quantity)).then(StopLossSet, order=None).leaves(stop_price="3.29", protected=True)


def test_a_stop_and_a_target_of_one_order_that_ended_are_not_brought_back() -> None:
    ended = on(EndOrder, exchange_order_id="s1", outcome="canceled")
    given(*ENTERED, TARGET, ended).when(STOP).no_news().when(TARGET).no_news().leaves(protected=False)
    moved = on(ReplaceOrder, exchange_order_id="s1", new_exchange_order_id="s2")
    ended = on(EndOrder, exchange_order_id="s2", outcome="canceled")
    given(*ENTERED, TARGET, moved, ended).when(STOP).no_news().when(TARGET).no_news().leaves(protected=False)


def test_a_stop_and_a_target_of_one_order_go_on_under_one_id() -> None:
    moved = on(ReplaceOrder, exchange_order_id="s1", new_exchange_order_id="s2")
    story = given(*ENTERED, TARGET).when(moved).then(OrderReplaced, OrderReplaced)
    story.when(on(LoseStopLoss, exchange_order_id="s2", reason="gone")).leaves(protected=False)
    moved_stop = stop("3.29")
    for earlier in (STOP, TARGET, moved_stop):
        given(*ENTERED, TARGET, moved_stop, moved).when(earlier).no_news().leaves(stop_order_id="s2")
    priced = on(ReplaceOrder, exchange_order_id="s1", new_exchange_order_id="s2", price="3.29")
    given(*ENTERED, TARGET).when(priced).refused(OrderAmbiguous, "one of the two prices")


def test_a_stop_with_the_id_of_the_entry_takes_none_of_its_fills() -> None:
    """Some exchanges count their conditional orders apart."""
    stated = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8", avg_px="3.2333")
    both = given(request(), stated, stop("3.298", exchange_order_id="1"), on(Activate))
    both.when(on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", exchange_order_id="1"))
    both.then(EntryFilled, order="entry").leaves(quantity="61.8", protected=True)
    both.when(on(EndOrder, exchange_order_id="1", outcome="filled")).refused(OrderAmbiguous, "as entry (1), stop.1 (1)")
    gone, ours = on(LoseStopLoss, exchange_order_id="1", reason="gone"), client_order_id(CYCLE, "entry", "5483266")
    both.when(gone).leaves(protected=False).when(gone).no_news()
    both.when(on(EndOrder, exchange_order_id="1", outcome="filled")).refused(OrderAmbiguous, "as entry (1), stop.1 (1)")
    both.when(on(EndOrder, client_order_id=ours, outcome="filled")).then(OrderEnded, order="entry")
    both.when(on(EndOrder, exchange_order_id="1", outcome="canceled")).no_news()


def test_an_exit_with_the_id_of_the_entry_takes_none_of_its_fills() -> None:
    stated = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8", avg_px="3.2333")
    closed = on(Reduce, trade_id="x", last_qty="1.8", last_px="3.2", exchange_order_id="1")
    told = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", exchange_order_id="1")
    given(request(), stated, closed).when(told).then(EntryFilled, order="entry").leaves(quantity="60")


# -- what is held again -------------------------------------------------------------------------------------------


MORE = on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2333", exchange_order_id="e2")
HIT = on(Reduce, trade_id="x1", last_qty="61.8", last_px="3.298", exchange_order_id="s1", reason="stop_loss")


def test_a_stop_for_all_that_closed_all_does_not_cover_what_is_held_again() -> None:
    story = given(*ENTERED, HIT).when(MORE).then(EntryFilled).leaves(quantity="1", protected=False, stop_price=None)
    story.when(STOP).no_news().when(stop("3.298", exchange_order_id="s2")).leaves(protected=True)
    adjusted = on(Adjust, quantity="5", avg_px_open="3.2333", reason="an entry was missed")
    given(*ENTERED, HIT).when(adjusted).leaves(protected=False).when(STOP).no_news()


def test_a_stop_that_closed_all_as_a_target_of_the_same_order_does_not_cover_what_is_held_again() -> None:
    given(*ENTERED, TARGET, HIT).when(MORE).leaves(quantity="1", protected=False).when(STOP).no_news()


def test_a_stop_of_the_position_is_gone_with_it() -> None:
    attached = on(SetStopLoss, stop_price="3.298", attached=True)
    closed = on(Reduce, trade_id="x1", last_qty="61.8", last_px="3.2", exchange_order_id="x")
    given(request(), PLACED, FILLED, attached, on(Activate), closed).when(MORE).leaves(quantity="1", protected=False)


SIX = on(RecordEntryFill, trade_id="t0", last_qty="6", last_px="3.2333")
FOUR = on(RecordEntryFill, trade_id="t2", last_qty="4", last_px="3.2333")


def hit(trade_id: str) -> Reduce:
    return on(Reduce, trade_id=trade_id, last_qty="2", last_px="3.298", exchange_order_id="s1", reason="stop_loss")


def test_a_stop_for_all_that_was_hit_covers_what_was_held_by_then() -> None:
    """The order that it became is for that quantity, whatever is filled while it is at work."""
    for sent in ((STOP, hit("x1")), (STOP, TARGET, hit("x1"))):
        story = given(request(), PLACED, SIX, *sent).leaves(quantity="4", protected=True)
        story.when(FOUR).leaves(quantity="8", protected=False, stop_quantity="6").when(STOP).no_news()
        story.when(stop("3.298", activate=True)).refused(NotProtected, "of which its stop covers only 4")
        story.when(stop("3.298", exchange_order_id="s2", quantity="4", activate=True)).leaves(protected=True)
        closed = on(Reduce, trade_id="x2", last_qty="8", last_px="3.2", exchange_order_id="x")
        anew = given(request(), PLACED, SIX, *sent, FOUR, closed).when(MORE)
        anew.leaves(quantity="1", protected=False, stop_price=None).when(STOP).no_news()
    rests = on(Reduce, trade_id="x1", last_qty="2", last_px="3.2", exchange_order_id="x")
    given(request(), PLACED, SIX, STOP, rests).when(FOUR).leaves(quantity="8", protected=True)


def test_a_stop_whose_fill_is_told_after_a_later_entry_fill_counts_until_its_end_is_told() -> None:
    """docs/decisions/money.md says why; the fold by the times of the fills knows it at once."""
    closed = on(Reduce, trade_id="x1", last_qty="6", last_px="3.298", exchange_order_id="s1", reason="stop_loss")
    story = given(request(), PLACED, SIX, STOP, FOUR, closed).leaves(quantity="4", protected=True)
    story.when(on(EndOrder, exchange_order_id="s1", outcome="filled")).leaves(quantity="4", protected=False)


@pytest.mark.parametrize("more", [(), (FOUR,)])
@pytest.mark.parametrize("new", [stop("3.298", exchange_order_id="s2"), on(SetStopLoss, stop_price="3.298")])
def test_a_stop_for_all_that_replaces_one_that_was_hit_covers_all(new: SetStopLoss, more: tuple[Command, ...]) -> None:
    story = given(request(), PLACED, SIX, STOP, hit("x1"), *more).when(new).then(StopLossSet, StopLossLost)
    lost = story.events[1]
    assert (
        isinstance(lost, StopLossLost)
        and lost.reason == f"replaced by {new.exchange_order_id or 'one of the position'}"
    )
    story.when(STOP).no_news().when(new).no_news()
    story.when(MORE).leaves(protected=True, stop_quantity=None, stop_order_id=new.exchange_order_id)
    story.when(GONE).leaves(protected=False)
    closed = on(Reduce, trade_id="x2", last_qty=story.rows[CYCLE].quantity - 4, last_px="3.2", exchange_order_id="x")
    story.when(closed).leaves(quantity="4", protected=False)


def test_an_order_that_replaces_one_that_is_stop_and_target_and_was_hit_covers_all() -> None:
    new = on(SetTakeProfit, price="3.1", exchange_order_id="s2")
    story = given(request(), PLACED, SIX, STOP, TARGET, hit("x1"), stop("3.298", exchange_order_id="s2"))
    story.when(new).then(TakeProfitSet, TakeProfitLost).when(TARGET).no_news().when(STOP).no_news()
    story.when(FOUR).leaves(quantity="8", protected=True, stop_quantity=None)


@pytest.mark.parametrize("quantity", [None, "6"])
def test_what_the_target_of_the_same_order_filled_is_not_left_of_a_stop(quantity: str | None) -> None:
    both = (stop("3.298", quantity=quantity), on(SetTakeProfit, price="3.1", exchange_order_id="s1", quantity=quantity))
    story = given(request(), PLACED, SIX, *both, hit("x1")).leaves(quantity="4", protected=True)
    story.when(FOUR).when(hit("x2")).leaves(quantity="6", protected=False, stop_quantity="6")
    story.when(hit("x3")).leaves(quantity="4", protected=False)


def test_a_stop_that_rests_covers_what_is_held_again() -> None:
    closed = on(Reduce, trade_id="x1", last_qty="61.8", last_px="3.2", exchange_order_id="x")
    given(*ENTERED, closed).when(MORE).leaves(quantity="1", protected=True)
    attached = on(SetStopLoss, stop_price="3.298", attached=True)
    given(request(), PLACED, attached).when(FILLED).leaves(protected=True)
    busted = on(CorrectFill, trade_id="x1", void=True, reason="busted")
    given(request(), PLACED, FILLED, attached, closed).when(busted).leaves(quantity="61.8", protected=True)
