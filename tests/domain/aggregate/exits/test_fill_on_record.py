"""A fill that was told wrong and corrected leaves what the right one leaves, whenever either is learned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.commands.base import Command
from domain.errors import NotFilled, ReduceExceedsPosition
from domain.values import timestamp_text
from projections.event_time.past_rows import row_at
from tests.spec import CYCLE, Story, given, on, request, second

HELD = c.Adopt.of(symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="100", reason="found")
GONE = on(c.Close, exit_reason="not at the exchange any more")


def sold(trade_id: str, qty: str, px: str, **more: Any) -> c.Reduce:
    return on(c.Reduce, trade_id=trade_id, last_qty=qty, last_px=px, **more)


def was(trade_id: str, **right: Any) -> o.CorrectFill:
    return on(o.CorrectFill, trade_id=trade_id, reason="said the exchange", **right)


VOID = was("x1", void=True)
ROLLED_BACK_IN_PART = (
    on(c.StartRollback, reason="no stop"),
    on(c.FailRollback, reason="partly filled", residual_qty="4", at=timestamp_text(second(2))),
)


def test_the_price_of_what_explains_a_part_counts_once_all_is_explained() -> None:
    story = given(HELD, GONE, sold("x1", "4", "110"), was("x1", last_px="111")).when(sold("x2", "6", "90"))
    story.leaves(quantity="0", realized_pnl="-16", avg_px_close="98.4")


def test_the_price_of_an_exit_before_an_end_that_nobody_saw_counts_as_well() -> None:
    story = given(HELD, sold("x1", "4", "110"), GONE, was("x1", last_px="111")).when(sold("x2", "6", "90"))
    story.leaves(quantity="0", realized_pnl="-16")


def test_without_the_fill_that_explained_it_an_end_is_not_explained_and_holds_nothing() -> None:
    story = given(HELD, GONE, sold("x1", "4", "110"), sold("x2", "6", "90")).when(VOID)
    story.leaves(status="closed", stray=False, quantity="0", avg_px_open="100", realized_pnl=None)
    story.when(sold("x3", "4", "120")).leaves(quantity="0", realized_pnl="20")


def test_without_the_fill_that_explained_it_an_end_is_at_the_price_that_was_stated() -> None:
    stated = on(c.Close, exit_reason="target", avg_px_close="80")
    given(HELD, stated, sold("x1", "10", "90")).when(VOID).leaves(quantity="0", stray=False, realized_pnl="-200")


def test_what_explains_an_end_cannot_have_been_more_than_that() -> None:
    story = given(HELD, GONE, sold("x1", "4", "110"), sold("x2", "2", "110"))
    story.when(was("x1", last_qty="9")).refused(NotFilled, "holds 8 without that fill, less than the 9")
    story.when(was("x1", last_qty="8")).leaves(realized_pnl="100")


STATED = on(c.Close, exit_reason="target", avg_px_close="80")


@pytest.mark.parametrize(("end", "left", "all_told"), [(GONE, None, "65"), (STATED, "-30", "65")])
def test_what_an_exit_closed_more_was_none_of_what_was_closed_without_a_fill(
    end: Command, left: str | None, all_told: str
) -> None:
    more = was("x1", last_qty="5", last_px="113")
    story = given(HELD, sold("x1", "4", "111"), end).when(more)
    story.leaves(quantity="0", filled_qty="10", stray=False, realized_pnl="-35" if left else None)
    story.when(sold("x2", "5", "100")).leaves(quantity="0", realized_pnl=all_told)
    story.when(was("x1", last_qty="6")).refused(NotFilled, "holds 5 without that fill", "another fill closed less")
    story.when(was("x2", last_qty="4")).when(was("x1", last_qty="6")).leaves(quantity="0", realized_pnl="78")


def test_an_exit_that_never_was_after_all_was_explains_again() -> None:
    story = given(HELD, GONE, sold("x1", "4", "110"), VOID).when(was("x1", last_qty="4", last_px="110"))
    story.when(sold("x2", "6", "90")).leaves(quantity="0", realized_pnl="-20")


def test_what_a_statement_of_another_order_counted_is_none_of_a_corrected_exit() -> None:
    asked = on(o.RequestExit, reason="signal", quantity="6")
    story = given(HELD, sold("x1", "4", "111", exchange_order_id="X")).when(asked)
    assert story.answer is not None
    ids: dict[str, Any] = {"client_order_id": story.answer.client_order_id, "exchange_order_id": "Y"}
    story.when(on(o.EndOrder, **ids, outcome="filled", filled_qty="6")).leaves(quantity="0")
    story.when(was("x1", last_qty="5")).refused(NotFilled, "holds 4 without that fill")


def test_an_exit_of_before_an_adjustment_takes_nothing_of_what_was_adjusted_back() -> None:
    at = {"at": "2025-10-22T18:50:39Z"}
    story = given(HELD, sold("x1", "2", "110", **at)).when(was("x1", last_qty="1", last_px="112"))
    story.leaves(quantity="10", filled_qty="11", avg_px_open="100", realized_pnl="12")
    story.when(VOID).leaves(quantity="10", filled_qty="10", avg_px_open="100", realized_pnl="0")


def test_an_exit_of_before_an_adjustment_that_told_of_a_guess_as_well_is_counted_as_gone_by_what_it_closed() -> None:
    at, later = {"at": timestamp_text(second(3))}, timestamp_text(second(10))
    seen = on(c.Adjust, quantity="3", avg_px_open="100", reason="seen", source="sync", at=later)
    story = given(HELD, *ROLLED_BACK_IN_PART, sold("x1", "8", "110", **at), seen).leaves(quantity="3", filled_qty="11")
    story.when(was("x1", last_qty="9", **at)).leaves(quantity="3", filled_qty="12", realized_pnl="90")
    story.when(was("x1", last_qty="7", **at)).leaves(quantity="3", filled_qty="10", realized_pnl="70")
    story.when(was("x1", last_qty="5", **at)).leaves(quantity="3", filled_qty="9", realized_pnl=None)
    story.when(was("x1", void=True, **at)).leaves(quantity="3", filled_qty="9", realized_pnl=None)


def test_an_exit_that_closed_what_was_held_and_more_is_less_first_by_what_was_gone() -> None:
    seen = on(c.Adjust, quantity="8", reason="seen", source="sync")
    story = given(HELD, seen, sold("x1", "10", "110")).leaves(quantity="0", filled_qty="10", realized_pnl="100")
    story.when(was("x1", last_qty="9")).leaves(quantity="0", filled_qty="9", realized_pnl="90")
    story.when(was("x1", last_qty="7")).leaves(quantity="1", filled_qty="8", realized_pnl="70", avg_px_open="100")
    story.when(VOID).leaves(quantity="8", filled_qty="8", realized_pnl="0", avg_px_open="100")


@pytest.mark.parametrize(("at", "held"), [(None, "6"), (4, "6"), (7, "10")])
def test_an_exit_that_was_seen_gone_is_open_again_if_it_is_busted_after_that(at: int | None, held: str) -> None:
    seen = on(c.Adjust, quantity="6", reason="seen", source="sync", at=second(5))
    story = given(HELD, seen, sold("x1", "4", "110", at=second(3))).leaves(quantity="6", realized_pnl="40")
    busted = was("x1", void=True, **({} if at is None else {"at": second(at)}))
    story.when(busted).leaves(quantity=held, filled_qty=held, avg_px_open="100", realized_pnl="0")


def test_an_exit_that_was_seen_gone_and_became_another_after_that_is_closed_as_that() -> None:
    seen = on(c.Adjust, quantity="6", reason="seen", source="sync", at=second(5))
    story = given(HELD, seen, sold("x1", "4", "110", at=second(3))).when(was("x1", last_qty="1", at=second(7)))
    story.leaves(quantity="9", filled_qty="10", realized_pnl="10")
    story.when(was("x1", last_qty="3", at=second(8))).leaves(quantity="7", filled_qty="10", realized_pnl="30")
    story.when(was("x1", void=True, at=second(9))).leaves(quantity="10", filled_qty="10", realized_pnl="0")


def test_an_exit_that_closed_what_was_held_and_more_opens_nothing_once_an_adjustment_had_counted_it() -> None:
    at = {"at": timestamp_text(second(3))}
    first = on(c.Adjust, quantity="8", reason="seen", source="sync", at=timestamp_text(second(2)))
    then = on(c.Adjust, quantity="3", avg_px_open="100", reason="seen", source="sync", at=timestamp_text(second(10)))
    later = on(c.RecordEntryFill, trade_id="t1", last_qty="1", last_px="100", exchange_order_id="E", at=second(5))
    story = given(HELD, first, sold("x1", "10", "110", **at), later, then).leaves(quantity="3")
    story.when(was("x1", void=True, **at)).leaves(quantity="3", filled_qty="3", realized_pnl="0")


def test_what_an_exit_closed_more_is_closed_while_something_is_held_whatever_is_not_told() -> None:
    story = given(HELD, sold("x1", "2", "110"), *ROLLED_BACK_IN_PART).leaves(quantity="4", realized_pnl=None)
    story.when(was("x1", last_qty="3")).leaves(quantity="3", realized_pnl=None)
    story.when(sold("x2", "4", "110")).leaves(quantity="3", realized_pnl="70")


def test_an_exit_that_explained_more_after_it_was_corrected_explains_all_of_that_no_more() -> None:
    story = given(HELD, GONE, sold("x1", "4", "110"), was("x1", last_qty="6")).when(VOID)
    story.leaves(quantity="0", stray=False).when(sold("x2", "10", "101")).leaves(quantity="0", realized_pnl="10")


def test_what_the_exchange_stated_of_an_order_stays_closed_without_the_fill() -> None:
    asked = on(o.RequestExit, reason="signal", quantity="4")
    story = given(HELD).when(asked)
    assert story.answer is not None
    order: dict[str, Any] = {"client_order_id": story.answer.client_order_id}
    story.when(on(o.EndOrder, outcome="filled", filled_qty="4", avg_px="110", **order))
    story.when(sold("x1", "4", "112", **order)).leaves(quantity="6", realized_pnl="48")
    story.when(VOID).leaves(quantity="6", avg_px_open="100", realized_pnl="40")


def test_a_fill_of_a_proof_is_open_again_for_what_it_had_cost() -> None:
    proof = [{"trade_id": f"x{number}", "last_qty": "5", "last_px": "90", "fee": "0.1"} for number in (1, 2)]
    flat = (on(c.StartRollback, reason="no stop"), on(c.RollBack, evidence={"fills": proof}))
    story = given(HELD, *flat).when(was("x1", last_px="91")).leaves(realized_pnl="-95", fees="0.2")
    story.when(VOID).leaves(quantity="5", stray=True, avg_px_open="100", realized_pnl="-50", fees="0.1")


@pytest.mark.parametrize(("fee", "left", "apart"), [("0.5", "4.5", {}), ("5", "0", {}), ("5.5", "5", {"APT": "5.5"})])
def test_a_fee_in_kind_is_paid_out_of_what_is_held_or_stands_apart(fee: str, left: str, apart: dict[str, str]) -> None:
    spot = "APTUSDT.binance:SPOT#1"
    held = c.Adopt.of(**HELD.model_dump(exclude_none=True, mode="json") | {"leg": "SPOT"})
    paid = on(c.Reduce, position_id=spot, trade_id="x1", last_qty="5", last_px="110", fee=fee, fee_currency="APT")
    story = given(held).when(paid).leaves(spot, quantity=left, fees_other=apart)
    story.when(on(o.CorrectFill, position_id=spot, trade_id="x1", void=True, reason="busted"))
    story.leaves(spot, quantity="10", avg_px_open="100", realized_pnl="0", fees="0")
    assert not any(Decimal(each) for each in story.rows[spot].as_json()["fees_other"].values())


PRICES = st.sampled_from(["80", "95", "110", "125"])


@st.composite
def fills(draw: st.DrawFn) -> tuple[list[Command], list[Command]]:
    """What was told of ten that are held and an end that nobody saw: right at once, and wrong and put right."""
    said: list[Command] = []
    right: list[Command] = []
    corrections: list[Command] = []
    left, is_over = 10, False
    number = 0
    while left or not is_over:
        if not is_over and (not left or draw(st.booleans())):
            said.append(GONE)
            right.append(GONE)
            is_over = True
            if not left:
                break
        number += 1
        qty, px, wrong = draw(st.integers(1, left)), draw(PRICES), draw(st.integers(1, left))
        right.append(sold(f"x{number}", str(qty), px))
        if draw(st.booleans()):
            said.append(sold(f"x{number}", str(wrong), draw(PRICES)))
            correction = was(f"x{number}", last_qty=str(qty), last_px=px)
            now = draw(st.booleans()) or wrong > qty or (left == qty and wrong != qty and is_over)
            (said if now else corrections).append(correction)
        else:
            said.append(right[-1])
        left -= qty
    return right, said + corrections


@drawn(fills())
def test_whatever_was_told_wrong_the_books_are_those_of_what_was_right(
    told: tuple[list[Command], list[Command]],
) -> None:
    right, put_right = (given(HELD, *each) for each in told)
    assert totals(right) == totals(put_right)


def totals(story: Story) -> dict[str, Any]:
    row = story.rows["APTUSDT.binance#1"].as_json()
    names = ("status", "stray", "quantity", "filled_qty", "avg_px_open", "avg_px_close", "realized_pnl", "fees")
    return {name: row[name] for name in names}


def ended(qty: str, px: str | None = None) -> o.EndOrder:
    return on(o.EndOrder, exchange_order_id="X", outcome="filled", filled_qty=qty, avg_px=px)


STOP_X = on(c.SetStopLoss, stop_price="95", exchange_order_id="X")


def of_x(trade_id: str, qty: str, px: str) -> c.Reduce:
    return sold(trade_id, qty, px, exchange_order_id="X")


def test_an_order_closes_no_more_than_it_was_and_explains_nothing_of_its_own_total() -> None:
    story = given(HELD, of_x("x1", "4", "110"), ended("8")).leaves(quantity="2")
    story.when(ended("14")).refused(ReduceExceedsPosition, "holds 2, less than the 6 that exit.1 closed")
    story.when(ended("10")).leaves(quantity="0", realized_pnl=None)
    story.when(of_x("x2", "6", "120")).leaves(quantity="0", realized_pnl="160")


def test_what_a_total_counts_of_a_fill_stays_closed_when_the_fill_was_less_and_fills_tell_of_it_again() -> None:
    story = given(HELD, of_x("x1", "4", "110"), ended("6")).when(was("x1", last_qty="1"))
    story.leaves(quantity="4", realized_pnl=None)
    story.when(of_x("x2", "5", "120")).leaves(quantity="4", realized_pnl="110")
    story.when(was("x2", last_qty="7", last_px="121")).leaves(quantity="2", realized_pnl="157")
    story.when(VOID).leaves(quantity="3", realized_pnl="147")


def test_a_fill_that_told_of_a_total_is_told_of_by_its_price_once_that_is_known() -> None:
    story = given(HELD, STOP_X, ended("6"), of_x("x1", "2", "110"), ended("6", "120")).leaves(
        quantity="4", realized_pnl="120"
    )
    story.when(VOID).leaves(quantity="4", realized_pnl="120")
    story.when(ended("7", "121")).leaves(quantity="3", realized_pnl="147")


def test_a_fill_that_another_one_of_its_order_made_more_than_the_total_is_taken_out_of_that() -> None:
    story = given(HELD, STOP_X, ended("5"), of_x("x1", "4", "110"), of_x("x2", "3", "120")).leaves(quantity="3")
    story.when(VOID).leaves(quantity="5", realized_pnl=None)
    story.when(of_x("x3", "2", "130")).leaves(quantity="5", realized_pnl="120")


def test_by_event_time_a_busted_fill_opens_again_what_it_had_closed_by_then() -> None:
    def at(number: int) -> dict[str, Any]:
        return {"at": timestamp_text(second(number))}

    seen = on(c.Adjust, quantity="2", avg_px_open="100", reason="seen", source="sync", **at(-30))
    entered = on(c.RecordEntryFill, trade_id="t1", last_qty="2", last_px="100", **at(-60))
    story = given(request(side="long", quantity="2", **at(-70)), seen, GONE, entered, sold("x1", "1", "90", **at(-50)))
    story.when(was("x1", void=True, **at(-40))).leaves(quantity="0", filled_qty="2", realized_pnl=None)
    row = story.when(sold("x2", "2", "110", **at(-20))).leaves(quantity="0", realized_pnl="20").rows[CYCLE]
    told = row_at(story.history, second(3600))
    assert told is not None
    assert (told.quantity, told.filled_qty, told.realized_pnl) == (row.quantity, row.filled_qty, row.realized_pnl)
