"""The past by the time of happening: events in their own order, and totals that are counted again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.order_requests import CorrectFill, EndOrder
from domain.commands.requests import (
    Adjust,
    Adopt,
    Close,
    FailEntry,
    ImportPosition,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    RollBack,
    SetStopLoss,
    StartRollback,
)
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.events import PositionEvent
from domain.values import Status, plain
from projections.event_time.past_rows import row_at, rows_at
from projections.event_time.totals import EventTimeTotals
from projections.positions import PositionRow, project
from tests.spec import on, request, second
from tests.strategies import conversations

FOREVER = datetime.max.replace(tzinfo=UTC)
STEPS = (
    "status",
    "side",
    "intent_id",
    "requested_qty",
    "opened_at",
    "activated_at",
    "closed_at",
    "exit_reason",
    "rollback_failed",
    "late_fill",
    "fees",
    "fees_other",
)
TOTALS = ("quantity", "filled_qty", "avg_px_open", "avg_px_close", "realized_pnl", "fees", "fees_other")


def recorded(sent: Sequence[Command], *, may_refuse: bool = False) -> list[PositionEvent]:
    """What a ledger wrote down of these commands, a second each; each happened at its own `at`."""
    position = Position.track(sent[0].key)
    for number, command in enumerate(sent):
        stamp = CommandContext(command.command_id or f"c{number}", command.at or second(number), second(number))
        with suppress(*[CommandRefused] if may_refuse else []):
            position.decide(command, stamp)
    return cast("list[PositionEvent]", list(position.collect_events()))


def by_cycle(events: Sequence[PositionEvent]) -> dict[int, list[PositionEvent]]:
    cycles: dict[int, list[PositionEvent]] = defaultdict(list)
    for event in events:
        if event.has_cycle:
            cycles[event.cycle].append(event)
    return cycles


def folded(events: Sequence[PositionEvent]) -> PositionRow:
    row = None
    for event in events:
        row = project(row, event)
    assert row is not None
    return row


def told(events: Sequence[PositionEvent], at: float) -> PositionRow:
    """The one cycle of these events, by the exchange's clock."""
    row = row_at(events, second(at))
    assert row is not None
    return row


def shown(row: PositionRow, *names: str) -> list[Any]:
    values = [getattr(row, name) for name in names]
    return [plain(value) if isinstance(value, Decimal) else value for value in values]


def fill(trade_id: str, qty: str, px: str, at: float, **fields: Any) -> RecordEntryFill:
    return on(RecordEntryFill, trade_id=trade_id, last_qty=qty, last_px=px, at=second(at), **fields)


def out(trade_id: str, qty: str, px: str, at: float) -> Command:
    return on(Reduce, trade_id=trade_id, last_qty=qty, last_px=px, at=second(at))


def placed(at: float, **fields: Any) -> Command:
    return on(RecordEntryPlaced, exchange_order_id="1", at=second(at), **fields)


LONG = request(side="long", quantity="10", at=second(0))

# -- whatever was said ------------------------------------------------------------------------------------------


@given(conversations(defines=True), st.integers(-1, 30))
def test_the_rows_of_the_past_are_those_of_the_events(sent: list[Command], moment: int) -> None:
    for cycle in by_cycle(recorded(sent, may_refuse=True)).values():
        in_the_order_of_recording_the_totals_are_those_that_the_events_carry(cycle)
        in_the_end_the_steps_of_a_cycle_are_those_of_today(cycle)
        nothing_is_there_before_anything_happened_and_no_quantity_is_below_zero(cycle, moment)


def in_the_order_of_recording_the_totals_are_those_that_the_events_carry(cycle: list[PositionEvent]) -> None:
    tally = EventTimeTotals(cycle)
    for event in cycle:
        assert tally.count(event) == event


def in_the_end_the_steps_of_a_cycle_are_those_of_today(cycle: list[PositionEvent]) -> None:
    row = row_at(cycle, FOREVER)
    assert row is not None
    assert shown(row, *STEPS) == shown(folded(cycle), *STEPS)


def nothing_is_there_before_anything_happened_and_no_quantity_is_below_zero(
    cycle: list[PositionEvent], moment: int
) -> None:
    row = row_at(cycle, second(moment))
    assert (row is None) == all(event.ts_event > second(moment) for event in cycle)
    assert row is None or row.quantity >= 0


@given(conversations(defines=True))
def test_news_that_comes_in_the_order_of_events_is_a_prefix_of_what_was_recorded(sent: list[Command]) -> None:
    in_order = [command.model_copy(update={"at": second(number)}) for number, command in enumerate(sent)]
    events = recorded(in_order, may_refuse=True)
    assume(all(getattr(event, "same_as", None) is None for event in events))  # names are those that we know by now
    for moment in {event.ts_event for event in events}:
        until = [event for event in events if event.ts_event <= moment]
        assert list(rows_at(events, moment)) == [folded(cycle) for cycle in by_cycle(until).values()]


def test_a_correction_is_of_after_an_adjustment_by_the_time_that_was_said_also_if_it_is_that_of_its_recording() -> None:
    before = [
        request(at=second(0)),
        on(RecordEntryPlaced, exchange_order_id="o1", at=second(1)),
        on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="100", at=second(2)),
        on(Adjust, quantity="30.9", avg_px_open="100", reason="seen", at=second(3)),
    ]
    for at, average in ((second(4), 110), (None, 100)):
        correction = on(CorrectFill, trade_id="t1", last_px="105", reason="wrong", at=at)
        (cycle,) = by_cycle(recorded([*before, correction])).values()
        told = row_at(cycle, FOREVER)
        assert told is not None
        assert [row.avg_px_open for row in (folded(cycle), told)] == [average] * 2


def test_an_exit_that_happened_at_the_moment_of_an_adjustment_was_counted_by_it_also_if_it_is_recorded_then() -> None:
    adjusted = on(Adjust, quantity="8", reason="seen", at=second(3))
    (cycle,) = by_cycle(recorded([LONG, fill("t1", "10", "100", 1), adjusted, out("x", "2", "9", 3)])).values()
    assert folded(cycle).quantity == told(cycle, 9).quantity == 8


def test_what_says_no_time_happened_after_what_a_clock_that_is_ahead_had_recorded() -> None:
    adjusted = on(Adjust, quantity="8", avg_px_open="100", reason="seen")
    sold = on(Reduce, trade_id="x", last_qty="2", last_px="110")
    position = Position.track(LONG.key)
    for clock, command in ((0, LONG), (1, fill("t1", "10", "100", 1)), (122, adjusted), (3, sold)):
        position.decide(command, CommandContext(f"c{clock}", command.at or second(clock), second(clock)))
    (cycle,) = by_cycle(cast("list[PositionEvent]", position.pending_events)).values()
    assert folded(cycle).quantity == told(cycle, 200).quantity == 6
    assert [told(cycle, at).quantity for at in (60, 121, 122)] == [10, 10, 6]


def test_a_fill_that_was_told_wrong_is_what_its_correction_says_from_its_own_time_on() -> None:
    wrong = on(CorrectFill, trade_id="t1", last_qty="4", reason="mistyped")
    (cycle,) = by_cycle(recorded([LONG, fill("t1", "2", "100", 1), wrong, out("x", "3", "110", 5)])).values()
    assert shown(told(cycle, 1), "quantity", "filled_qty") == ["4", "4"]
    assert shown(told(cycle, 9), "quantity", "realized_pnl") == ["1", "30"]


def test_what_was_closed_without_a_fill_and_never_was_entered_is_not_closed_by_event_time_either() -> None:
    end = on(Close, exit_reason="gone", at=second(9))
    less = on(CorrectFill, trade_id="t1", last_qty="3", reason="by the exchange", at=second(5))
    (cycle,) = by_cycle(recorded([LONG, fill("t1", "4", "100", 1), out("x", "3", "110", 7), end, less])).values()
    assert shown(told(cycle, 99), *TOTALS) == shown(folded(cycle), *TOTALS)
    assert shown(folded(cycle), "quantity", "realized_pnl") == ["0", "30"]


def test_an_exit_on_spot_that_was_told_wrong_costs_what_was_held_when_it_happened() -> None:
    place, spot = {"symbol": "APT/USDT", "exchange": "binance", "leg": "spot"}, "APTUSDT.binance:SPOT#1"
    sent: list[Command] = [
        request(**place, side="long", quantity="10", at=second(0)),
        on(RecordEntryFill, spot, trade_id="t1", last_qty="4", last_px="100", at=second(1)),
        on(Reduce, spot, trade_id="x1", last_qty="2", last_px="110", at=second(2)),
        on(RecordEntryFill, spot, trade_id="t2", last_qty="4", last_px="120", at=second(3)),
        on(Reduce, spot, trade_id="x2", last_qty="4", last_px="130", at=second(4)),
        on(CorrectFill, spot, trade_id="x1", last_qty="4", reason="mistyped"),
    ]
    (cycle,) = by_cycle(recorded(sent)).values()
    for row in (told(cycle, 99), folded(cycle)):
        assert shown(row, "quantity", "realized_pnl") == ["0", "80"]


# -- a slow model ------------------------------------------------------------------------------------------------


@st.composite
def fills_in_any_order(draw: st.DrawFn) -> list[Command]:
    """An entry and exits that are heard of in another order than they happened."""
    quantities, prices = st.integers(1, 9).map(str), st.integers(90, 110).map(str)
    entries = [
        fill(
            f"e{n}", draw(quantities), draw(prices), draw(st.integers(2, 20)), fee=draw(st.sampled_from(["0.1", None]))
        )
        for n in range(draw(st.integers(1, 4)))
    ]
    sent: list[Command] = [
        request(side=draw(st.sampled_from(["long", "short"])), quantity="90", at=second(0)),
        placed(1),
    ]
    held = 0
    for number, entry in enumerate(entries):
        sent.append(entry)
        held += int(entry.last_qty)
        while held > 1 and draw(st.booleans()):
            closed = draw(st.integers(1, held - 1))
            held -= closed
            sent.append(out(f"x{number}-{len(sent)}", str(closed), draw(prices), draw(st.integers(21, 40))))
    if draw(st.booleans()):
        sent.append(on(Close, exit_reason="x", avg_px_close=draw(prices), at=second(41)))
    return sent


def slowly(sent: Sequence[Command], moment: float) -> tuple[Fraction, Fraction, Fraction | None, Fraction]:
    """Quantity, entered in all, average entry and profit, by fractions and from the commands alone."""
    sign = 1 if getattr(sent[0], "side", None) == "long" else -1
    quantity = entered = cost = pnl = average = Fraction(0)
    for command in sorted(sent[2:], key=lambda each: cast("datetime", each.at)):
        if cast("datetime", command.at) > second(moment):
            continue
        if isinstance(command, RecordEntryFill):
            quantity += Fraction(command.last_qty)
            entered += Fraction(command.last_qty)
            cost += Fraction(command.last_qty) * Fraction(command.last_px)
        else:
            closed = Fraction(command.last_qty) if isinstance(command, Reduce) else quantity
            px = Fraction(command.last_px if isinstance(command, Reduce) else cast("Close", command).avg_px_close or 0)
            pnl += sign * (closed * px - cost * closed / quantity)
            cost -= cost * closed / quantity
            quantity -= closed
        average = cost / quantity if quantity else average
    return quantity, entered, average if entered else None, pnl


@given(fills_in_any_order(), st.integers(0, 42))
def test_totals_are_what_the_fills_add_up_to_in_the_order_in_which_they_happened(
    sent: list[Command], moment: int
) -> None:
    row = told(recorded(sent), moment)
    quantity, entered, average, pnl = slowly(sent, moment)
    assert (Fraction(row.quantity), Fraction(row.filled_qty or 0)) == (quantity, entered)
    assert row.realized_pnl is not None
    assert abs(Fraction(row.realized_pnl) - pnl) < Fraction(1, 10**15)
    assert (row.avg_px_open is None) == (average is None)
    assert average is None or abs(Fraction(row.avg_px_open or 0) - average) < Fraction(1, 10**15)


# -- late news ---------------------------------------------------------------------------------------------------


def test_a_fill_that_was_recorded_late_counts_from_when_it_happened() -> None:
    events = recorded([LONG, placed(1), fill("b", "4", "110", 5), fill("a", "6", "100", 3)])
    assert shown(told(events, 2), "quantity", "avg_px_open") == ["0", None]
    assert shown(told(events, 3), "quantity", "avg_px_open") == ["6", "100"]
    assert shown(told(events, 5), "quantity", "avg_px_open", "filled_qty") == ["10", "104", "10"]


def test_a_total_that_was_carried_early_is_not_taken_for_what_had_happened() -> None:
    events = recorded([LONG, placed(1), fill("b", "4", "110", 5), fill("a", "6", "100", 3)])
    assert shown(folded(events), "quantity") == ["10"]
    assert shown(told(events, 4), "quantity") == ["6"]


def test_an_exit_takes_its_profit_from_the_entries_before_it() -> None:
    events = recorded([LONG, placed(1), fill("b", "4", "110", 5), out("x", "4", "120", 9), fill("a", "6", "100", 3)])
    assert shown(folded(events), "realized_pnl", "quantity") == ["40", "6"], "known then: all of it was bought at 110"
    assert shown(told(events, 9), "realized_pnl", "quantity") == ["64", "6"], "known now: at 104"


def test_a_sighting_counts_from_when_it_was_seen_and_holds_the_fills_before_it() -> None:
    sighting = on(Adjust, quantity="9", avg_px_open="101", reason="seen", at=second(6))
    events = recorded([LONG, placed(1, filled_qty="10", avg_px="100.5"), sighting, fill("a", "10", "100", 3)])
    assert shown(told(events, 1), "quantity", "avg_px_open") == ["10", "100.5"]
    assert shown(told(events, 5), "quantity", "filled_qty") == ["10", "10"]
    assert shown(told(events, 6), *TOTALS[:3]) == ["9", "9", "101"] == shown(folded(events), *TOTALS[:3])


def test_a_fill_after_a_sighting_counts_on_top_of_it_though_it_was_recorded_first() -> None:
    sighting = on(Adjust, quantity="6", avg_px_open="100", reason="seen", at=second(4))
    events = recorded([LONG, placed(1), fill("a", "5", "100", 3), fill("b", "4", "110", 5), sighting])
    assert shown(told(events, 4), "quantity", "avg_px_open") == ["6", "100"]
    assert shown(told(events, 5), "quantity", "avg_px_open") == ["10", "104"]


def test_an_exit_that_a_sighting_took_into_account_is_not_taken_away_twice() -> None:
    sighting = on(Adjust, quantity="6", avg_px_open="100", reason="seen", at=second(5))
    events = recorded([LONG, placed(1), fill("a", "10", "100", 3), sighting, out("x", "4", "110", 4)])
    assert shown(told(events, 4), "quantity", "realized_pnl") == ["6", "40"]
    assert shown(told(events, 5), "quantity", "realized_pnl", "filled_qty") == ["6", "40", "10"]


def test_news_of_the_very_moment_of_a_sighting_that_comes_after_it_is_in_it() -> None:
    sighting = on(Adjust, quantity="6", avg_px_open="100", reason="seen", at=second(5))
    filled = recorded([LONG, placed(1), sighting, fill("a", "7", "110", 5, fee="0.1")])
    assert shown(told(filled, 5), "quantity", "fees") == ["6", "0.1"]
    acknowledged = recorded([LONG, sighting, placed(5, filled_qty="10", avg_px="110")])
    assert shown(told(acknowledged, 5), "quantity", "avg_px_open") == ["6", "100"]


def test_a_fill_of_the_very_moment_of_a_statement_is_part_of_it() -> None:
    events = recorded([LONG, placed(3, filled_qty="4", avg_px="100"), fill("a", "4", "100", 3)])
    assert shown(told(events, 3), "quantity", "filled_qty") == ["4", "4"]


def test_an_exit_that_waited_for_its_entry_is_in_the_next_sighting_once() -> None:
    sighting = on(Adjust, quantity="6", avg_px_open="100", reason="seen", at=second(5))
    asked = request(side="long", quantity="90", at=second(0))
    events = recorded([asked, placed(1), fill("a", "9", "100", 8), out("x", "4", "110", 3), sighting])
    assert shown(told(events, 3), "quantity", "realized_pnl") == ["0", None]
    assert shown(told(events, 5), "quantity", "filled_qty") == ["6", "10"]
    assert shown(told(events, 8), "quantity", "filled_qty") == ["15", "19"]


def test_a_fill_that_came_after_the_end_but_happened_before_is_still_open_there() -> None:
    events = recorded(
        [LONG, placed(1), on(FailEntry, outcome="canceled", reason="x", at=second(6)), fill("a", "3", "100", 4)]
    )
    assert shown(told(events, 5), "status", "quantity", "late_fill") == [Status.ENTRY_PLACED, "3", True]
    assert shown(told(events, 6), "status", "quantity", "late_fill") == [Status.CANCELED, "3", True]


def test_a_close_closes_what_it_closed_then_and_a_later_find_stays_open_for_all_to_see() -> None:
    close = on(Close, exit_reason="x", avg_px_close="110", at=second(6))
    events = recorded([LONG, placed(1), fill("a", "6", "100", 3), close, fill("b", "4", "100", 4)])
    assert shown(told(events, 5), "quantity", "status") == ["10", Status.ENTRY_PLACED]
    assert shown(told(events, 6), "quantity", "status", "realized_pnl", "avg_px_close") == [
        "4",
        Status.CLOSED,
        "60",
        "110",
    ]


def test_a_cycle_that_took_its_slot_back_by_a_fill_after_its_exit_is_closed() -> None:
    failed = on(FailEntry, outcome="canceled", reason="x", at=second(2))
    close = on(Close, exit_reason="x", at=second(6))
    events = recorded([LONG, placed(1), failed, fill("a", "3", "100", 8), out("x", "3", "110", 5), close])
    assert shown(told(events, 9), "status", "quantity", "realized_pnl", "stray") == [Status.CLOSED, "0", "30", False]
    assert shown(told(events, 4), "status", "quantity") == [Status.CANCELED, "0"]


def test_a_statement_of_an_exit_before_that_of_its_entry_closes_what_is_entered_then() -> None:
    stop = on(SetStopLoss, stop_price="90", quantity="4", exchange_order_id="s1", at=second(2))
    ended = on(EndOrder, exchange_order_id="s1", outcome="filled", filled_qty="4", avg_px="90", at=second(3))
    events = recorded([LONG, placed(1), placed(5, filled_qty="10", avg_px="100"), stop, ended])
    assert shown(told(events, 4), "quantity", "realized_pnl") == ["0", None]
    assert shown(told(events, 5), "quantity", "realized_pnl") == ["6", "-40"]


def test_a_correction_of_before_the_end_leaves_known_what_was_known_then() -> None:
    corrected = on(CorrectFill, trade_id="a", last_px="101", reason="x", at=second(4))
    close = on(Close, exit_reason="x", at=second(6))
    events = recorded([LONG, placed(1), fill("a", "10", "100", 3), close, corrected, out("x", "10", "110", 5)])
    assert shown(told(events, 4), "quantity", "avg_px_open", "realized_pnl") == ["10", "101", "0"]
    assert shown(told(events, 6), "quantity", "realized_pnl") == ["0", "90"]


def test_the_average_exit_of_a_close_knows_only_the_exits_before_it() -> None:
    close = on(Close, exit_reason="x", avg_px_close="110", at=second(8))
    events = recorded([LONG, placed(1), fill("a", "10", "100", 3), out("x", "4", "120", 9), close])
    assert shown(told(events, 8), "quantity", "avg_px_close", "realized_pnl") == ["4", "110", "60"]
    assert shown(told(events, 9), *TOTALS) == shown(folded(events), *TOTALS)


# -- clocks that differ ------------------------------------------------------------------------------------------


def test_a_fill_before_its_request_shows_the_position_that_the_request_opened() -> None:
    events = recorded([request(side="long", quantity="10", at=second(2)), placed(3), fill("a", "10", "100", 1)])
    assert row_at(events, second(0)) is None
    assert shown(told(events, 1), "status", "quantity", "opened_at") == [Status.PENDING_ENTRY, "10", second(2)]
    assert shown(told(events, 3), "status", "quantity") == [Status.ENTRY_PLACED, "10"]


def test_what_an_acknowledgement_states_does_not_count_before_it_though_it_opened_the_cycle() -> None:
    opening = RecordEntryPlaced.of(
        symbol="APTUSDT",
        exchange="binance",
        side="long",
        exchange_order_id="1",
        filled_qty="10",
        avg_px="100",
        at=second(5),
    )
    events = recorded([opening, fill("a", "4", "100", 3)])
    assert shown(told(events, 3), "status", "quantity") == [Status.ENTRY_PLACED, "4"]
    assert shown(told(events, 5), "quantity") == ["10"]


def test_an_exit_before_its_entry_waits_for_it_and_the_profit_is_unknown_until_then() -> None:
    close = on(Close, exit_reason="x", avg_px_close="110", at=second(4))
    events = recorded([LONG, placed(1), fill("a", "10", "100", 6), close])
    assert shown(told(events, 4), "status", "quantity", "realized_pnl") == [Status.CLOSED, "0", None]
    assert shown(told(events, 6), "status", "quantity", "realized_pnl") == [Status.CLOSED, "0", "100"]


def test_an_exit_before_an_adoption_only_adds_to_what_was_earned() -> None:
    seen = Adopt.of(
        symbol="APTUSDT", exchange="binance", side="long", quantity="6", avg_px_open="100", reason="x", at=second(5)
    )
    events = recorded([seen, out("x", "4", "110", 3)])
    assert row_at(events, second(2)) is None
    assert shown(told(events, 3), "quantity", "realized_pnl") == ["6", "40"]
    assert shown(told(events, 5), *TOTALS) == shown(folded(events), *TOTALS)


def test_a_step_had_happened_by_the_step_that_followed_it() -> None:
    undone = [
        on(StartRollback, reason="no stop", at=second(9)),
        on(RollBack, evidence={"position_quantity": "0"}, at=second(7)),
    ]
    events = recorded([LONG, placed(1), fill("a", "10", "100", 3), *undone])
    assert shown(told(events, 6), "status") == [Status.ENTRY_PLACED]
    assert [told(events, at).status for at in (7, 8, 9, 99)] == [Status.ROLLED_BACK] * 4


def test_a_call_that_timed_out_is_known_by_the_fill_that_was_found_later() -> None:
    unknown = on(RecordEntryUnknown, reason="no answer", at=second(8))
    events = recorded([LONG, unknown, fill("a", "10", "100", 2)])
    assert [told(events, at).outcome_unknown for at in (1, 2, 8)] == [False, False, False]
    later = recorded([LONG, unknown, fill("a", "10", "100", 20)])
    assert [told(later, at).outcome_unknown for at in (7, 8, 20)] == [False, True, False]


def test_fills_that_a_rollback_proves_are_counted_once() -> None:
    closing = [{"trade_id": trade, "last_qty": qty, "last_px": "101"} for trade, qty in (("x", "4"), ("y", "6"))]
    undone = [
        on(StartRollback, reason="no stop", at=second(4)),
        out("x", "4", "101", 9),
        on(RollBack, evidence={"fills": closing}, at=second(8)),
    ]
    events = recorded([LONG, placed(1), fill("a", "10", "100", 3), *undone])
    assert shown(told(events, 8), "quantity", "realized_pnl") == ["4", "6"]
    assert shown(told(events, 9), *TOTALS) == shown(folded(events), *TOTALS)


def imported(**fields: Any) -> list[PositionEvent]:
    row = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "10", "row": {"id": "1"}}
    return recorded([ImportPosition.of(**row, opened_at=second(0), at=second(0), avg_px_open="100", **fields)])


def test_an_imported_cycle_is_open_between_its_opening_and_its_end() -> None:
    events = imported(status="closed", closed_at=second(50), realized_pnl="7", exit_reason="old")
    assert shown(told(events, 49), "status", "quantity", "closed_at", "exit_reason") == [
        Status.ACTIVE,
        "10",
        None,
        None,
    ]
    assert told(events, 50) == folded(events)


def test_an_imported_entry_that_failed_later_was_pending_until_then() -> None:
    events = imported(status="failed", closed_at=second(50))
    assert shown(told(events, 49), "status", "quantity") == [Status.PENDING_ENTRY, "0"]
    assert told(events, 50) == folded(events)


def test_an_imported_cycle_that_is_open_stays_so_whatever_its_row_says_of_its_end() -> None:
    events = imported(status="active", closed_at=second(50), stop_price="90", stop_confirmed=True)
    assert shown(told(events, 49), "status", "quantity", "protected", "closed_at") == [Status.ACTIVE, "10", True, None]
    assert told(events, 50) == folded(events)


def test_an_imported_cycle_without_a_closing_time_is_over_as_its_row_says() -> None:
    events = imported(status="closed")
    assert told(events, 0) == folded(events)


def test_cycles_share_nothing() -> None:
    close = on(Close, exit_reason="x", avg_px_close="110", at=second(5))
    again = request(side="long", quantity="3", intent_id="2", at=second(8))
    events = recorded([LONG, placed(1), fill("a", "10", "100", 2), close, again])
    assert [row.cycle for row in rows_at(events, second(7))] == [1]
    assert [(row.cycle, row.status) for row in rows_at(events, second(8))] == [
        (1, Status.CLOSED),
        (2, Status.PENDING_ENTRY),
    ]


def test_the_average_is_known_again_by_a_corrected_fill_that_tells_of_all_that_was_stated() -> None:
    position, events = Position.track(request().key), list[PositionEvent]()
    fill = on(RecordEntryFill, trade_id="t1", last_qty="2", last_px="100", exchange_order_id="A")
    stated = on(RecordEntryPlaced, exchange_order_id="A", filled_qty="3")
    right = on(CorrectFill, trade_id="t1", last_qty="4", reason="said the exchange")
    sent = [request(side="long", quantity="10", signal_price=None), fill, stated, right]
    for number, command in enumerate(sent):
        position.decide(command, CommandContext(str(number), second(number), second(number)))
        events += cast("list[PositionEvent]", list(position.collect_events()))
        told = row_at(events, second(60))
        assert told is not None and position.row is not None
        assert (told.quantity, told.avg_px_open) == (position.row.quantity, position.row.avg_px_open)
    assert position.row is not None and position.row.avg_px_open == 100
