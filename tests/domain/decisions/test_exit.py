from __future__ import annotations

import pytest

from domain.commands.order_requests import RequestExit, RequestIncrease
from domain.commands.requests import (
    Adjust,
    Close,
    FailEntry,
    FailRollback,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    RequestEntry,
    StartRollback,
)
from domain.errors import (
    ExitBeforeEntry,
    InvalidCommand,
    NotFilled,
    NothingToClose,
    PositionNotOpen,
    ReduceExceedsPosition,
    StaleEvidence,
    UnknownPosition,
    WrongStatus,
)
from domain.events import PositionAdjusted, PositionAdopted, PositionClosed, PositionReduced, RolledBack
from domain.identifiers import client_order_id
from domain.values import timestamp_text
from projections.event_time import row_at
from tests.spec import ENTERED, FILLED, PLACED, given, on, request, second

UNPRICED = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")


def sold(quantity: str, price: str, trade_id: str = "x1", **fields: object) -> Reduce:
    return on(Reduce, trade_id=trade_id, last_qty=quantity, last_px=price, **fields)  # type: ignore[arg-type]  # no position_id among them


# -- reduce -----------------------------------------------------------------------------------------------------


def test_a_partial_exit_realises_its_share_of_the_profit() -> None:
    given(*ENTERED).when(sold("31.8", "3.2", fee="0.05", fee_currency="USDT")).then(
        PositionReduced, trade_id="x1", last_qty="31.8", last_px="3.2", fee="0.05", pnl="1.05894"
    ).leaves(
        status="active",
        quantity="30",
        filled_qty="61.8",
        avg_px_open="3.2333",
        avg_px_close="3.2",
        realized_pnl="1.05894",
        fees="0.05",
    )


def test_a_partial_exit_of_a_long_earns_when_the_price_rose() -> None:
    given(request(side="long"), PLACED, FILLED).when(sold("1.8", "3.3333")).then(PositionReduced, pnl="0.18")


def test_exits_add_up() -> None:
    given(*ENTERED, sold("10", "3.2"), sold("20", "3.25", "x2")).leaves(
        quantity="31.8", realized_pnl="-0.001", avg_px_close="3.233333333333333333"
    )


def test_a_position_that_was_reduced_to_nothing_waits_to_be_closed() -> None:
    given(*ENTERED).when(sold("61.8", "3.2")).then(PositionReduced).leaves(status="active", quantity="0").when(
        on(Close, exit_reason="take profit")
    ).then(PositionClosed, avg_px_close="3.2", realized_pnl="2.05794")


def test_no_more_is_closed_than_is_open() -> None:
    given(*ENTERED, sold("60", "3.2")).when(sold("1.800000000000000001", "3.2", "x2")).refused(
        ReduceExceedsPosition, "holds 1.8, less than the 1.800000000000000001 to be closed", "flip: true"
    )


def test_nothing_is_reduced_where_nothing_is_held() -> None:
    given(request(), PLACED).when(sold("1", "3")).refused(ExitBeforeEntry, "send it again after the fills of its entry")
    given(*ENTERED, sold("61.8", "3.2")).when(sold("1", "3", "x2")).refused(NothingToClose)


def test_an_exit_fill_of_a_position_at_an_unknown_price_has_an_unknown_profit() -> None:
    given(request(), UNPRICED).when(sold("1.8", "3.2")).then(PositionReduced, pnl=None).leaves(
        quantity="60", realized_pnl=None
    )


def test_an_exit_fee_in_another_currency_is_kept_apart() -> None:
    paid = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.001", fee_currency="BNB")
    given(request(), PLACED, paid).when(sold("1.8", "3.2", fee="0.002", fee_currency="bnb")).leaves(
        fees="0", fees_other={"BNB": "0.003"}
    )


def test_an_exit_fill_older_than_the_last_adjustment_is_part_of_it() -> None:
    seen = on(Adjust, quantity="59.88", reason="the exchange says so", at=second(10))
    given(*ENTERED, seen).when(sold("1.92", "3.2", at=second(9))).then(PositionReduced).leaves(quantity="59.88")


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


def test_exits_are_counted_before_activation_too() -> None:
    given(request(), FILLED).when(sold("1.8", "3.2")).leaves(status="pending_entry", quantity="60")


def test_the_average_entry_of_what_is_bought_after_an_exit_is_that_of_what_is_open() -> None:
    more = on(RecordEntryFill, trade_id="t2", last_qty="30", last_px="3.4333")
    given(*ENTERED, sold("31.8", "3.2")).when(more).leaves(quantity="60", avg_px_open="3.3333")


# -- adjust -----------------------------------------------------------------------------------------------------


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


def test_a_close_ends_the_cycle_with_its_profit() -> None:
    paid = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.1")
    given(request(), PLACED, paid).when(on(Close, exit_reason="take profit", avg_px_close="3.1333", fee="0.1")).then(
        PositionClosed, exit_reason="take profit", avg_px_close="3.1333", realized_pnl="6.18", fees="0.2"
    ).leaves(
        status="closed",
        quantity="0",
        closed_at="2025-10-22T18:50:43.000000Z",
        realized_pnl="6.18",
        exit_reason="take profit",
        protected=False,
        unprotected_since=None,
    )


def test_a_loss_is_negative() -> None:
    given(*ENTERED).when(on(Close, exit_reason="stop", avg_px_close="3.298")).then(
        PositionClosed, realized_pnl="-3.99846"
    )


def test_a_close_price_is_that_of_what_was_still_open() -> None:
    given(*ENTERED, sold("30.9", "3.2")).when(on(Close, exit_reason="stop", avg_px_close="3.3")).then(
        PositionClosed, avg_px_close="3.25", realized_pnl="-1.03206"
    )


def test_a_close_without_a_price_leaves_the_profit_unknown() -> None:
    given(*ENTERED, sold("30.9", "3.2")).when(on(Close, exit_reason="phantom")).then(
        PositionClosed, avg_px_close=None, realized_pnl=None
    ).leaves(realized_pnl=None, avg_px_close=None, quantity="0")


def test_a_close_after_the_last_exit_needs_no_price() -> None:
    given(*ENTERED, sold("61.8", "3.1333")).when(on(Close, exit_reason="done")).then(
        PositionClosed, realized_pnl="6.18"
    )


@pytest.mark.parametrize("sent", [3, 4, 5])
def test_whatever_was_filled_can_be_closed(sent: int) -> None:
    given(*ENTERED[:sent]).when(on(Close, exit_reason="x")).then(PositionClosed).leaves(status="closed")


def test_nothing_is_closed_where_nothing_was_ever_held() -> None:
    given(request(), PLACED).when(on(Close, exit_reason="x")).refused(NothingToClose, "fail_entry ends an entry")


def test_a_position_is_closed_once() -> None:
    given(*ENTERED, on(Close, exit_reason="x")).when(on(Close, exit_reason="x")).refused(
        PositionNotOpen, "APTUSDT.binance#1 is closed: it is over"
    )


def test_an_entry_that_failed_is_not_closed() -> None:
    given(request(), on(FailEntry, reason="x", outcome="rejected")).when(on(Close, exit_reason="x")).refused(
        PositionNotOpen, "is failed"
    )


def test_a_stream_without_cycles_has_nothing_to_close() -> None:
    given().when(on(Close, exit_reason="x")).refused(UnknownPosition, "APTUSDT.binance has no cycles")


def test_a_fill_that_turns_the_position_ends_a_rollback_as_rolled_back() -> None:
    turned = sold("71.8", "3.2", exchange_order_id="9", flip=True)
    given(*ENTERED, on(StartRollback, reason="no stop")).when(turned).then(
        PositionReduced, RolledBack, PositionAdopted
    ).leaves("APTUSDT.binance#1", status="rolled_back", quantity="0", realized_pnl="2.05794")
    given(*ENTERED).when(turned).then(PositionReduced, PositionClosed, PositionAdopted).leaves(
        "APTUSDT.binance#1", status="closed", exit_reason="flip"
    )


def test_a_rollback_is_ended_with_its_proof_and_not_by_closing() -> None:
    given(*ENTERED, on(StartRollback, reason="x")).when(on(Close, exit_reason="x")).refused(
        WrongStatus, "roll_back ends it, with the proof"
    )


def test_nothing_is_adjusted_after_the_close() -> None:
    late = on(Adjust, quantity="1", reason="x")
    given(*ENTERED, on(Close, exit_reason="x")).when(late).refused(PositionNotOpen)


def test_exit_fills_explain_what_was_closed_at_a_price_that_nobody_said() -> None:
    story = given(*ENTERED, on(Close, exit_reason="x")).leaves(realized_pnl=None)
    story.when(sold("1.8", "3.2", "x1")).then(PositionReduced, late=True).leaves(status="closed", realized_pnl=None)
    story.when(sold("60", "3.3", "x2")).leaves(status="closed", quantity="0", realized_pnl="-3.94206")


def test_exit_fills_are_what_a_close_at_a_price_meant_and_not_more() -> None:
    story = given(*ENTERED, on(Close, exit_reason="x", avg_px_close="3.2")).leaves(realized_pnl="2.05794")
    story.when(sold("60", "3.3", "x2")).leaves(realized_pnl="-3.94206")
    story.when(sold("2", "3.3", "x3")).refused(
        PositionNotOpen, "of the 61.8 that it closed 1.8 are not told by fills yet", "reduce 1.8 here"
    )
    story.when(sold("1.8", "3.3", "x3")).leaves(realized_pnl="-4.12206")
    story.when(sold("1", "3.3", "x4")).refused(PositionNotOpen, "all of the 61.8 that it closed is told by fills")


def test_an_exit_of_an_entry_that_was_filled_too_late_waits_for_that_fill() -> None:
    late, sale = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="3.2"), sold("10", "3.3", "x1")
    story = given(request(), on(FailEntry, reason="x", outcome="canceled"))
    story.when(sale).refused(ExitBeforeEntry, "is canceled", "after those fills: entry")
    story.when(sold("62", "3.3", "x1")).refused(PositionNotOpen)
    story.when(late).when(sale).leaves(quantity="0", realized_pnl="-1")


LATE = on(RecordEntryFill, trade_id="t9", last_qty="4", last_px="3.2333", exchange_order_id="9")


def test_a_closing_fill_that_is_more_than_what_a_failed_rollback_left_is_of_before() -> None:
    failed = on(FailRollback, residual_qty="11.8", reason="half of it was filled")
    story = given(*ENTERED, on(StartRollback, reason="no stop"), failed).leaves(quantity="11.8", realized_pnl=None)
    story.when(sold("70", "3.2")).refused(
        ReduceExceedsPosition, "50 of what it closed are not told by fills yet", "reduce 50 with the time"
    )
    assert "flip" not in str(story.refusal)
    turned = given(*ENTERED, on(Close, exit_reason="x"), LATE).when(sold("10", "3.2", flip=True))
    turned.then(PositionReduced, PositionClosed, PositionAdopted)  # which is what was asked for
    story.when(sold("50", "3.2")).leaves(quantity="11.8", realized_pnl="1.665")


def test_a_second_closing_fill_that_opened_the_other_side_is_recorded_as_that() -> None:
    story = given(*ENTERED, sold("61.8", "3.2")).when(sold("61.8", "3.3", "x2")).refused(NothingToClose, "flip: true")
    turned = sold("61.8", "3.3", "x2", flip=True, fee="0.1")
    story.when(turned).then(PositionClosed, PositionAdopted).leaves("APTUSDT.binance#1", realized_pnl="2.05794")
    story.leaves("APTUSDT.binance#2", side="long", quantity="61.8", avg_px_open="3.3", fees="0.1")


def test_a_second_entry_that_was_never_filled_turns_nothing() -> None:
    story = given(request(), PLACED, on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="0"))
    story.when(sold("70", "3.3", flip=True)).refused(NothingToClose, "holds nothing that could be reduced")
    assert "flip" not in str(story.refusal)


SPOT = "SHIBUSDT.binance:SPOT#1"
SHIB = RequestEntry.of(symbol="SHIB/USDT", exchange="binance", leg="SPOT", side="long", quantity="1000", intent_id="s1")
BOUGHT = on(RecordEntryFill, SPOT, trade_id="t1", last_qty="1000", last_px="2")


def spot_sold(quantity: str, price: str, trade_id: str, **fields: bool) -> Reduce:
    return on(Reduce, SPOT, trade_id=trade_id, last_qty=quantity, last_px=price, **fields)


def test_dust_that_is_sold_after_all_earns_what_it_brings() -> None:
    left = (SHIB, BOUGHT, spot_sold("995", "3", "x1"), on(Close, SPOT, exit_reason="target"))
    story = given(*left).leaves(SPOT, residual_qty="5", realized_pnl="995")
    story.when(spot_sold("2", "4", "x2")).then(PositionReduced, residual_qty="3", pnl="4", late=True)
    story.leaves(SPOT, status="closed", stray=False, residual_qty="3", realized_pnl="999")
    story.when(spot_sold("2", "4", "x2")).no_news().when(spot_sold("3", "1", "x3"))
    story.leaves(SPOT, residual_qty="0", realized_pnl="996", quantity="0")
    told = row_at(story.history, second(3600))
    assert told is not None and told.realized_pnl == 996
    story.when(spot_sold("1", "1", "x4")).refused(PositionNotOpen, "all of the 1000")


@pytest.mark.parametrize("flip", [True, False])
def test_more_than_is_held_on_spot_opens_no_short(flip: bool) -> None:  # noqa: FBT001 - a case
    story = given(SHIB, BOUGHT).when(spot_sold("1005", "3", "x1", flip=flip))
    story.refused(InvalidCommand if flip else ReduceExceedsPosition, "left it as dust", "adopt")
    assert "other side" not in str(story.refusal)


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
