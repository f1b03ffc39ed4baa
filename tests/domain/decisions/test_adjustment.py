from __future__ import annotations

import pytest

from domain.commands.order_requests import EndOrder, RequestExit, RequestIncrease
from domain.commands.requests import (
    Adjust,
    Adopt,
    Close,
    FailRollback,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    StartRollback,
)
from domain.errors import (
    NotFilled,
    PositionNotOpen,
    ReduceExceedsPosition,
    StaleEvidence,
)
from domain.events import OrderEnded, PositionAdjusted, PositionReduced
from domain.identifiers import client_order_id
from domain.values import timestamp_text
from tests.spec import ENTERED, FILLED, given, on, request, second

UNPRICED = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")


def sold(quantity: str, price: str, trade_id: str = "x1", **fields: object) -> Reduce:
    return on(Reduce, trade_id=trade_id, last_qty=quantity, last_px=price, **fields)  # type: ignore[arg-type]  # no position_id among them


# -- reduce -----------------------------------------------------------------------------------------------------


def test_an_exit_fill_older_than_the_last_adjustment_is_part_of_it() -> None:
    seen = on(Adjust, quantity="59.88", reason="the exchange says so", at=second(10))
    given(*ENTERED, seen).when(sold("1.92", "3.2", at=second(9))).then(PositionReduced).leaves(quantity="59.88")


def test_a_fill_without_a_time_is_news_also_if_its_clock_is_behind_that_of_the_adjustment() -> None:
    seen = on(Adjust, quantity="59.88", reason="the exchange says so", at=second(10))
    given(*ENTERED, seen).when(sold("1.92", "3.2")).leaves(quantity="57.96")
    bought = on(RecordEntryFill, trade_id="t2", last_qty="10", last_px="3.2", exchange_order_id="2")
    given(*ENTERED, seen).when(bought).leaves(quantity="69.88")


def test_an_exit_that_was_promised_after_the_adjustment_is_news_whatever_its_clock_says() -> None:
    seen = on(Adjust, quantity="59.88", reason="the exchange says so", at=second(10))
    ask = on(RequestExit, reason="target", quantity="9.88", at=second(10))
    order = client_order_id("APTUSDT.binance#1", "exit.1", "5483266")
    filled = sold("9.88", "3.2", at=second(9), client_order_id=order)
    given(*ENTERED, seen, ask).when(filled).leaves(quantity="50")
    given(*ENTERED, ask, seen).when(filled).leaves(quantity="59.88")


def test_an_increase_that_was_promised_after_the_adjustment_is_news_whatever_its_clock_says() -> None:
    seen = on(Adjust, quantity="60", reason="the exchange says so", at=second(10))
    ask = on(RequestIncrease, quantity="10", intent_id="more", at=second(10))
    bought = on(RecordEntryFill, trade_id="t2", last_qty="10", last_px="3.2", exchange_order_id="2", at=second(9))
    given(*ENTERED, seen, ask).when(bought).leaves(quantity="70")
    given(*ENTERED, ask, seen).when(bought).leaves(quantity="60")


def test_what_an_adjustment_had_counted_is_taken_off_the_fills_that_tell_it_and_no_others() -> None:
    seen = on(Adjust, quantity="10", avg_px_open="3.2", reason="the exchange says so")
    fills = [on(RecordEntryFill, trade_id=each, last_qty="6", last_px="3.2") for each in ("t1", "t2", "t3")]
    story = given(request(), on(RecordEntryPlaced, exchange_order_id="1"), seen)
    for fill, held in zip(fills, ("10", "12", "18"), strict=True):
        story.when(fill).leaves(quantity=held, filled_qty=held)


def test_the_word_of_the_exchange_is_taken_for_quantity_and_price() -> None:
    given(*ENTERED).when(on(Adjust, quantity="61", avg_px_open="3.2295", reason="sync")).then(
        PositionAdjusted,
        old_quantity="61.8",
        new_quantity="61",
        old_avg_px_open="3.2333",
        new_avg_px_open="3.2295",
        reason="sync",
        source="sync",
    ).leaves(status="active", quantity="61", filled_qty="61", avg_px_open="3.2295", requested_qty="61.8")


def test_one_of_the_two_is_enough() -> None:
    given(*ENTERED).when(on(Adjust, quantity="61", reason="x")).leaves(quantity="61", avg_px_open="3.2333")
    given(*ENTERED).when(on(Adjust, avg_px_open="3.2295", reason="x")).leaves(quantity="61.8", avg_px_open="3.2295")


def test_an_adjustment_without_a_difference_is_no_news() -> None:
    given(*ENTERED).when(on(Adjust, quantity="61.80", avg_px_open="3.2333", reason="x")).no_news()
    given(*ENTERED).when(on(Adjust, quantity="61.8", reason="x")).no_news()


def test_the_price_of_nothing_cannot_be_adjusted() -> None:
    given(request()).when(on(Adjust, avg_px_open="3.2", reason="x")).refused(NotFilled, "has no quantity on record")


def test_an_entry_found_at_the_exchange_is_evidence_of_its_fill() -> None:
    given(request()).when(on(Adjust, quantity="61", avg_px_open="3.2295", reason="found")).leaves(
        status="pending_entry", quantity="61", filled_qty="61", avg_px_open="3.2295"
    )


def test_an_adjustment_brings_the_price_that_was_not_known() -> None:
    given(request(), UNPRICED).when(on(Adjust, avg_px_open="3.2333", reason="x")).leaves(
        quantity="61.8", avg_px_open="3.2333"
    )


def test_an_adjustment_that_only_settles_what_was_unknown_leaves_the_profit_exact() -> None:
    more = on(RecordEntryFill, trade_id="t2", last_qty="1.2", last_px="3.2433")
    same = on(Adjust, quantity="63", reason="the exchange agrees")
    given(request(), FILLED, more, on(RecordEntryUnknown, reason="x"), same).when(
        on(Close, exit_reason="x", avg_px_close="3.2333")
    ).leaves(realized_pnl="0.012")


def test_what_was_earned_before_an_adjustment_stays_earned() -> None:
    given(*ENTERED, sold("31.8", "3.2")).when(on(Adjust, quantity="29", reason="x")).leaves(
        quantity="29", filled_qty="60.8", realized_pnl="1.05894"
    )


# -- close ------------------------------------------------------------------------------------------------------


def test_nothing_is_adjusted_after_the_close() -> None:
    late = on(Adjust, quantity="1", reason="x")
    given(*ENTERED, on(Close, exit_reason="x")).when(late).refused(PositionNotOpen)


def test_what_was_held_before_fills_that_are_on_record_is_no_news_any_more() -> None:
    early, late = (timestamp_text(second(at)) for at in (-60, -30))
    seen = on(Adjust, quantity="61", reason="the exchange says so", at=early)
    more = on(RecordEntryFill, trade_id="t2", last_qty="5", last_px="3.2", exchange_order_id="B", at=late)
    given(*ENTERED, seen, more).when(seen).no_news().leaves(quantity="66")
    given(*ENTERED, more).when(seen).refused(StaleEvidence, "later than the 61", "t2", "what is held now")
    gone = on(Reduce, trade_id="x1", last_qty="5", last_px="3.2", exchange_order_id="X", at=late)
    given(*ENTERED, gone).when(seen).refused(StaleEvidence, "x1")
    given(*ENTERED, gone).when(on(Adjust, quantity="50", reason="now")).leaves(quantity="50")
    given(*ENTERED, gone).when(on(Adjust, avg_px_open="3", reason="price", at=early)).leaves(avg_px_open="3")


def test_what_was_seen_before_a_sighting_that_is_on_record_is_no_news_any_more() -> None:
    early, late = (timestamp_text(second(at)) for at in (-60, -30))
    seen = on(Adjust, quantity="58", reason="the exchange says so", at=early)
    again = on(Adjust, quantity="55", reason="the exchange says so", at=late)
    given(*ENTERED, again).when(seen).refused(StaleEvidence, "later than the 58", f"seen at {late}", "what is held now")
    given(*ENTERED, seen, again).when(seen).no_news().leaves(quantity="55")
    given(*ENTERED, seen, again).leaves(quantity="55")
    given(*ENTERED, on(Adjust, quantity="55", reason="no time")).when(seen).leaves(quantity="58")
    given(*ENTERED, on(Adjust, avg_px_open="3", reason="price", at=late)).when(seen).leaves(quantity="58")


def test_what_was_seen_before_the_adoption_is_no_news_any_more() -> None:
    early, late = (timestamp_text(second(at)) for at in (-60, -30))
    place = {"symbol": "APTUSDT", "exchange": "binance"}
    adopted = Adopt.of(**place, side="short", quantity="5", avg_px_open="3", reason="seen", at=late)
    given(adopted).when(on(Adjust, quantity="4", reason="x", at=early)).refused(StaleEvidence, f"seen at {late}")
    given(adopted).when(on(Adjust, quantity="4", reason="x", at=late)).leaves(quantity="4")


def test_what_was_seen_before_a_rollback_failed_is_no_news_any_more() -> None:
    early, late = (timestamp_text(second(at)) for at in (-60, -30))
    left = on(FailRollback, reason="a part is left", residual_qty="2", at=late)
    story = given(*ENTERED, on(StartRollback, reason="no stop"), left)
    story.when(on(Adjust, quantity="58", reason="x", at=early)).refused(StaleEvidence, f"seen at {late}")


def test_the_end_of_an_order_that_was_asked_after_the_evidence_is_on_top_of_it() -> None:
    increase = on(RequestIncrease, quantity="5", intent_id="2", at=second(60))
    seen = on(Adjust, quantity="61.8", avg_px_open="3.2333", reason="account", at=second(30))
    story = given(request(), increase, seen)
    ended = on(
        EndOrder,
        client_order_id=client_order_id("APTUSDT.binance#1", "entry.2", "2"),
        outcome="filled",
        filled_qty="5",
        avg_px="3.2",
        at=second(65),
    )
    story.when(ended).then(OrderEnded, absorbed_qty="0").leaves(quantity="66.8")


def test_an_exit_of_before_the_evidence_is_told_though_nothing_is_held_any_more() -> None:
    entered = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2", at=second(0))
    seen = on(Adjust, quantity="60", reason="account", at=second(30))
    rest = on(Reduce, trade_id="x2", exchange_order_id="2", last_qty="60", last_px="3.1", at=second(60))
    early = on(Reduce, trade_id="x1", exchange_order_id="1", last_qty="1.8", last_px="3", at=second(20))
    story = given(request(), entered, seen, rest).leaves(quantity="0")
    story.when(early).then(PositionReduced).leaves(quantity="0", filled_qty="61.8")
    close = on(Close, exit_reason="signal")
    story = given(request(), entered, seen, rest, close).when(early).then(PositionReduced, late=True)
    story.leaves(quantity="0", filled_qty="61.8", status="closed")
    more = on(Reduce, trade_id="x3", exchange_order_id="3", last_qty="1", last_px="3", at=second(25))
    story.when(more).refused(ReduceExceedsPosition, "never held more than")


@pytest.mark.parametrize("told_before", [0, 1])
def test_an_adjustment_on_spot_has_counted_fills_without_their_fees(told_before: int) -> None:
    spot = "APTUSDT.binance:SPOT#1"
    fills = [
        on(RecordEntryFill, spot, trade_id=f"t{qty}", last_qty=qty, last_px="100", fee=f"0.00{qty}", fee_currency="APT")
        for qty in ("1", "2")
    ]
    story = given(request(leg="SPOT", side="long", quantity="3"), *fills[:told_before])
    story.when(on(Adjust, spot, quantity="2.997", reason="seen", source="operator"))
    for fill in fills[told_before:]:
        story.when(fill).leaves(spot, quantity="2.997")


def test_what_was_seen_before_a_cycle_opened_may_be_of_the_cycle_before_it() -> None:
    again = request(intent_id="2", at=second(-8))
    placed = on(RecordEntryPlaced, position_id="APTUSDT.binance#2", exchange_order_id="2", filled_qty="10", avg_px="3")
    story = given(*ENTERED, on(Close, exit_reason="target", at=second(-20)), again, placed)
    words = ("APTUSDT.binance#2 has on record", "its opening at 2025-10-22T18:50:32.000000Z")
    stale, fresh = (
        on(Adjust, position_id="APTUSDT.binance#2", quantity="61.8", reason="seen", at=second(at)) for at in (-14, -13)
    )
    story.when(stale).refused(StaleEvidence, *words)
    story.when(fresh).then(PositionAdjusted)
