"""What an event does to a position, whatever the rules of today would have said about it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.aggregate import row_fold, state_fold
from domain.aggregate.position import Position
from domain.aggregate.state import PositionState
from domain.aggregate.state_fold import evolve
from domain.commands.requests import Activate, Close
from domain.decisions.decision import CommandContext
from domain.events import (
    EVENTS,
    Activated,
    EntryFailed,
    EntryFilled,
    EntryOutcomeUnknown,
    EntryPlaced,
    EntryRequested,
    InstrumentDefined,
    PositionAdopted,
    PositionEvent,
    PositionImported,
    StopLossSet,
)
from domain.holding import Holding
from domain.values import Side, Source, Status
from tests.spec import CYCLE, ENTERED, PLACED, given, on, replayed, request, second
from tests.strategies import KEY, events

OPENINGS = events([EntryRequested, PositionAdopted, PositionImported])


def adopted(version: int = 1, cycle: int = 1) -> PositionAdopted:
    return PositionAdopted(
        originator_id="APTUSDT.binance",
        originator_version=version,
        command_id=f"old-{version}",
        request="",
        cycle=cycle,
        ts_event=second(0),
        ts_recorded=second(0),
        source=Source.SYNC,
        side=Side.LONG,
        reason="sync",
        holding=Holding(quantity=Decimal(60), filled_qty=Decimal(60), avg_px_open=Decimal("1.75")),
    )


def envelope(event: PositionEvent, version: int) -> dict[str, Any]:
    return {
        "originator_id": event.originator_id,
        "originator_version": version,
        "command_id": f"old-{version}",
        "request": "",
        "cycle": event.cycle,
        "ts_event": second(1),
        "ts_recorded": second(1),
        "source": Source.SYNC,
    }


@tried_on(OPENINGS, st.lists(events(), max_size=12))
def test_no_event_is_ever_refused(first: PositionEvent, others: list[PositionEvent]) -> None:
    memory = PositionState(KEY.stream)
    for event in (first, *others):
        evolve(memory, event)
    assert memory.status is not None
    assert memory.last_cycle == max(event.cycle for event in (first, *others))


def test_no_event_is_too_late_for_the_calendar() -> None:
    at = datetime.max.replace(tzinfo=UTC)
    first = replace(adopted(), ts_event=at, ts_recorded=at)
    told = EntryPlaced(
        **envelope(first, 2),
        exchange_order_id="A",
        filled_qty=Decimal(60),
        avg_px=Decimal("1.75"),
        holding=first.holding,
        order="entry",
        absorbed_qty=Decimal(60),
    )
    memory = PositionState(KEY.stream)
    for event in (first, replace(told, cycle=1)):
        evolve(memory, event)
    assert memory.holding.quantity == Decimal(60)


@tried_on(OPENINGS, st.lists(events(), max_size=12))
def test_remembering_the_same_history_twice_gives_the_same_position(
    first: PositionEvent, others: list[PositionEvent]
) -> None:
    history = [replace(event, originator_version=number) for number, event in enumerate((first, *others), 1)]
    assert replayed(history) == replayed(history)
    assert replayed(history).version == len(history)


@tried_on(OPENINGS, st.lists(events(), max_size=8), events())
def test_an_event_of_another_cycle_changes_nothing_of_this_one(
    first: PositionEvent, others: list[PositionEvent], late: PositionEvent
) -> None:
    memory = PositionState(KEY.stream)
    for event in (first, *others):
        evolve(memory, event)
    of_the_stream = {"imports": None, "last_cycle": None}
    before = deepcopy(vars(memory)) | of_the_stream
    if not isinstance(late, InstrumentDefined) and (memory.is_open or not late.opens_cycle):
        evolve(memory, replace(late, cycle=memory.cycle + 1))
        assert {**vars(memory)} | of_the_stream == before


def test_an_event_that_a_rule_of_today_would_refuse_is_history_all_the_same() -> None:
    on_the_profit_side = StopLossSet(
        **envelope(adopted(), 2), stop_price=Decimal("3.2438"), quantity=None, exchange_order_id="1"
    )
    activated = Activated(**envelope(adopted(), 3))
    story = given().happened(adopted(), on_the_profit_side, activated)
    story.leaves(status="active", stop_price="3.2438", protected=False)
    assert replayed(story.history) == story.position


def test_a_history_may_begin_wherever_the_stream_was_flat() -> None:
    story = given(*ENTERED, on(Close, exit_reason="x"), request(intent_id="2"))
    whole, recent = replayed(story.history), replayed(story.history[-1:])
    assert recent.version == whole.version == 7
    assert recent.position_id == whole.position_id == "APTUSDT.binance#2"
    assert {**vars(recent), "_created_on": None} == {**vars(whole), "_created_on": None}


def test_a_late_fill_of_an_old_cycle_leaves_the_new_one_alone() -> None:
    story = given(*ENTERED, on(Close, exit_reason="x"), request(intent_id="2"))
    late = EntryFilled(
        **envelope(story.history[0], 8),
        trade_id="t9",
        last_qty=Decimal(1),
        last_px=Decimal(3),
        fee=None,
        fee_currency=None,
        late=True,
        holding=Holding(quantity=Decimal(1), filled_qty=Decimal("62.8")),
    )
    story.happened(late).leaves("APTUSDT.binance#1", late_fill=True, quantity="1", status="closed", version=8)
    story.leaves("APTUSDT.binance#2", late_fill=False, quantity="0", status="pending_entry", version=7)
    assert story.position is not None
    assert (story.position.position_id, story.position.version) == ("APTUSDT.binance#2", 8)
    assert story.position.state.fills == {}


def test_a_decision_is_made_on_what_was_remembered_and_not_on_a_clock() -> None:
    live = given(*ENTERED[:4]).position
    again = replayed(given(*ENTERED[:4]).history)
    assert live is not None
    command = on(Activate, command_id="a", at=second(500))
    assert live.decide(command) == again.decide(command)
    assert live.pending_events == again.pending_events


def test_recorded_times_never_run_backwards_though_the_clock_may() -> None:
    position = Position.track(KEY)
    position.decide(request(), CommandContext("a", second(5), second(5)))
    timed = PLACED.model_copy(update={"at": second(1)})
    position.decide(timed, CommandContext("b", second(1), second(2)))
    placed = position.pending_events[-1]
    assert isinstance(placed, EntryPlaced)
    assert (placed.ts_event, placed.ts_recorded) == (second(1), second(5))


def placed_without_a_time(requested_at: float) -> EntryPlaced:
    """An entry that is placed at second 1 by the clock of another process, after it was requested at that second."""
    position = Position.track(KEY)
    position.decide(request(), CommandContext("a", second(requested_at), second(requested_at)))
    position.decide(PLACED, CommandContext("b", second(1), second(1)))
    placed = position.pending_events[-1]
    assert isinstance(placed, EntryPlaced)
    return placed


def test_what_says_no_time_happened_after_all_that_is_on_record_though_the_clock_is_behind() -> None:
    placed = placed_without_a_time(5)
    assert (placed.ts_event, placed.ts_recorded, placed.is_timed) == (second(5), second(5), False)


def test_what_says_no_time_is_not_moved_into_the_future_by_a_clock_that_was_wrong() -> None:
    placed = placed_without_a_time(3600)
    assert (placed.ts_event, placed.ts_recorded, placed.is_timed) == (second(1), second(3600), False)


def test_a_time_that_was_said_may_be_that_of_its_recording() -> None:
    position = Position.track(KEY)
    position.decide(request(), CommandContext("a", second(0), second(0)))
    position.decide(PLACED.model_copy(update={"at": second(1)}), CommandContext("b", second(1), second(1)))
    placed = position.pending_events[-1]
    assert isinstance(placed, EntryPlaced)
    assert (placed.ts_event, placed.is_timed) == (placed.ts_recorded, True)


def test_whether_an_event_of_before_said_a_time_is_told_by_its_two_times() -> None:
    before = replace(adopted(), time_was_said=None)
    assert not before.is_timed
    assert replace(before, ts_event=second(-1)).is_timed


def test_a_position_shows_where_it_stands() -> None:
    position = Position.track(KEY)
    assert (position.id, position.version, position.cycle, position.status) == ("APTUSDT.binance", 0, 0, None)
    assert not position.is_open
    position = replayed(given(*ENTERED).history)
    assert (position.position_id, position.status, position.is_open) == (CYCLE, Status.ACTIVE, True)
    assert position.row is not None and position.row.protected


def test_every_kind_of_event_is_folded() -> None:
    only_open = {EntryRequested, PositionAdopted, PositionImported}
    assert {*EVENTS} - row_fold._CHANGES.keys() == {*only_open, InstrumentDefined}
    says_all_in_its_row = {EntryOutcomeUnknown, EntryFailed, Activated}
    assert {*EVENTS} - state_fold._REMEMBERED.keys() == {*says_all_in_its_row, InstrumentDefined}
