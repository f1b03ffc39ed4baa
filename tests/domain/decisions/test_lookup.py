"""The order that a fill belongs to, when its id is not known yet, or when a statement has counted the fill already."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.errors import (
    NothingToClose,
    OrderAlreadyEnded,
    OrderAmbiguous,
    OrderHasFills,
    ReduceExceedsPosition,
)
from domain.events import EntryPlaced, OrderEnded, PositionReduced
from domain.values import timestamp_text
from projections.event_time.past_rows import row_at
from tests.spec import Story, given, on, request, second

INCREASE = on(o.RequestIncrease, quantity="5", intent_id="2")
MORE = on(o.RequestIncrease, quantity="7", intent_id="3")
FILLED = on(c.RecordEntryFill, exchange_order_id="B", trade_id="b1", last_qty="3", last_px="3.2")


def entered() -> Story:
    """One order that is known to the exchange, and two that wait to be."""
    first = on(c.RecordEntryPlaced, exchange_order_id="A", filled_qty="61.8", avg_px="3.2333")
    return given(request(), first, INCREASE, MORE)


def held(*sent: Any) -> Story:
    adopted = c.Adopt.of(
        symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="100", reason="found"
    )
    return given(adopted, *sent)


def client(story: Story, name: str) -> str:
    assert story.position is not None and story.position.row is not None
    order_id = story.position.row.orders[name].client_order_id
    assert order_id is not None
    return order_id


def filled_of(story: Story) -> dict[str, str]:
    assert story.position is not None and story.position.row is not None
    return {name: order.as_json()["filled_qty"] for name, order in story.position.row.orders.items()}


def placed(story: Story, **more: Any) -> Story:
    ours = client(story, "entry.2")
    return story.when(on(c.RecordEntryPlaced, exchange_order_id="B", client_order_id=ours, **more))


def test_a_fill_that_names_no_order_may_be_of_one_that_has_ended_and_is_counted() -> None:
    over = on(o.EndOrder, exchange_order_id="A", outcome="canceled", filled_qty="12", avg_px="3.2")
    story = given(request(), on(c.RecordEntryPlaced, exchange_order_id="A"), INCREASE, over)
    fill = on(c.RecordEntryFill, trade_id="t1", last_qty="2", last_px="3.2")
    story.when(fill).refused(OrderAmbiguous, "entry (A), entry.2", "send exchange_order_id").leaves(quantity="12")
    story.when(on(c.RecordEntryFill, trade_id="t1", last_qty="2", last_px="3.2", exchange_order_id="A"))
    story.leaves(quantity="12")
    told = on(c.RecordEntryFill, trade_id="t2", last_qty="10", last_px="3.2", exchange_order_id="A")
    story.when(told).when(on(c.RecordEntryFill, trade_id="t3", last_qty="2", last_px="3.2")).leaves(quantity="14")


def test_an_acknowledgement_names_the_order_whose_fills_came_first() -> None:
    story = entered().when(FILLED).leaves(quantity="64.8")
    placed(story, filled_qty="5", avg_px="3.2").then(EntryPlaced, order="entry.2", same_as="entry.4")
    story.leaves(quantity="66.8")
    assert filled_of(story) == {"entry": "61.8", "entry.2": "5", "entry.3": "0", "entry.4": "0"}
    story.when(FILLED).no_news()
    rest = on(c.RecordEntryFill, exchange_order_id="B", trade_id="b2", last_qty="2", last_px="3.2")
    story.when(rest).leaves(quantity="66.8")
    told = row_at(story.history, second(3600))
    assert told is not None and told.quantity == story.rows["APTUSDT.binance#1"].quantity


def test_an_acknowledgement_by_intent_names_it_too_and_again_is_no_news() -> None:
    story = entered().when(FILLED)
    known = on(c.RecordEntryPlaced, exchange_order_id="B", intent_id="2")
    story.when(known).then(EntryPlaced, same_as="entry.4").when(known).no_news().leaves(quantity="64.8")


def test_a_fill_with_both_ids_belongs_to_the_order_that_its_fills_made() -> None:
    story = entered().when(FILLED)
    both = {"exchange_order_id": "B", "client_order_id": client(story, "entry.2")}
    story.when(on(c.RecordEntryFill, **both, trade_id="b2", last_qty="2", last_px="3.2")).leaves(quantity="66.8")
    story.when(on(o.EndOrder, **both, outcome="filled", filled_qty="5")).then(OrderEnded, same_as="entry.4")
    story.leaves(quantity="66.8")
    assert filled_of(story)["entry.2"] == "5"


def test_a_total_by_our_id_alone_does_not_count_the_fills_of_its_order_again() -> None:
    story = entered().when(FILLED)
    total = {"outcome": "filled", "filled_qty": "3", "client_order_id": client(story, "entry.2")}
    story.when(on(o.EndOrder, **total)).refused(OrderAmbiguous, "fills of entry.4 (B)", "send exchange_order_id")
    story.when(on(o.EndOrder, **total, exchange_order_id="B")).leaves(quantity="64.8")
    story.when(on(o.EndOrder, **total | {"filled_qty": "2"}, exchange_order_id="B")).refused(OrderHasFills)


def test_a_fill_of_one_of_two_orders_of_which_one_was_counted_by_a_total_is_not_guessed() -> None:
    story = entered()
    total = on(o.EndOrder, outcome="filled", filled_qty="5", client_order_id=client(story, "entry.2"))
    story.when(total).when(FILLED).refused(OrderAmbiguous, "entry.2", "entry.3", "counted already")
    named = {"exchange_order_id": "B", "client_order_id": client(story, "entry.2")}
    story.when(on(c.RecordEntryFill, **named, trade_id="b1", last_qty="3", last_px="3.2")).leaves(quantity="66.8")


def test_our_id_of_an_order_that_has_none_of_the_exchange_yet_is_not_that_of_another_order_of_ours() -> None:
    story = entered()
    named = {"exchange_order_id": "A", "client_order_id": client(story, "entry.2")}
    story.when(on(c.RecordEntryPlaced, **named)).refused(
        OrderAmbiguous, "entry.2, of which the exchange has told no id"
    )
    ended = {"outcome": "canceled", "reason": "x"}
    story.when(on(o.EndOrder, **named, **ended)).refused(OrderAmbiguous, "send the one id that is meant, alone")
    only_ours = on(o.EndOrder, client_order_id=named["client_order_id"], **ended)
    story.when(only_ours).then(OrderEnded, order="entry.2")


def test_a_fill_of_a_known_id_is_recorded_where_a_guess_took_its_order_for_another() -> None:
    story = held(on(o.RequestExit, quantity="4", reason="signal"))
    by_hand = on(c.Reduce, exchange_order_id="H", trade_id="h1", last_qty="1", last_px="110")
    story.when(by_hand).then(PositionReduced, order="exit.1")
    first = on(c.Reduce, exchange_order_id="X", trade_id="x1", last_qty="2", last_px="110")
    story.when(first).then(PositionReduced, order="exit.2")
    both = {"exchange_order_id": "X", "client_order_id": client(story, "exit.1")}
    rest = on(c.Reduce, **both, trade_id="x2", last_qty="2", last_px="110")
    story.when(rest).then(PositionReduced, order="exit.2").leaves(quantity="5").when(rest).no_news()
    ended = on(o.EndOrder, **both, outcome="filled", filled_qty="4", avg_px="110")
    story.when(ended).then(OrderEnded, order="exit.2").leaves(quantity="5", realized_pnl="50").when(ended).no_news()


def test_an_acknowledgement_goes_by_the_id_of_the_exchange_where_ours_was_of_another_order() -> None:
    """The exchange replaced A by Z, which nobody told: what Z filled is its own."""
    story = placed(entered()).when(
        on(c.RecordEntryFill, exchange_order_id="Z", trade_id="z1", last_qty="2", last_px="3.2")
    )
    both = {"exchange_order_id": "Z", "client_order_id": client(story, "entry")}
    story.when(on(c.RecordEntryPlaced, **both, filled_qty="3", avg_px="3.2")).leaves(quantity="64.8")
    story.when(on(o.EndOrder, **both, outcome="filled", filled_qty="3", avg_px="3.2")).leaves(quantity="64.8")


@pytest.mark.parametrize("named", [{}, {"exchange_order_id": "X"}])
def test_an_exit_fill_that_a_total_counted_closes_nothing_more(named: dict[str, str]) -> None:
    story = held(on(o.RequestExit, quantity="4", reason="signal"))
    ours = client(story, "exit.1")
    story.when(on(o.EndOrder, client_order_id=ours, outcome="filled", filled_qty="4", avg_px="110"))
    told = on(c.Reduce, trade_id="x1", last_qty="4", last_px="111", **named)
    story.leaves(quantity="6").when(told).then(PositionReduced, order="exit.1").leaves(quantity="6", realized_pnl="44")


def test_an_exit_fill_that_is_later_than_the_total_is_another_one() -> None:
    story = held(on(o.RequestExit, quantity="4", reason="signal"))
    ours = client(story, "exit.1")
    story.when(on(o.EndOrder, client_order_id=ours, outcome="filled", filled_qty="4", avg_px="110"))
    later = on(c.Reduce, trade_id="x1", last_qty="4", last_px="111", at=timestamp_text(second(30)))
    story.when(later).leaves(quantity="2")


def test_an_exit_fill_that_may_be_of_two_orders_is_not_guessed() -> None:
    story = held(on(o.RequestExit, quantity="4", reason="a", intent_id="a"))
    ended = on(o.EndOrder, client_order_id=client(story, "exit.1"), outcome="filled", filled_qty="4", avg_px="110")
    story.when(ended).when(on(o.RequestExit, quantity="4", reason="b", intent_id="b"))
    told = on(c.Reduce, trade_id="x1", last_qty="4", last_px="111")
    story.when(told).refused(OrderAmbiguous, "exit.1", "exit.2")


def test_a_total_by_our_id_alone_does_not_count_exit_fills_again() -> None:
    first, other = (on(o.RequestExit, quantity="4", reason="x", intent_id=intent) for intent in ("1", "2"))
    story = held(first, other, on(c.Reduce, exchange_order_id="X", trade_id="x1", last_qty="4", last_px="110"))
    total = {"client_order_id": client(story, "exit.1"), "outcome": "filled", "filled_qty": "4", "avg_px": "110"}
    story.leaves(quantity="6").when(on(o.EndOrder, **total)).refused(OrderAmbiguous, "send exchange_order_id")
    story.when(on(o.EndOrder, **total, exchange_order_id="X")).leaves(quantity="6", realized_pnl="40")
    assert filled_of(story) == {"exit.1": "4", "exit.2": "0", "exit.3": "0"}


def test_a_total_does_not_count_an_exit_fill_again_that_named_no_order() -> None:
    stop = on(c.SetStopLoss, stop_price="95", quantity="4", exchange_order_id="S")
    total = {"exchange_order_id": "S", "outcome": "filled"}
    story = held(stop, on(c.Reduce, trade_id="x1", last_qty="4", last_px="95"))
    story.when(on(o.EndOrder, **total, filled_qty="4", avg_px="95")).refused(
        OrderAmbiguous, "x1 (4)", "without filled_qty"
    )
    story.when(on(o.EndOrder, **total)).then(OrderEnded).leaves(quantity="6", realized_pnl="-20")


def test_a_total_counts_beside_an_exit_fill_that_names_its_own_order_or_is_of_another_time() -> None:
    stop = on(c.SetStopLoss, stop_price="95", quantity="4", exchange_order_id="S")
    total = on(o.EndOrder, exchange_order_id="S", outcome="filled", filled_qty="4", avg_px="95")
    named = on(c.Reduce, trade_id="x1", last_qty="4", last_px="95", exchange_order_id="X")
    held(stop, named).when(total).leaves(quantity="2")
    before = on(c.Reduce, trade_id="x1", last_qty="4", last_px="95", at=timestamp_text(second(0.5)))
    later = stop.model_copy(update={"at": second(30)})
    held(before, later).when(total).leaves(quantity="2")


TRIGGERED = {"trade_id": "x1", "exchange_order_id": "M"}
"""What a stop or a target became, under an id of its own."""
STOPPED = on(c.Reduce, **TRIGGERED, last_qty="4", last_px="95", reason="stop_loss")
OF_FOUR = on(c.SetStopLoss, stop_price="95", quantity="4", exchange_order_id="S")
TOTAL = on(o.EndOrder, exchange_order_id="S", outcome="filled", filled_qty="4", avg_px="95")


def test_a_total_of_a_stop_does_not_count_the_fills_of_what_it_triggered_again() -> None:
    story = held(OF_FOUR, STOPPED).when(TOTAL).refused(OrderAmbiguous, "x1 (4)", "without filled_qty")
    story.when(on(o.EndOrder, exchange_order_id="S", outcome="filled")).leaves(quantity="6", realized_pnl="-20")


def test_fills_of_what_a_stop_triggered_do_not_count_its_total_again() -> None:
    story = held(OF_FOUR, TOTAL).leaves(quantity="6")
    story.when(STOPPED).refused(OrderAmbiguous, "stop.1 (S)", "send the fill with exchange_order_id S")
    named = STOPPED.model_copy(update={"exchange_order_id": "S"})
    story.when(named).then(PositionReduced, order="stop.1").leaves(quantity="6", realized_pnl="-20")


def test_what_a_stop_did_not_trigger_counts_beside_its_total() -> None:
    by_bot = STOPPED.model_copy(update={"client_order_id": "bot-1"})
    target = STOPPED.model_copy(update={"reason": "take_profit"})
    later = STOPPED.model_copy(update={"at": second(30)})
    for other in (by_bot, target, later):
        held(OF_FOUR, TOTAL).when(other).then(PositionReduced).leaves(quantity="2")
    held(OF_FOUR, target).when(TOTAL).then(OrderEnded).leaves(quantity="2")
    own = on(c.Reduce, exchange_order_id="S", trade_id="s1", last_qty="4", last_px="95")
    held(OF_FOUR, by_bot).when(TOTAL).refused(OrderAmbiguous, "its own fills").when(own).leaves(quantity="2")


def test_a_total_of_a_target_does_not_count_the_fills_of_what_it_triggered_again() -> None:
    taken = STOPPED.model_copy(update={"reason": "take_profit"})
    target = on(o.SetTakeProfit, price="110", quantity="4", exchange_order_id="S")
    held(target, taken).when(TOTAL).refused(OrderAmbiguous, "x1 (4)", "without filled_qty")


def test_a_total_of_more_than_is_held_is_not_taken_for_the_other_side_where_its_fills_are_on_record() -> None:
    sold = on(c.Reduce, **TRIGGERED, last_qty="10", last_px="95")
    total = on(o.EndOrder, exchange_order_id="S", outcome="filled", filled_qty="10", avg_px="95")
    for_all = on(c.SetStopLoss, stop_price="95", exchange_order_id="S")
    held(for_all, sold).when(total).refused(ReduceExceedsPosition, "of another order, send its end without filled_qty")
    held(for_all, total).when(sold).refused(NothingToClose, "a fill of stop.1 (S)", "send it by that id")


def test_the_end_of_an_order_says_its_id_so_that_a_close_by_hand_is_none_of_its_fills() -> None:
    story = held(on(o.RequestExit, quantity="4", intent_id="e1", reason="signal"))
    ids = {"client_order_id": client(story, "exit.1"), "exchange_order_id": "X1"}
    ended = on(o.EndOrder, **ids, outcome="filled", filled_qty="4", avg_px="110")
    story.when(ended).then(OrderEnded, exchange_order_id="X1").leaves(quantity="6")
    by_hand = on(c.Reduce, exchange_order_id="Y", trade_id="y1", last_qty="3", last_px="105")
    story.when(by_hand).then(PositionReduced, order="exit.2").leaves(quantity="3")
    own = on(c.Reduce, exchange_order_id="X1", trade_id="x1", last_qty="4", last_px="110")
    story.when(own).then(PositionReduced, order="exit.1").leaves(quantity="3")
    story.when(ended).no_news()


def test_an_id_that_is_said_after_the_end_is_news_once() -> None:
    story = held(on(o.RequestExit, quantity="4", intent_id="e1", reason="signal"))
    ours = client(story, "exit.1")
    story.when(on(o.EndOrder, client_order_id=ours, outcome="filled", filled_qty="4", avg_px="110"))
    ended = on(o.EndOrder, client_order_id=ours, exchange_order_id="X1", outcome="filled")
    story.when(ended).then(OrderEnded, exchange_order_id="X1").leaves(quantity="6")
    story.when(ended).no_news()
    other = on(o.EndOrder, client_order_id=ours, exchange_order_id="X1", outcome="canceled")
    story.when(other).refused(OrderAlreadyEnded, "as filled already")


def test_a_fill_that_is_more_than_was_asked_of_an_order_is_not_its_own() -> None:
    story = held(on(o.RequestExit, quantity="4", intent_id="e1", reason="signal"))
    story.when(on(o.EndOrder, client_order_id=client(story, "exit.1"), outcome="filled", filled_qty="4", avg_px="110"))
    by_hand = on(c.Reduce, exchange_order_id="Y", trade_id="y1", last_qty="6", last_px="105")
    story.when(by_hand).then(PositionReduced, order="exit.2").leaves(quantity="0", realized_pnl="70")


def test_what_was_closed_before_an_exit_was_promised_is_none_of_its_fills() -> None:
    exit_ = on(o.RequestExit, quantity="6", intent_id="e1", reason="signal", at=second(60))
    by_hand = on(c.Reduce, exchange_order_id="Y", trade_id="y1", last_qty="3", last_px="105", at=second(30))
    story = held(exit_).when(by_hand).then(PositionReduced, order="exit.2").leaves(quantity="7")
    ours = client(story, "exit.1")
    story.when(on(o.EndOrder, client_order_id=ours, exchange_order_id="X", outcome="filled", filled_qty="6"))
    story.leaves(quantity="1")


def test_a_fill_that_may_have_come_before_its_acknowledgement_is_of_the_order_that_was_promised() -> None:
    exit_ = on(o.RequestExit, quantity="6", intent_id="e1", reason="signal", at=second(60))
    early = on(c.Reduce, exchange_order_id="X", trade_id="x1", last_qty="3", last_px="105", at=second(56))
    held(exit_).when(early).then(PositionReduced, order="exit.1").leaves(quantity="7")


def test_a_fill_that_names_an_order_of_nobody_is_none_of_an_order_that_was_promised() -> None:
    theirs = {"exchange_order_id": "Y", "client_order_id": "web-1"}
    story = held(on(o.RequestExit, quantity="4", reason="signal"))
    story.when(on(c.Reduce, **theirs, trade_id="y1", last_qty="4", last_px="105")).then(PositionReduced, order="exit.2")
    total = {"client_order_id": client(story, "exit.1"), "exchange_order_id": "X", "outcome": "filled"}
    story.when(on(o.EndOrder, **total, filled_qty="4", avg_px="110")).leaves(quantity="2", realized_pnl="60")
    entry = on(c.RecordEntryFill, **theirs, trade_id="y1", last_qty="5", last_px="3.2")
    assert filled_of(given(request()).when(entry)) == {"entry": "0", "entry.2": "5"}


@pytest.mark.parametrize("named", [{}, {"exchange_order_id": "Y"}])
@pytest.mark.parametrize("reason", ["liquidation", "adl"])
def test_what_the_exchange_closed_by_itself_is_none_of_the_order_that_was_promised(
    named: dict[str, str], reason: str
) -> None:
    story = held(on(o.RequestExit, quantity="4", reason="signal"))
    story.when(on(c.Reduce, **named, trade_id="y1", last_qty="4", last_px="90", reason=reason))
    assert filled_of(story)["exit.1"] == "0"
    own = held(on(o.RequestExit, quantity="4", reason="signal"))
    own.when(on(c.Reduce, **named, trade_id="y1", last_qty="4", last_px="90", reason="signal"))
    assert filled_of(own)["exit.1"] == "4"


def test_a_total_that_comes_again_counts_nothing_that_was_corrected_since() -> None:
    named = {"exchange_order_id": "X", "trade_id": "x1"}
    total = on(o.EndOrder, exchange_order_id="X", outcome="filled", filled_qty="4", avg_px="110")
    story = held(on(c.Reduce, **named, last_qty="4", last_px="110"), total)
    story.when(on(o.CorrectFill, **named, void=True, reason="busted")).leaves(quantity="10", realized_pnl="0")
    story.when(total).no_news().leaves(quantity="10")
