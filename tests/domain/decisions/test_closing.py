from __future__ import annotations

import pytest

from domain.commands.requests import (
    Close,
    FailEntry,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    StartRollback,
)
from domain.errors import (
    InvalidCommand,
    NothingToClose,
    PositionNotOpen,
    StaleEvidence,
    UnknownPosition,
    WrongStatus,
)
from domain.events import PositionClosed
from domain.values import timestamp_text
from tests.spec import ENTERED, PLACED, Story, given, on, request, second

UNPRICED = on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")


def sold(quantity: str, price: str, trade_id: str = "x1", **fields: object) -> Reduce:
    return on(Reduce, trade_id=trade_id, last_qty=quantity, last_px=price, **fields)  # type: ignore[arg-type]  # no position_id among them


# -- reduce -----------------------------------------------------------------------------------------------------


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


def opened_again(**end: str) -> Story:
    """A cycle that was closed, and then heard of a fill of before that."""
    part = on(RecordEntryFill, trade_id="t1", last_qty="40", last_px="3.2333")
    late = on(RecordEntryFill, trade_id="t2", last_qty="21.8", last_px="3.2333")
    return given(request(), PLACED, part, on(Close, exit_reason="target", avg_px_close="3.1", **end), late)


def test_a_close_that_is_told_again_closes_nothing_that_came_to_be_known_after_it() -> None:
    told = {"exit_reason": "target", "avg_px_close": "3.1"}
    at = timestamp_text(second(3))
    story = opened_again(at=at).leaves(status="entry_placed", quantity="21.8")
    story.when(on(Close, **told, at=at)).no_news().leaves(status="entry_placed", quantity="21.8")
    story.when(on(Close, **told)).refused(StaleEvidence, "closed so by 2025-10-22T18:50:43", "holds 21.8", "(at)")


@pytest.mark.parametrize(
    "closed",
    [
        {"exit_reason": "target", "avg_px_close": "3.1", "at": timestamp_text(second(60))},
        {"exit_reason": "target", "avg_px_close": "3.0"},
        {"exit_reason": "late fill"},
    ],
)
def test_a_cycle_that_was_opened_again_is_closed_by_another_close(closed: dict[str, str]) -> None:
    opened_again().when(on(Close, **closed)).then(PositionClosed).leaves(status="closed", quantity="0")


def test_a_cycle_that_was_opened_again_and_sold_is_closed_for_the_same_reason() -> None:
    story = opened_again().when(sold("21.8", "3.1"))
    story.when(on(Close, exit_reason="target", avg_px_close="3.1")).then(PositionClosed).leaves(status="closed")


def test_an_entry_that_failed_is_not_closed() -> None:
    given(request(), on(FailEntry, reason="x", outcome="rejected")).when(on(Close, exit_reason="x")).refused(
        PositionNotOpen, "is failed"
    )


def test_a_stream_without_cycles_has_nothing_to_close() -> None:
    given().when(on(Close, exit_reason="x")).refused(UnknownPosition, "APTUSDT.binance has no cycles")


def test_a_rollback_is_ended_with_its_proof_and_not_by_closing() -> None:
    given(*ENTERED, on(StartRollback, reason="x")).when(on(Close, exit_reason="x")).refused(
        WrongStatus, "roll_back ends it, with the proof"
    )


def test_a_close_says_its_price_in_time_and_what_is_left_as_dust_has_none() -> None:
    priced = on(Close, exit_reason="target", avg_px_close="3.2")
    given(*ENTERED).when(priced).then(PositionClosed, late=False, rest_px=None, avg_px_close="3.2")
    both = on(Close, exit_reason="target", avg_px_close="3.2", dust=True)
    given(*ENTERED).when(both).refused(InvalidCommand, "61.8 cannot have been closed at 3.2 and be left as dust")
    given(*ENTERED).when(on(Close, exit_reason="target", dust=True)).leaves(status="closed", residual_qty="61.8")
