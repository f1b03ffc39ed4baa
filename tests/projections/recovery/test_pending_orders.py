"""The orders that a bot has to take care of after a crash: what is left of each, since when, and until when."""

from __future__ import annotations

from datetime import timedelta

from domain.commands.order_requests import RequestExit, RequestIncrease
from domain.commands.requests import LoseStopLoss, RecordEntryFill, RecordEntryPlaced, RecordEntryUnknown, Reduce
from projections.recovery.pending_orders import PendingOrder, pending_orders
from projections.recovery.required_orders import PlannedOrders
from projections.recovery.unanswered_orders import ANSWERING
from tests.spec import CYCLE, ENTERED, Story, given, on, request, second

EXIT = on(RequestExit, reason="target", quantity="61.8")
LOST = on(LoseStopLoss, reason="gone")


def pending(story: Story) -> list[PendingOrder]:
    return list(pending_orders(story.rows[CYCLE], PlannedOrders.by(story.history)))


def left(story: Story) -> list[tuple[str, str]]:
    return [(each.name, str(each.quantity)) for each in pending(story)]


def test_an_order_is_pending_for_what_of_it_is_not_filled_yet() -> None:
    story = given(*ENTERED, EXIT)
    (asked,) = pending(story)
    assert (asked.name, asked.side, asked.reduce_only, asked.reason) == ("exit.1", "buy", True, "target")
    story.when(on(Reduce, trade_id="x1", last_qty="61.3", last_px="3.2", client_order_id=asked.client_order_id))
    assert left(story) == [("exit.1", "0.5")]
    story.when(on(Reduce, trade_id="x2", last_qty="0.5", last_px="3.2", client_order_id=asked.client_order_id))
    assert left(story) == []


def test_an_order_without_a_client_order_id_cannot_be_looked_up_by_it() -> None:
    theirs = on(Reduce, trade_id="x1", last_qty="1", last_px="3.2", exchange_order_id="by hand")
    assert left(given(*ENTERED, theirs)) == []


def test_an_order_is_pending_since_it_was_promised_and_its_bot_has_a_minute() -> None:
    (exit_,) = pending(given(*ENTERED, EXIT))
    assert (exit_.since, exit_.due_at) == (second(5), second(5) + ANSWERING)
    assert timedelta(minutes=1) == ANSWERING
    (increase,) = pending(given(*ENTERED, on(RequestIncrease, intent_id="dca", quantity="10")))
    assert (increase.side, increase.reduce_only, increase.since) == ("sell", False, second(5))


def test_a_stop_is_missing_since_nothing_covers_what_is_held() -> None:
    (stop,) = pending(given(*ENTERED, LOST))
    assert (stop.is_missing, stop.since, stop.due_at) == (True, second(5), None)


def test_no_stop_is_asked_for_while_it_is_not_known_that_something_is_held() -> None:
    """Nobody knows its quantity, and an exchange refuses a stop for 0."""
    placed, unknown = on(RecordEntryPlaced, exchange_order_id="1"), on(RecordEntryUnknown, reason="no answer")
    for told in ((), (placed,), (unknown,)):
        assert left(given(request(), *told)) == [("entry", "61.8")]


def test_without_the_plan_of_a_cycle_its_orders_are_pending_without_reason_or_price() -> None:
    filled = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333")
    story = given(request(stop_loss_percent="2"), filled, on(RequestExit, reason="target"))
    told = {each.name: (each.reason, each.stop_price is None) for each in pending(story)}
    assert told == {"exit.1": ("target", True), "stop.1": (None, False)}
    unread = pending_orders(story.rows[CYCLE], None)
    assert {each.name: (each.reason, each.stop_price) for each in unread} == {
        "exit.1": (None, None),
        "stop.1": (None, None),
    }
