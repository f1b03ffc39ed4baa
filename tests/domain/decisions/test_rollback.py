from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import EndOrder, RequestExit
from domain.commands.requests import Adjust, Close, FailRollback, RecordEntryFill, Reduce, RollBack, StartRollback
from domain.errors import EvidenceMissing, IdempotencyMismatch, NotFlat, NothingToRollBack, PositionNotOpen, WrongStatus
from domain.events import EntryFilled, EntryRequested, PositionReduced, RollbackFailed, RollbackStarted, RolledBack
from domain.identifiers import client_order_id
from domain.values import plain
from tests.spec import ENTERED, FILLED, PLACED, Story, given, on, request, second

START_ROLLBACK = on(StartRollback, reason="no stop after 3 tries")
FAILED = on(FailRollback, reason="order rejected", residual_qty="20")


def rolling_back() -> Story:
    return given(request(), PLACED, FILLED, START_ROLLBACK)


def closing(*fills: tuple[str, str, str]) -> RollBack:
    return on(RollBack, evidence=[{"trade_id": id_, "last_qty": qty, "last_px": px} for id_, qty, px in fills])


# -- start_rollback ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "closes"), [("long", "sell"), ("short", "buy")])
def test_the_closing_side_and_quantity_come_from_the_ledger(side: str, closes: str) -> None:
    given(request(side=side), PLACED, FILLED).when(START_ROLLBACK).then(
        RollbackStarted, close_side=closes, close_quantity="61.8", reason="no stop after 3 tries"
    ).answered(
        close_side=closes,
        close_quantity="61.8",
        client_order_id=client_order_id("APTUSDT.binance#1", "rollback", "5483266"),
    ).leaves(status="rolling_back", quantity="61.8", exit_reason="no stop after 3 tries")


@pytest.mark.parametrize("sent", [3, 4, 5])
def test_whatever_was_filled_can_be_rolled_back(sent: int) -> None:
    given(*ENTERED[:sent]).when(START_ROLLBACK).then(RollbackStarted).leaves(status="rolling_back")


def test_only_what_is_still_open_is_closed() -> None:
    given(*ENTERED, on(Reduce, trade_id="x1", last_qty="1.8", last_px="3.2")).when(START_ROLLBACK).then(
        RollbackStarted, close_quantity="60"
    )


def test_nothing_is_rolled_back_where_nothing_is_held() -> None:
    given(request(), PLACED).when(START_ROLLBACK).refused(NothingToRollBack, "adjust to it first, else fail_entry")
    given(*ENTERED, on(Reduce, trade_id="x1", last_qty="61.8", last_px="3.2")).when(START_ROLLBACK).refused(
        NothingToRollBack
    )


def test_a_rollback_that_is_on_its_way_is_answered_with_the_promise_again() -> None:
    first = rolling_back().answer
    again = rolling_back().when(on(StartRollback, reason="in other words")).no_news().answer
    assert again is not None
    assert again == first
    assert (again.close_side, again.close_quantity) == ("buy", Decimal("61.8"))


def test_a_rollback_that_failed_may_be_tried_again_with_an_order_of_its_own() -> None:
    rolling_back().when(FAILED).when(START_ROLLBACK).then(
        RollbackStarted,
        close_side="buy",
        close_quantity="20",
        client_order_id=client_order_id("APTUSDT.binance#1", "rollback1", "5483266"),
    ).leaves(status="rolling_back", rollback_failed=False)


def test_nothing_that_is_over_is_rolled_back() -> None:
    given(*ENTERED, on(Close, exit_reason="x")).when(START_ROLLBACK).refused(PositionNotOpen)


# -- roll_back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evidence",
    [{"closing_order_id": "53190399"}, {"position_quantity": "0"}, {"position_quantity": 0, "note": "asked twice"}],
    ids=str,
)
def test_flat_with_a_proof_is_rolled_back(evidence: dict[str, Any]) -> None:
    rolling_back().when(on(RollBack, evidence=evidence)).then(RolledBack).leaves(
        status="rolled_back",
        quantity="0",
        closed_at="2025-10-22T18:50:44.000000Z",
        exit_reason="no stop after 3 tries",
        realized_pnl=None,
    ).when(request(intent_id="2")).then(EntryRequested, cycle=2)


def test_the_answer_of_the_exchange_is_kept_as_it_came() -> None:
    answer = {"closing_order_id": "1", "side": None, "info": {"executedQty": "61.8", "fills": [1, 2]}}
    event = rolling_back().when(on(RollBack, evidence=answer)).then(RolledBack).events[0]
    assert isinstance(event, RolledBack)
    assert event.evidence.model_dump(mode="json", exclude_defaults=True) == answer


def test_closing_fills_prove_flat_and_give_the_profit() -> None:
    rolling_back().when(closing(("x1", "60", "3.2333"), ("x2", "1.8", "3.2433"))).then(RolledBack).leaves(
        status="rolled_back", quantity="0", realized_pnl="-0.018", avg_px_close="3.23359126213592233"
    )


def test_the_reason_given_at_the_end_is_the_one_that_is_kept() -> None:
    rolling_back().when(on(RollBack, evidence={"position_quantity": "0"}, reason="manual")).leaves(exit_reason="manual")


@pytest.mark.parametrize(
    "evidence",
    [None, "", "  ", {}, [], 0, {"fills": []}, {"closing_order_id": None}, {"position_quantity": None, "note": None}],
    ids=repr,
)
def test_no_rollback_without_evidence(evidence: object) -> None:
    rolling_back().when(on(RollBack, evidence=evidence)).refused(
        EvidenceMissing, "closing_order_id, fills, or position_quantity 0"
    )


@pytest.mark.parametrize("evidence", [{"note": ""}, {"note": "  "}, {"side": None}, {"side": None, "id": ""}], ids=repr)
def test_an_answer_that_says_nothing_is_no_evidence(evidence: object) -> None:
    rolling_back().when(on(RollBack, evidence=evidence)).refused(EvidenceMissing)


@pytest.mark.parametrize(
    "evidence",
    [
        {"error": "connection reset"},
        {"fills": [], "left": 5},
        {"status": "rejected, position still open"},
        {"is_flat": True},
        {"note": "trust me"},
        "trust me",
    ],
    ids=repr,
)
def test_only_named_evidence_proves_flat(evidence: object) -> None:
    rolling_back().when(on(RollBack, evidence=evidence)).refused(EvidenceMissing, "of the evidence proves nothing")


def test_the_word_of_an_operator_is_taken_for_what_was_promised() -> None:
    word = on(RollBack, evidence="closed by hand", source="operator")
    rolling_back().when(word).then(RolledBack).leaves(status="rolled_back")
    rolling_back().when(MORE).when(word).refused(NotFlat, "holds 62.8, and no more than 61.8 of it")
    rolling_back().when(on(RollBack, evidence="  ", source="operator")).refused(EvidenceMissing)


@pytest.mark.parametrize("left", [False, "false", " No "])
def test_evidence_that_says_itself_that_something_is_left_proves_nothing(left: object) -> None:
    rolling_back().when(on(RollBack, evidence={"closing_order_id": "9", "is_flat": left})).refused(NotFlat, "is_flat")


def test_the_order_of_the_entry_is_no_closing_order() -> None:
    rolling_back().when(on(RollBack, evidence={"closing_order_id": "53190368"})).refused(NotFlat, "was entered by")


MORE = on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2333")
MORE_HELD: dict[str, tuple[Command, ...]] = {
    "a fill came late": (MORE,),
    "the exchange showed more": (on(Adjust, quantity="70", reason="seen"),),
    "as much came in as went out": (on(Reduce, trade_id="x1", last_qty="1", last_px="3.2"), MORE),
    "the closing order failed": (on(FailRollback, reason="rejected", residual_qty="61.8"),),
    "a second order was for less": (FAILED, START_ROLLBACK, MORE),
}


@pytest.mark.parametrize("news", MORE_HELD.values(), ids=MORE_HELD)
def test_a_closing_order_proves_no_more_than_it_was_for(news: tuple[Command, ...]) -> None:
    def held() -> Story:
        return given(request(), PLACED, FILLED, START_ROLLBACK, *news)

    quantity = plain(next(iter(held().rows.values())).quantity)
    held().when(on(RollBack, evidence={"closing_order_id": "c1"})).refused(NotFlat, f"holds {quantity}, and no more")
    held().when(on(RollBack, evidence={"closing_order_id": "c1", "position_quantity": 0})).then(RolledBack)
    held().when(closing(("x8", quantity, "3.2"))).then(RolledBack).leaves(status="rolled_back", quantity="0")


@pytest.mark.parametrize(
    "news", [(), (on(Reduce, trade_id="x1", last_qty="5", last_px="3.2"),), (FAILED, START_ROLLBACK)], ids=len
)
def test_a_closing_order_proves_flat_for_what_it_was_for(news: tuple[Command, ...]) -> None:
    given(request(), PLACED, FILLED, START_ROLLBACK, *news).when(
        on(RollBack, evidence={"closing_order_id": "c1"})
    ).then(RolledBack).leaves(status="rolled_back", quantity="0")


def test_an_exchange_that_still_holds_something_is_no_proof_of_flat() -> None:
    rolling_back().when(on(RollBack, evidence={"position_quantity": "0.1", "closing_order_id": "1"})).refused(
        NotFlat, "has 0.1 left at the exchange; fail_rollback"
    )


@pytest.mark.parametrize("quantity", ["61.7", "61.9"])
def test_fills_that_do_not_add_up_are_no_proof_of_flat(quantity: str) -> None:
    rolling_back().when(closing(("x1", quantity, "3.2"))).refused(
        NotFlat, f"holds 61.8, but the closing fills add up to {quantity}"
    )


def test_one_closing_fill_said_twice_is_one_fill() -> None:
    rolling_back().when(closing(("x1", "30.9", "3.2"), ("x1", "30.9", "3.2"))).refused(NotFlat, "add up to 30.9")


def test_one_closing_fill_said_twice_in_other_words_is_refused() -> None:
    rolling_back().when(closing(("x1", "61.8", "3.2"), ("x1", "61.8", "3.3"))).refused(
        IdempotencyMismatch, "one trade_id twice in the evidence"
    )
    rolling_back().when(closing(("x1", "61.8", "3.2"), ("x1", "61.8", "3.2"))).then(RolledBack).leaves(quantity="0")


def test_a_closing_fill_that_was_counted_before_is_not_counted_again() -> None:
    rolling_back().when(on(Reduce, trade_id="x1", last_qty="61.8", last_px="3.2")).then(PositionReduced).leaves(
        status="rolling_back", quantity="0"
    ).when(closing(("x1", "61.8", "3.2"))).then(RolledBack).leaves(quantity="0", realized_pnl="2.05794")


def test_closing_fills_that_are_less_than_what_is_held_are_no_proof() -> None:
    rolling_back().when(closing(("t1", "61", "3.2333"))).refused(NotFlat, "add up to 61")


def test_the_fees_of_closing_fills_are_counted() -> None:
    fill = {"trade_id": "x1", "last_qty": "61.8", "last_px": "3.2333", "fee": "0.1", "fee_currency": "BNB"}
    rolling_back().when(on(RollBack, evidence={"fills": [fill]})).leaves(fees="0", fees_other={"BNB": "0.1"})


def test_closing_fills_of_many_digits_are_added_exactly() -> None:
    tiny, huge = "0.000000000000000001", "999999999999999999"
    filled = on(RecordEntryFill, trade_id="t2", last_qty=huge, last_px="1")
    more = on(RecordEntryFill, trade_id="t3", last_qty=tiny, last_px="1")
    held = given(request(quantity=huge), filled, more, START_ROLLBACK)
    held.when(closing(("x1", huge, "1"), ("x2", tiny, "1"))).then(RolledBack).leaves(quantity="0", realized_pnl="0")


def test_a_rollback_is_started_before_it_is_ended() -> None:
    given(*ENTERED).when(on(RollBack, evidence={"position_quantity": "0"})).refused(
        WrongStatus, "is active; start_rollback comes before the closing order"
    )


def test_a_rollback_ends_once() -> None:
    rolling_back().when(on(RollBack, evidence={"position_quantity": "0"})).when(
        on(RollBack, evidence={"position_quantity": "0"})
    ).refused(PositionNotOpen, "is rolled_back")


def test_a_rollback_has_a_closing_order_of_its_own() -> None:
    rolling_back().when(on(RequestExit, reason="signal")).refused(WrongStatus, "its own closing order is on its way")


# -- fail_rollback ----------------------------------------------------------------------------------------------


def test_what_a_failed_rollback_left_keeps_the_slot() -> None:
    rolling_back().when(FAILED).then(RollbackFailed, residual_qty="20", reason="order rejected").leaves(
        status="rolling_back", rollback_failed=True, quantity="20", closed_at=None
    )


def test_a_failed_rollback_does_not_forget_what_was_entered() -> None:
    rolling_back().when(FAILED).leaves(quantity="20", filled_qty="61.8")


def test_what_a_failed_rollback_closed_at_a_price_nobody_said_leaves_the_profit_unknown() -> None:
    rolling_back().when(FAILED).when(START_ROLLBACK).when(closing(("x9", "20", "3.2"))).then(RolledBack).leaves(
        realized_pnl=None
    )


def test_the_average_exit_is_not_known_once_a_failed_rollback_closed_a_part_at_no_known_price() -> None:
    sold = on(Reduce, trade_id="x1", last_qty="1.8", last_px="3.2")
    story = given(request(), PLACED, FILLED, START_ROLLBACK, sold)
    story.when(on(FailRollback, reason="rejected", residual_qty="60")).leaves(avg_px_close="3.2")
    story.when(on(FailRollback, reason="partly filled", residual_qty="20")).leaves(quantity="20", avg_px_close=None)


def test_a_failed_rollback_that_closed_nothing_changes_no_totals() -> None:
    rolling_back().when(on(FailRollback, reason="rejected", residual_qty="61.8")).leaves(
        quantity="61.8", filled_qty="61.8", realized_pnl="0", avg_px_open="3.2333"
    )


def test_a_closing_fill_older_than_the_failure_is_part_of_what_it_left() -> None:
    failed = on(FailRollback, reason="partly filled", residual_qty="50", at=second(10))
    older = on(Reduce, trade_id="x1", last_qty="11.8", last_px="3.2", at=second(9))
    rolling_back().when(failed).when(older).then(PositionReduced).leaves(quantity="50", filled_qty="61.8")


def test_an_entry_fill_older_than_the_failure_is_part_of_what_it_left() -> None:
    partly = on(RecordEntryFill, trade_id="t1", last_qty="40", last_px="3.2333")
    failed = on(FailRollback, reason="partly filled", residual_qty="50", at=second(10))
    older = on(RecordEntryFill, trade_id="t2", last_qty="21.8", last_px="3.2333", at=second(9))
    given(request(), partly, START_ROLLBACK).when(failed).when(older).then(EntryFilled).leaves(quantity="50")


def test_a_failed_rollback_that_closed_nothing_leaves_the_profit_exact() -> None:
    more = on(RecordEntryFill, trade_id="t2", last_qty="1.2", last_px="3.2433")
    given(request(), FILLED, more, START_ROLLBACK, on(FailRollback, reason="rejected", residual_qty="63")).when(
        closing(("x1", "63", "3.2333"))
    ).leaves(realized_pnl="0.012")


def test_a_rollback_that_failed_may_still_turn_out_flat() -> None:
    rolling_back().when(FAILED).when(on(RollBack, evidence={"position_quantity": "0"})).then(RolledBack).leaves(
        status="rolled_back", quantity="0"
    )


def test_no_rollback_fails_that_was_never_started() -> None:
    given(*ENTERED).when(FAILED).refused(WrongStatus, "is active; no rollback is on its way")


def test_an_entry_fill_during_a_rollback_is_counted() -> None:
    late = on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2333")
    rolling_back().when(late).then(EntryFilled, late=False).leaves(status="rolling_back", quantity="62.8").when(
        closing(("x1", "61.8", "3.2"))
    ).refused(NotFlat, "holds 62.8")


def test_an_entry_fill_after_the_rollback_is_recorded_as_late() -> None:
    late = on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2333")
    rolling_back().when(on(RollBack, evidence={"position_quantity": "0"})).when(late).then(
        EntryFilled, late=True
    ).leaves(status="entry_placed", late_fill=True, quantity="1")


def test_closing_fills_of_what_is_closed_on_record_are_told_what_proves_it() -> None:
    ended = EndOrder.of(
        position_id="APTUSDT.binance#1",
        client_order_id=client_order_id("APTUSDT.binance#1", "rollback", "5483266"),
        outcome="filled",
        filled_qty="61.8",
        avg_px="3.2",
    )
    story = rolling_back().when(ended).when(closing(("c1", "61.8", "3.2"))).refused(NotFlat, "send position_quantity 0")
    story.when(on(RollBack, evidence={"position_quantity": "0"})).then(RolledBack).leaves(realized_pnl="2.05794")
