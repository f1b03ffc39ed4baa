from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as tried_on

from domain.commands.base import Command
from domain.commands.order_requests import EndOrder, SetTakeProfit
from domain.commands.requests import (
    Activate,
    Adjust,
    Adopt,
    Close,
    FailEntry,
    ImportPosition,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    SetStopLoss,
)
from domain.rejection import Rejection
from domain.values import Status
from projections.timeline import Timeline, moments, timeline
from tests.projections.cycles import LATER, cycle, refused
from tests.projections.test_positions import history
from tests.spec import FILLED, PLACED, STOP, on, request, second
from tests.strategies import conversations

ENTERED = ((0, request()), (1, PLACED), (2, FILLED), (5, STOP), (6, on(Activate)))
LOST = on(LoseStopLoss, reason="a cleaner cancelled it")
CLOSED = on(Close, exit_reason="target", avg_px_close="3.1")


def lay_out(*sent: tuple[float, Command], refusals: tuple[Rejection, ...] = ()) -> Timeline:
    return timeline(moments(cycle(*sent)), refusals, LATER)


def gaps(time: Timeline) -> list[tuple[float, float, str]]:
    return [(gap.start.timestamp() - second(0).timestamp(), gap.length.total_seconds(), gap.why) for gap in time.gaps]


def test_a_gap_lasts_from_the_fill_to_the_stop_and_from_the_loss_to_the_end() -> None:
    time = lay_out(*ENTERED, (100, LOST), (130, CLOSED))
    assert gaps(time) == [(2, 3, "no stop yet"), (100, 30, "the stop was lost")]
    assert [(gap.is_entry, gap.is_over) for gap in time.gaps] == [(True, True), (False, True)]
    assert [span.length.total_seconds() for span in time.covered] == [95]
    assert time.unprotected == timedelta(seconds=33)


def test_stops_that_are_gone_at_once_leave_nothing_that_covers_a_part() -> None:
    both = [
        (5 + number, on(SetStopLoss, stop_price="3.298", quantity=quantity, exchange_order_id=f"s{number}"))
        for number, quantity in enumerate(["40", "21.8"])
    ]
    first, second_stop = (on(LoseStopLoss, reason="gone", exchange_order_id=f"s{number}") for number in range(2))
    entered = (*ENTERED[:3], *both, (7, on(Activate)))
    assert gaps(lay_out(*entered, (100, first), (100, second_stop), (130, CLOSED)))[-1] == (
        100,
        30,
        "the stop was lost",
    )
    assert gaps(lay_out(*entered, (100, first), (110, second_stop), (130, CLOSED)))[-1] == (
        100,
        30,
        "a stop for only 21.8 of 61.8",
    )


def test_a_protected_cycle_has_no_gap() -> None:
    assert lay_out((0, request()), (1, PLACED), (2, STOP)).gaps == ()


def test_a_gap_that_goes_on_lasts_until_now() -> None:
    time = lay_out(*ENTERED, (100, LOST))
    assert gaps(time)[-1] == (100, 3500, "the stop was lost")
    assert not time.gaps[-1].is_over and time.end == LATER and time.last_at == second(100)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (
            on(SetStopLoss, stop_price="3.298", exchange_order_id="s2", quantity="61", replaces="s1"),
            "a stop for only 61 of 61.8",
        ),
        (on(Adjust, avg_px_open="3.3", reason="seen"), "a stop on the wrong side of the entry"),
    ],
)
def test_a_stop_that_does_not_protect_is_a_gap(sent: Command, why: str) -> None:
    assert gaps(lay_out(*ENTERED, (50, sent), (60, CLOSED)))[-1] == (50, 10, why)


def test_an_adopted_position_is_exposed_from_the_start() -> None:
    adopted = Adopt.of(
        symbol="APTUSDT", exchange="binance", side="short", quantity="61", avg_px_open="3.2295", reason="seen"
    )
    assert gaps(lay_out((0, adopted), (7, STOP))) == [(0, 7, "adopted without a stop")]


def test_statuses_follow_each_other_without_a_hole() -> None:
    time = lay_out(*ENTERED, (130, CLOSED))
    assert [span.status for span in time.statuses] == [
        Status.PENDING_ENTRY,
        Status.ENTRY_PLACED,
        Status.PENDING_SL,
        Status.ACTIVE,
        Status.CLOSED,
    ]
    assert time.statuses[0].start == second(0) and time.over_at == time.end == second(130)


def test_steps_and_fills_have_their_prices() -> None:
    reduced = on(Reduce, trade_id="x", last_qty="10", last_px="3.2")
    moved = on(SetStopLoss, stop_price="3.25", exchange_order_id="s2")
    time = lay_out(*ENTERED, (20, moved), (30, reduced), (130, CLOSED))
    assert [step.price for step in time.stops] == [Decimal("3.298"), Decimal("3.25"), None]
    assert [(str(fill.quantity), str(fill.price), fill.is_entry) for fill in time.fills] == [
        ("61.8", "3.2333", True),
        ("10", "3.2", False),
        ("51.8", "3.1", False),
    ]


def test_an_acknowledgement_that_repeats_what_was_filled_is_no_second_fill() -> None:
    stated = on(RecordEntryPlaced, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333")
    assert len(lay_out((0, request()), (1, FILLED), (2, stated)).fills) == 1
    assert len(lay_out((0, request()), (2, stated)).fills) == 1


def test_nobody_knew_until_evidence_came() -> None:
    time = lay_out((0, request()), (1, on(RecordEntryUnknown, reason="timeout")), (46, PLACED))
    assert [span.length.total_seconds() for span in time.unknown] == [45]


def test_a_time_that_goes_back_makes_no_negative_span() -> None:
    late = on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2", at=second(0.5))
    time = lay_out((0, request(quantity="62.8")), (1, PLACED), (2, FILLED), (3, late), (5, STOP))
    assert all(span.length >= timedelta() for span in (*time.statuses, *time.gaps))
    assert time.fills[-1].at == second(0.5)


def test_a_refusal_stands_between_the_events_that_were_recorded_around_it() -> None:
    time = lay_out(*ENTERED, refusals=(refused(3.5), refused(4, position_id="APTUSDT.binance#2")))
    assert [(rival.at, rival.after) for rival in time.refused] == [(second(3.5), 3)]


def test_a_refusal_keeps_its_place_when_the_history_was_recorded_much_later() -> None:
    events = cycle(*ENTERED, lag=timedelta(days=400))
    rival = refused(3.5 + timedelta(days=400).total_seconds())
    placed = timeline(moments(events), [rival], LATER).refused
    assert [rival.at for rival in placed] == [second(3.5)]


def test_a_refusal_never_leaves_the_gap_between_two_events() -> None:
    slow = cycle(*ENTERED[:3], lag=timedelta(seconds=600))
    quick = moments([*slow, *cycle(*ENTERED)[3:]])
    (placed,) = timeline(quick, [refused(610)], LATER).refused
    assert placed.at <= LATER and placed.after == 5


def test_the_entry_ends_when_the_position_is_active() -> None:
    assert lay_out(*ENTERED, (130, CLOSED)).entered_at == second(6.5)


def test_an_entry_that_is_not_done_has_no_end() -> None:
    assert lay_out((0, request()), (1, PLACED)).entered_at is None


@pytest.mark.parametrize(
    ("plan", "entered", "planned"),
    [
        ({"stop_loss_percent": "2"}, True, "3.297966"),
        ({"stop_loss_percent": "2"}, False, "3.297966"),
        ({"stop_price": "3.3"}, True, "3.3"),
        ({"stop_loss_percent": "2", "signal_price": None}, False, None),
        ({}, True, None),
    ],
)
def test_a_stop_that_was_planned_has_a_price_as_soon_as_one_is_known(
    plan: dict[str, Any], *, entered: bool, planned: str | None
) -> None:
    laid_out = lay_out((0, request(**plan)), *ENTERED[1 : 3 if entered else 1])
    assert laid_out.planned_stop == (None if planned is None else Decimal(planned))
    assert planned is None or Decimal(planned) in laid_out.prices


def test_what_went_wrong_is_told_with_its_moment() -> None:
    unknown = on(RecordEntryUnknown, reason="timed out")
    failed = on(FailEntry, outcome="rejected", reason="no margin")
    steps = lay_out((0, request()), (1, unknown), (2, failed)).failed
    assert [(step.at, step.says) for step in steps] == [
        (second(1), 'nobody knows what became of the entry: "timed out"'),
        (second(2), 'the entry is rejected: "no margin"'),
    ]
    lost = lay_out(*ENTERED, (9, on(LoseStopLoss, reason="gone")), (10, CLOSED)).failed
    assert [(step.at, step.says) for step in lost] == [(second(9), 'a stop is gone: "gone"')]
    assert lay_out(*ENTERED, (10, CLOSED)).failed == ()


def test_a_stop_that_another_one_replaced_is_nothing_that_went_wrong() -> None:
    first, second_stop = (
        on(SetStopLoss, stop_price=price, quantity="61.8", exchange_order_id=f"s{number}")
        for number, price in enumerate(["3.298", "3.28"])
    )
    gone = on(LoseStopLoss, reason="it was moved", exchange_order_id="s0")
    entered = (*ENTERED[:3], (5, first), (6, on(Activate)))
    assert lay_out(*entered, (8, second_stop), (8, gone), (10, CLOSED)).failed == ()
    assert [step.at for step in lay_out(*entered, (8, gone), (9, second_stop), (10, CLOSED)).failed] == [second(8)]


def test_an_imported_cycle_that_is_over_ends_when_its_row_says_so() -> None:
    row = ImportPosition.of(
        symbol="APTUSDT",
        exchange="binance",
        side="short",
        quantity="61.8",
        status="closed",
        avg_px_open="3.2333",
        opened_at=second(0),
        closed_at=second(90),
        row={},
        findings=["closed_without_reason: …"],
        legacy_id="7",
    )
    time = lay_out((0, row))
    assert (time.start, time.end, time.is_open) == (second(0), second(90), False)


@tried_on(conversations())
def test_any_history_can_be_laid_out_and_its_gaps_are_those_of_its_row(sent: list[Command]) -> None:
    _, events = history(sent)
    for number in {event.cycle for event in events}:
        told = moments([event for event in events if event.cycle == number])
        time = timeline(told, [], LATER)
        assert all(gap.length >= timedelta() for gap in time.gaps)
        last = told[-1].row
        is_bare = last.unprotected_since is not None or last.stray  # what came too late is held as well
        assert any(not gap.is_over for gap in time.gaps) == is_bare
        assert time.start <= time.last_at <= time.end
        assert sum((span.length for span in time.statuses), timedelta()) == time.end - time.start


# -- several orders ---------------------------------------------------------------------------------------------


def partial(at: float, price: str, quantity: str, order_id: str) -> tuple[float, Command]:
    return at, on(SetStopLoss, stop_price=price, quantity=quantity, exchange_order_id=order_id)


def test_several_stops_that_do_not_cover_all_say_how_much_they_do() -> None:
    held = ((0, request()), (1, PLACED), (2, FILLED))
    ladder = (partial(3, "3.3", "30", "s1"), partial(4, "3.4", "31.8", "s2"))
    lost = on(LoseStopLoss, reason="gone", exchange_order_id="s2")
    time = lay_out(*held, *ladder, (100, lost), (130, CLOSED))
    assert gaps(time) == [(2, 2, "no stop yet"), (100, 30, "a stop for only 30 of 61.8")]
    again = partial(110, "3.5", "31", "s3")
    assert gaps(lay_out(*held, *ladder, (100, lost), again, (130, CLOSED)))[-1] == (
        100,
        30,
        "a stop for only 30 of 61.8",
    )
    whole = partial(110, "3.5", "31.8", "s3")
    assert gaps(lay_out(*held, *ladder, (100, lost), whole, (130, CLOSED)))[-1] == (
        100,
        10,
        "a stop for only 30 of 61.8",
    )
    more = on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2", exchange_order_id="e2")
    assert gaps(lay_out(*held, *ladder, (50, more)))[-1][2] == "stops for only 61.8 of 62.8"


def test_what_an_order_is_said_to_have_filled_at_its_end_is_a_mark() -> None:
    target = on(SetTakeProfit, price="3", quantity="60", exchange_order_id="tp")
    ended = on(EndOrder, exchange_order_id="tp", outcome="filled", filled_qty="60", avg_px="3.01")
    marks = lay_out(*ENTERED, (10, target), (20, ended)).fills
    assert [(mark.price, mark.quantity, mark.is_entry) for mark in marks][1:] == [(Decimal("3.01"), Decimal(60), False)]
    fill = on(Reduce, trade_id="x", last_qty="60", last_px="3.01", exchange_order_id="tp")
    told_already = lay_out(*ENTERED, (10, target), (15, fill), (20, ended)).fills
    assert len(told_already) == 2, "the end of an order whose fills are known adds none"


def test_a_cycle_that_took_its_slot_back_is_over_when_it_ends_for_good() -> None:
    failed = on(FailEntry, outcome="expired", reason="no answer")
    late = on(RecordEntryFill, trade_id="late", last_qty="10", last_px="3", at=second(60))
    opened = lay_out((0, request()), (5, failed), (60, late))
    assert (opened.is_open, opened.over_at) == (True, LATER)
    assert gaps(opened) == [(60, 3540, "no stop yet")]
    closed = lay_out((0, request()), (5, failed), (60, late), (90, CLOSED))
    assert closed.over_at == second(90)
    assert [span.status for span in closed.statuses] == [
        *(Status.PENDING_ENTRY, Status.FAILED, Status.ENTRY_PLACED, Status.CLOSED),
    ]
