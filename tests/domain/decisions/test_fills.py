"""Fills that the exchange corrects, and the totals after it."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from domain.commands import order_requests as o
from domain.commands.base import Command
from domain.commands.requests import Adjust, Close, FailEntry, RecordEntryFill, RecordEntryPlaced, Reduce, RequestEntry
from domain.errors import IdempotencyMismatch, NotFilled, OrderAmbiguous, OrderHasFills
from domain.events import CashRecorded, EntryPlaced, FillCorrected
from domain.identifiers import client_order_id
from domain.values import timestamp_text
from projections.event_time.past_rows import row_at
from tests.spec import CYCLE, PLACED, Story, given, on, request, second

BOUGHT = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100", exchange_order_id="A")
SOLD = on(Reduce, trade_id="x1", last_qty="4", last_px="111", exchange_order_id="X")
BUSTED = on(o.CorrectFill, trade_id="x1", void=True, reason="busted")
LONG = request(side="long", quantity="10", signal_price=None)


def test_a_busted_exit_leaves_the_average_of_all_that_is_held_again() -> None:
    more = on(RecordEntryFill, trade_id="t2", last_qty="5", last_px="120", exchange_order_id="B")
    story = given(LONG, BOUGHT, SOLD, more).when(BUSTED)
    story.leaves(quantity="15", avg_px_open="106.666666666666666667", realized_pnl="0")


def test_a_busted_exit_leaves_the_average_as_it_was_when_nothing_came_between() -> None:
    given(LONG, BOUGHT, SOLD).when(BUSTED).leaves(quantity="10", avg_px_open="100", realized_pnl="0")


def test_the_same_bust_again_is_no_news() -> None:
    given(LONG, BOUGHT, SOLD, BUSTED).when(BUSTED).no_news()


@pytest.mark.parametrize("quantity", ["3", "5"])
def test_a_fill_never_has_another_quantity(quantity: str) -> None:
    sold = on(Reduce, trade_id="x1", last_qty=quantity, last_px="111", exchange_order_id="X")
    given(LONG, BOUGHT, SOLD).when(sold).refused(IdempotencyMismatch, "4 at 111")
    bought = on(RecordEntryFill, trade_id="t1", last_qty=quantity, last_px="100", exchange_order_id="A")
    given(LONG, BOUGHT).when(bought).refused(IdempotencyMismatch, "10 at 100")


def test_a_fill_never_has_another_quantity_under_the_id_that_its_order_gets_later_either() -> None:
    bought = on(RecordEntryFill, trade_id="t1", last_qty="4", last_px="100")
    other = on(RecordEntryFill, trade_id="t1", last_qty="5", last_px="100", exchange_order_id="A")
    given(LONG, bought).when(other).refused(IdempotencyMismatch, "4 at 100")
    asked, sold = on(o.RequestExit, reason="target"), on(Reduce, trade_id="x1", last_qty="4", last_px="111")
    other_exit = on(Reduce, trade_id="x1", last_qty="5", last_px="111", exchange_order_id="X")
    given(LONG, BOUGHT, asked, sold).when(other_exit).refused(IdempotencyMismatch, "4 at 111")


def test_what_is_told_of_a_cycle_that_is_over_came_late() -> None:
    dearer = on(o.CorrectFill, trade_id="t1", last_px="101", reason="corrected")
    given(LONG, BOUGHT).when(dearer).then(FillCorrected, late=False)
    given(LONG, BOUGHT, on(Close, exit_reason="x")).when(dearer).then(FillCorrected, late=True)
    total = on(RecordEntryPlaced, exchange_order_id="A", filled_qty="10", avg_px="100")
    given(LONG).when(total).then(EntryPlaced, late=False, reopens=False)
    canceled = on(FailEntry, reason="canceled", outcome="canceled")
    given(LONG, canceled).when(total).then(EntryPlaced, late=True, reopens=True).leaves(status="entry_placed")


@pytest.mark.parametrize(("price", "is_known"), [("100", True), ("90", True), ("95", False)])
def test_a_fill_without_an_order_repeats_the_one_that_is_the_same(price: str, *, is_known: bool) -> None:
    other = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="90", exchange_order_id="B")
    sold = [
        on(Reduce, trade_id="t1", last_qty="10", last_px=px, exchange_order_id=order)
        for order, px in (("X", "100"), ("Y", "90"))
    ]
    for story, again in (
        (given(LONG, BOUGHT, other), on(RecordEntryFill, trade_id="t1", last_qty="10", last_px=price)),
        (given(LONG, BOUGHT, other, *sold), on(Reduce, trade_id="t1", last_qty="10", last_px=price)),
    ):
        if is_known:
            story.when(again).no_news()
        else:
            story.when(again).refused(IdempotencyMismatch, "10 at 100")


SPOT = "SHIBUSDT.binance:SPOT#1"
SHIB = RequestEntry.of(symbol="SHIB/USDT", exchange="binance", leg="SPOT", side="long", quantity="1000", intent_id="s1")
IN_BASE = {"fee": "1", "fee_currency": "SHIB"}


def shib(**fee: str) -> RecordEntryFill:
    return on(RecordEntryFill, position_id=SPOT, trade_id="t1", last_qty="1000", last_px="2", **fee)


def test_an_entry_that_never_was_paid_no_fee() -> None:
    busted = on(o.CorrectFill, trade_id="t1", void=True, reason="busted")
    paid = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100", exchange_order_id="A", fee="0.5")
    given(LONG, paid).when(busted).leaves(quantity="0", fees="0", net_pnl="0")
    other = on(RecordEntryFill, trade_id="t1", last_qty="10", last_px="100", fee="0.5", fee_currency="BNB")
    given(LONG, other).when(busted).leaves(quantity="0", fees_other={"BNB": "0"}, net_pnl="0")


def test_an_entry_that_never_was_paid_none_in_kind_either() -> None:
    busted = on(o.CorrectFill, position_id=SPOT, trade_id="t1", void=True, reason="busted")
    given(SHIB, shib(**IN_BASE)).when(busted).leaves(SPOT, quantity="0", filled_qty="0", fees="0")


def test_a_fee_in_kind_shrinks_what_is_held_by_whichever_command_it_is_told() -> None:
    left = {"quantity": "999", "avg_px_open": "2.002002002002002002", "fees": "0", "fees_other": {}}
    given(SHIB).when(shib(**IN_BASE)).leaves(SPOT, **left)
    given(SHIB, shib()).when(shib(**IN_BASE)).leaves(SPOT, **left)
    report = {"kind": "commission", "amount": "-1", "currency": "SHIB", "cash_id": "c1", "trade_id": "t1"}
    story = given(SHIB, shib()).when(on(o.RecordCash, position_id=SPOT, **report)).leaves(SPOT, **left)
    story.when(shib(**IN_BASE)).no_news()


def _is_the_same_by_event_time(story: Story) -> None:
    row, told = story.rows[SPOT], row_at(story.history, second(3600))
    assert told is not None
    assert (told.quantity, told.avg_px_open, told.realized_pnl) == (row.quantity, row.avg_px_open, row.realized_pnl)


@pytest.mark.parametrize("is_told_at_once", [True, False])
def test_a_fee_in_kind_that_an_adjustment_saw_is_not_paid_again(is_told_at_once: bool) -> None:  # noqa: FBT001 - a case
    at = timestamp_text(second(1))
    total = on(RecordEntryPlaced, position_id=SPOT, exchange_order_id="A", filled_qty="1000", avg_px="2", at=at)
    seen = on(Adjust, position_id=SPOT, quantity="999", reason="balance", at=timestamp_text(second(3)))
    told = [{}, IN_BASE] if not is_told_at_once else [IN_BASE]
    story = given(SHIB, total, seen, *(shib(**fee, at=at) for fee in told))
    story.leaves(SPOT, quantity="999", avg_px_open="2.002002002002002002", fees_other={})
    story.when(on(Reduce, position_id=SPOT, trade_id="x1", last_qty="999", last_px="3"))
    story.leaves(SPOT, quantity="0", realized_pnl="997")


SEEN = on(Adjust, position_id=SPOT, quantity="999", reason="the balance", at=second(-60))
STATED = on(
    RecordEntryPlaced, position_id=SPOT, exchange_order_id="A", filled_qty="1000", avg_px="2", at=second(-90)
)  # fmt: skip
REPORT = on(
    o.RecordCash, position_id=SPOT, kind="commission", amount="-1", currency="SHIB", cash_id="c1", trade_id="t1"
)  # fmt: skip
ASKED = SHIB.model_copy(update={"at": second(-99)})


@pytest.mark.parametrize(
    "told",
    [
        (shib().model_copy(update={"at": second(-90)}), SEEN, REPORT),
        (shib().model_copy(update={"at": second(-90)}), SEEN, shib(**IN_BASE)),
        (shib(), SEEN.model_copy(update={"at": None}), REPORT),
        (STATED, SEEN, shib(**IN_BASE)),
        (STATED, SEEN, shib(), REPORT),
    ],
)
def test_a_fee_in_kind_of_a_fill_of_before_an_adjustment_is_not_paid_again_when_it_is_told_without_a_time(
    told: tuple[Command, ...],
) -> None:
    story = given(ASKED, *told).leaves(SPOT, quantity="999", avg_px_open="2.002002002002002002")
    _is_the_same_by_event_time(story)


def test_a_fee_in_kind_that_is_told_without_a_time_is_paid_by_a_fill_of_after_the_adjustment() -> None:
    later = {"trade_id": "t2", "last_qty": "100", "last_px": "2", "exchange_order_id": "B", "at": second(-30)}
    paid = REPORT.model_copy(update={"trade_id": "t2"})
    story = given(ASKED, shib(), SEEN, on(RecordEntryFill, position_id=SPOT, **later)).leaves(SPOT, quantity="1099")
    story.when(paid).leaves(SPOT, quantity="1098")


def test_a_fee_in_kind_is_paid_after_an_adjustment_that_left_nothing_to_account_for() -> None:
    whole = SEEN.model_copy(update={"quantity": Decimal(1000), "avg_px_open": Decimal("2.1")})
    given(ASKED, shib(), whole, REPORT).leaves(SPOT, quantity="999")


def test_a_fee_in_kind_that_takes_the_last_of_it_is_a_loss() -> None:
    sold = on(Reduce, position_id=SPOT, trade_id="x1", last_qty="999", last_px="3", **IN_BASE)
    story = given(SHIB, shib()).when(sold).leaves(SPOT, quantity="0", realized_pnl="997", fees_other={})
    _is_the_same_by_event_time(story)


def test_a_fee_in_what_was_sold_short_does_not_lessen_what_is_owed() -> None:
    short = SHIB.model_copy(update={"side": "short"})
    given(short).when(shib(**IN_BASE)).leaves(SPOT, quantity="1000", fees_other={"SHIB": "1"})


def test_a_fee_in_kind_that_comes_later_is_paid_by_event_time_as_well() -> None:
    _is_the_same_by_event_time(given(SHIB, shib(), shib(**IN_BASE)))


def test_the_fee_of_one_of_two_fills_of_a_trade_is_sent_with_the_fill() -> None:
    both = given(LONG, BOUGHT, on(Reduce, trade_id="t1", last_qty="10", last_px="101", exchange_order_id="X"))
    report = on(o.RecordCash, kind="commission", amount="-2", cash_id="c1", trade_id="t1")
    both.when(report).refused(OrderAmbiguous, "of entry, exit.1", "send the one that is meant again, with its order")
    again = on(Reduce, trade_id="t1", last_qty="10", last_px="101", exchange_order_id="X", fee="2")
    both.when(again).leaves(fees="2")


def test_the_fee_of_an_entry_that_has_the_trade_id_of_its_exit_is_added_once() -> None:
    sold = on(Reduce, trade_id="t1", last_qty="10", last_px="101", exchange_order_id="X")
    paid = BOUGHT.model_copy(update={"fee": Decimal("0.5")})
    story = given(LONG, BOUGHT, sold).when(paid).leaves(fees="0.5")
    story.when(paid.model_copy(update={"fee_currency": "USDT"})).no_news()
    story.when(paid.model_copy(update={"fee": Decimal("0.7")})).refused(IdempotencyMismatch, "for a fee of 0.5")


def test_a_fee_that_is_reported_later_is_kept_to_its_last_digit() -> None:
    """The story is replayed with numbers that keep one digit only, where the fee is longer."""
    bought = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", exchange_order_id="53190368")
    paid = {"kind": "commission", "amount": "-0.1234", "currency": "USDT", "cash_id": "f1", "trade_id": "t1"}
    given(request(side="long"), PLACED, bought).when(on(o.RecordCash, **paid)).leaves(fees="0.1234")


def test_the_same_fee_in_another_currency_is_another_fee() -> None:
    paid = {"trade_id": "t1", "last_qty": "10", "last_px": "100", "exchange_order_id": "A", "fee": "0.5"}
    story = given(LONG, on(RecordEntryFill, **paid, fee_currency="bnb"))
    story.when(on(RecordEntryFill, **paid, fee_currency="USDT")).refused(IdempotencyMismatch, "for a fee of 0.5 BNB")
    report = {"kind": "commission", "amount": "-0.5", "cash_id": "c1", "trade_id": "t1"}
    story.when(on(o.RecordCash, **report, currency="USDT")).refused(IdempotencyMismatch, "0.5 BNB", "not 0.5 USDT")
    story.when(on(RecordEntryFill, **paid, fee_currency="BNB")).no_news()
    story.when(on(RecordEntryFill, **paid)).no_news()
    story.when(on(o.RecordCash, **report, currency="BNB")).no_news()


def test_the_settlement_currency_is_that_of_a_fee_that_names_none() -> None:
    paid = {"trade_id": "t1", "last_qty": "10", "last_px": "100", "exchange_order_id": "A", "fee": "0.5"}
    given(LONG, on(RecordEntryFill, **paid)).when(on(RecordEntryFill, **paid, fee_currency="usdt")).no_news()
    other = on(RecordEntryFill, **paid, fee_currency="BNB")
    given(LONG, on(RecordEntryFill, **paid)).when(other).refused(IdempotencyMismatch, "for a fee of 0.5;")


def test_the_same_cash_in_another_spelling_of_its_currency_is_no_news() -> None:
    paid = {"kind": "funding", "amount": "-0.35", "cash_id": "f1"}
    story = given(LONG, BOUGHT, on(o.RecordCash, **paid))
    story.when(on(o.RecordCash, **paid, currency="usdt")).no_news()
    story.when(on(o.RecordCash, **paid, currency="BNB")).refused(IdempotencyMismatch, "cash_id f1")
    story.when(on(o.RecordCash, **paid | {"amount": "-0.36"})).refused(IdempotencyMismatch, "cash_id f1")
    story.when(on(o.RecordCash, **paid | {"kind": "interest"})).refused(IdempotencyMismatch, "cash_id f1")


def test_a_correction_that_comes_again_after_the_next_one_takes_nothing_back() -> None:
    first, last = (
        on(o.CorrectFill, trade_id="t1", last_px=px, reason="corrected", at=timestamp_text(second(at)))
        for px, at in (("101", 2), ("102", 3))
    )
    given(LONG, BOUGHT, first, last).when(first).no_news().leaves(avg_px_open="102")
    back = on(o.CorrectFill, trade_id="t1", last_px="101", reason="corrected", at=timestamp_text(second(4)))
    given(LONG, BOUGHT, first, last).when(back).leaves(avg_px_open="101")


def test_a_correction_of_before_the_last_one_of_the_exchange_changes_nothing() -> None:
    first, last = (
        on(o.CorrectFill, trade_id="t1", last_px=px, reason="corrected", at=timestamp_text(second(at)))
        for px, at in (("101", 2), ("102", 3))
    )
    given(LONG, BOUGHT, last).when(first).no_news().leaves(avg_px_open="102")
    given(LONG, BOUGHT, first).when(last).leaves(avg_px_open="102")
    mistyped = on(o.CorrectFill, trade_id="t1", last_px="102", reason="mistyped")
    given(LONG, BOUGHT, mistyped).when(first).leaves(avg_px_open="101")
    less = on(o.CorrectFill, trade_id="t1", last_qty="9", last_px="101", reason="corrected", at=second(2))
    given(LONG, BOUGHT, last).when(less).leaves(quantity="9", avg_px_open="102")


def test_a_fill_that_is_told_again_after_its_correction_is_no_news() -> None:
    fill: dict[str, Any] = {"trade_id": "t1", "last_qty": "10", "last_px": "100", "exchange_order_id": "A"}
    first, paid = on(RecordEntryFill, **fill), on(RecordEntryFill, **fill, fee="0.5")
    corrected = on(o.CorrectFill, trade_id="t1", last_px="101", reason="corrected")
    given(LONG, first, paid, corrected).when(first).no_news()
    given(LONG, first, paid, corrected).when(paid).no_news().leaves(avg_px_open="101", fees="0.5")
    given(LONG, first, corrected).when(paid).then(CashRecorded).leaves(avg_px_open="101", fees="0.5")
    other = on(RecordEntryFill, **{**fill, "last_px": "102"}, fee="0.5")
    given(LONG, first, corrected).when(other).refused(IdempotencyMismatch, "10 at 101")
    busted = on(o.CorrectFill, trade_id="t1", void=True, reason="busted")
    given(LONG, first, paid, busted).when(paid).no_news()
    given(LONG, first, busted).when(paid).no_news().leaves(quantity="0", fees="0")


FIRST = on(RecordEntryFill, trade_id="t1", last_qty="6", last_px="100", exchange_order_id="A", at=second(-90))
OTHER = on(RecordEntryFill, trade_id="t2", last_qty="4", last_px="105", exchange_order_id="A", at=second(-85))
TOTAL = on(o.EndOrder, exchange_order_id="A", outcome="filled", filled_qty="10", avg_px="102", at=second(-80))
VOID = on(o.CorrectFill, trade_id="t2", void=True, reason="busted", at=second(-50))
PLACED_LONG = (
    request(side="long", quantity="10", at=second(-99)),
    on(RecordEntryPlaced, exchange_order_id="A", at=second(-98)),
)


@pytest.mark.parametrize(
    "told",
    [told for told in permutations([FIRST, OTHER, TOTAL, VOID]) if told.index(OTHER) < told.index(VOID)],
)
def test_a_total_counts_no_fill_that_was_busted_after_it_in_whatever_order_they_are_told(told: tuple[Command]) -> None:
    story = given(*PLACED_LONG, *told).leaves(quantity="6", avg_px_open="100")
    order = story.rows[CYCLE].orders["entry"]
    assert (order.filled_qty, order.worth) == (Decimal(6), Decimal(600))
    row = row_at(story.history, second(3600))
    assert row is not None and (row.quantity, row.avg_px_open) == (Decimal(6), Decimal(100))
    story.when(TOTAL).no_news()


def test_a_total_of_before_a_bust_tells_of_the_fills_that_nobody_told() -> None:
    given(*PLACED_LONG, OTHER, VOID).when(TOTAL).leaves(quantity="6", avg_px_open="100")
    price = VOID.model_copy(update={"void": False, "last_px": Decimal(110)})
    given(*PLACED_LONG, OTHER, price).when(TOTAL).leaves(quantity="10", avg_px_open="104")  # 600 + 440


def test_a_total_of_before_a_fill_became_more_counts_it_as_it_is_now() -> None:
    more = on(o.CorrectFill, trade_id="t2", last_qty="6", reason="corrected by the exchange", at=second(-50))
    end = TOTAL.model_copy(update={"filled_qty": Decimal(4), "avg_px": Decimal(105), "outcome": "canceled"})
    story = given(*PLACED_LONG, OTHER, more).when(end).leaves(quantity="6", avg_px_open="105")
    assert story.rows[CYCLE].orders["entry"].filled_qty == Decimal(6)
    given(*PLACED_LONG, FIRST, OTHER, more).when(end).refused(OrderHasFills, "has 12 of entry", "more than the 6")


@pytest.mark.parametrize(("at", "filled"), [(-80, "10"), (-45, "8"), (-30, "7")])
def test_a_total_is_less_by_what_was_corrected_after_it_alone(at: float, filled: str) -> None:
    first, then = (
        on(o.CorrectFill, trade_id="t2", last_qty=qty, reason="corrected by the exchange", at=second(moment))
        for qty, moment in (("2", -50), ("1", -40))
    )
    end = TOTAL.model_copy(update={"filled_qty": Decimal(filled), "outcome": "canceled", "at": second(at)})
    given(*PLACED_LONG, OTHER, first, then).when(end).leaves(quantity="7")
    wrong = on(o.CorrectFill, trade_id="t2", last_qty="1", reason="told wrong")
    total = end.model_copy(update={"filled_qty": Decimal(7), "at": second(-45)})
    given(*PLACED_LONG, OTHER, first, wrong).when(total).leaves(quantity="7")


def test_a_total_of_after_a_bust_that_says_less_leaves_the_bust_to_be_told() -> None:
    total = on(RecordEntryPlaced, exchange_order_id="A", filled_qty="10", avg_px="102", at=second(-80))
    end = TOTAL.model_copy(update={"filled_qty": Decimal(6), "avg_px": Decimal(100), "outcome": "canceled"})
    story = given(*PLACED_LONG, total, end.model_copy(update={"at": second(-40)}), OTHER).leaves(quantity="10")
    story.when(VOID).leaves(quantity="6")
    same = total.model_copy(update={"at": second(-40)})
    given(*PLACED_LONG, total, same, OTHER).when(VOID).leaves(quantity="6")  # the second one said nothing new


def test_a_fill_of_more_than_a_total_was_no_part_of_it() -> None:
    untimed = OTHER.model_copy(update={"at": None})
    total = TOTAL.model_copy(update={"filled_qty": Decimal(3), "outcome": "canceled"})
    given(*PLACED_LONG, untimed, VOID).when(total).leaves(quantity="3")


def test_a_total_stands_where_a_fill_was_told_wrong_and_nobody_says_when_it_was_corrected() -> None:
    wrong = on(o.CorrectFill, trade_id="t2", last_qty="3", reason="told wrong")
    given(*PLACED_LONG, TOTAL, FIRST, OTHER).when(wrong).leaves(quantity="10")
    given(*PLACED_LONG, FIRST, OTHER, wrong).when(TOTAL).leaves(quantity="10")


def test_a_total_of_after_a_bust_has_counted_it() -> None:
    after = TOTAL.model_copy(update={"at": second(-40)})
    given(*PLACED_LONG, FIRST, OTHER, VOID).when(after).leaves(quantity="10")
    given(*PLACED_LONG, OTHER, after).when(VOID).leaves(quantity="10", avg_px_open="102")
    earlier = TOTAL.model_copy(update={"filled_qty": Decimal(8), "avg_px": Decimal(100), "at": second(-95)})
    given(*PLACED_LONG, earlier, OTHER).when(VOID).leaves(quantity="8")  # the fill came after that total


def test_the_total_of_an_exit_too_counts_no_fill_that_was_busted_after_it() -> None:
    sale = on(Reduce, trade_id="x1", last_qty="4", last_px="110", exchange_order_id="X", at=second(-70))
    client_id = client_order_id(CYCLE, "exit.1", LONG.intent_id)
    asked = on(o.RequestExit, quantity="6", reason="signal", at=second(-75))
    total = on(
        o.EndOrder, exchange_order_id="X", client_order_id=client_id, outcome="filled", filled_qty="6", avg_px="110",
        at=second(-60),
    )  # fmt: skip
    busted = on(o.CorrectFill, trade_id="x1", void=True, reason="busted", at=second(-50))
    story = given(*PLACED_LONG, TOTAL, asked, total, sale).leaves(quantity="4", realized_pnl="48")
    story.when(busted).leaves(quantity="8", realized_pnl="16")


def test_what_never_was_entered_was_not_closed_without_a_fill_either() -> None:
    end = on(Close, exit_reason="gone", at=second(-60))
    story = given(*PLACED_LONG, FIRST, OTHER, end).when(VOID).leaves(quantity="0", filled_qty="6", realized_pnl=None)
    row = row_at(story.history, second(3600))
    assert row is not None and (row.quantity, row.filled_qty) == (Decimal(0), Decimal(6))
    sale = on(Reduce, trade_id="x1", last_qty="6", last_px="110", exchange_order_id="X", at=second(-65))
    story.when(sale).leaves(quantity="0", realized_pnl="60")
    priced = on(Close, exit_reason="target", avg_px_close="110", at=second(-60))
    given(*PLACED_LONG, FIRST, OTHER, priced).leaves(realized_pnl="80").when(VOID).leaves(
        filled_qty="6", realized_pnl="60"
    )


def test_what_fills_closed_cannot_never_have_been_entered() -> None:
    sale = on(Reduce, trade_id="x1", last_qty="10", last_px="110", exchange_order_id="X", at=second(-65))
    given(*PLACED_LONG, FIRST, OTHER, sale).when(VOID).refused(NotFilled, "holds 0", "that closed it first")
