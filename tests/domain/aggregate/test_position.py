"""What holds after every conversation, whatever was said in it."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from decimal import Inexact, localcontext
from typing import Any, NoReturn, cast

from hypothesis import Phase, find, given, settings

from domain.aggregate.position import Position
from domain.aggregate.row import PositionRow
from domain.aggregate.row_fold import project
from domain.commands.base import Command
from domain.commands.requests import ImportPosition
from domain.errors import CommandRefused
from domain.events import (
    EVENTS,
    Activated,
    EntryFailed,
    EntryFilled,
    EntryOutcomeUnknown,
    EntryPlaced,
    EntryRequested,
    InstrumentDefined,
    PositionAdjusted,
    PositionAdopted,
    PositionClosed,
    PositionEvent,
    PositionImported,
    PositionReduced,
    RollbackFailed,
    RollbackStarted,
    RolledBack,
    StopLossLost,
    StopLossSet,
)
from domain.values import Status
from infrastructure.event_store.codec import encode
from tests.spec import replayed
from tests.strategies import KEY, conversations

OPEN = {Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL, Status.ACTIVE, Status.ROLLING_BACK}
WAITING = {Status.PENDING_ENTRY, Status.ENTRY_PLACED}


def history(sent: list[Command]) -> list[PositionEvent]:
    position = Position.track(KEY)
    for command in sent:
        with suppress(CommandRefused):
            position.decide(command)
    return cast("list[PositionEvent]", list(position.collect_events()))


@given(conversations())
def test_what_holds_of_every_conversation(sent: list[Command]) -> None:
    position = Position.track(KEY)
    for command in sent:
        is_refused_without_a_trace_or_answered_the_same_when_it_is_sent_twice(position, command)
    events = cast("list[PositionEvent]", list(position.collect_events()))
    assert (replayed(events) if events else Position.track(KEY)) == position, "history alone gives back the position"
    for holds in RULES:
        holds(events)
    with localcontext() as context:
        context.prec, context.traps[Inexact] = 1, True
        assert history(sent) == events, "a bot that rounds its own numbers decides the same"


def is_refused_without_a_trace_or_answered_the_same_when_it_is_sent_twice(position: Position, command: Command) -> None:
    before = deepcopy(position)
    refusal = None
    try:
        position.decide(command)
    except CommandRefused as refused:
        refusal = refused
    if refusal is not None:
        assert position == before
        assert refusal.message
    elif position.version > before.version:
        assert command.command_id is not None
        answers = position.state.imports if isinstance(command, ImportPosition) else position.state.answers
        pending = [*position.pending_events]
        assert position.decide(command) == answers[command.command_id]
        assert position.pending_events == pending


def never_active_by_activation_without_cover(events: list[PositionEvent]) -> None:
    position = Position.track(KEY)
    for event in events:
        event.mutate(position)
        if isinstance(event, Activated):
            assert position.status is Status.ACTIVE
            assert position.row is not None
            assert position.row.protected or position.row.protection == "bot", "unless its bot keeps the stop"
            assert position.state.holding.quantity > 0


def a_cycle_opens_once_ends_once_and_never_opens_while_another_is_open(events: list[PositionEvent]) -> None:
    opened: list[int] = []
    position = Position.track(KEY)
    for event in events:
        if event.opens_cycle:
            opened.append(event.cycle)
            assert not position.is_open or (isinstance(event, PositionImported) and event.beside)
        event.mutate(position)
    ends = Counter(event.cycle for event in events if isinstance(event, PositionClosed | RolledBack | EntryFailed))
    assert opened == [*range(1, len(opened) + 1)]
    again = {event.cycle for event in events if getattr(event, "reopens", False) or getattr(event, "late", False)}
    assert {number for cycle, number in ends.items() if cycle not in again} <= {1}


def the_status_after_an_event_is_the_one_that_the_design_says(events: list[PositionEvent]) -> None:
    position = Position.track(KEY)
    for event in events:
        before = position.status
        event.mutate(position)
        match event:
            case EntryRequested():
                assert position.status is Status.PENDING_ENTRY
            case EntryPlaced():
                early = before is Status.PENDING_ENTRY or event.opens_cycle
                assert position.status is (Status.ENTRY_PLACED if early else before)
            case EntryFailed():
                assert before in {*WAITING, Status.PENDING_SL}
                assert position.status is (Status.CANCELED if event.outcome == "canceled" else Status.FAILED)
            case StopLossSet():
                assert before in OPEN
                assert position.status is (Status.PENDING_SL if before in WAITING else before)
            case Activated():
                assert before in OPEN - {Status.ACTIVE, Status.ROLLING_BACK}
                assert position.status is Status.ACTIVE
            case PositionAdopted():
                assert position.status is Status.ACTIVE
            case PositionImported():
                assert event.beside or position.status is event.status
            case RollbackStarted():
                assert before in OPEN
                assert position.status is Status.ROLLING_BACK
            case RolledBack():
                assert before is Status.ROLLING_BACK
                assert position.status is Status.ROLLED_BACK
            case PositionClosed():
                assert before in OPEN - {Status.ROLLING_BACK}
                assert position.status is Status.CLOSED
            case EntryFilled(reopens=True):
                assert before not in OPEN
                assert position.status in {Status.ENTRY_PLACED, Status.ACTIVE}
            case EntryFilled(late=late) | PositionReduced(late=late):
                assert late == (before not in OPEN)
                assert position.status is before
            case RollbackFailed():
                assert before is position.status is Status.ROLLING_BACK
            case EntryOutcomeUnknown() | StopLossLost() | PositionAdjusted():
                assert before in OPEN
                assert position.status is before


def nothing_that_is_stored_is_a_float_or_no_number(events: list[PositionEvent]) -> None:
    def never(text: str) -> NoReturn:
        raise AssertionError(f"{text} is stored as a float")

    for event in events:
        json.loads(encode(event).state, parse_float=never, parse_constant=never)


def a_row_has_a_confirmed_stop_if_one_of_its_orders_is_a_live_stop(events: list[PositionEvent]) -> None:
    rows: dict[str, PositionRow] = {}
    for event in events:
        if event.has_cycle:
            row = rows[event.position_id] = project(rows.get(event.position_id), event)
            assert row.stop_confirmed == bool(row.orders.live("stop"))


def quantities_are_never_negative_and_add_up(events: list[PositionEvent]) -> None:
    for event in events:
        held: Any = getattr(event, "holding", None)
        if held is not None:
            assert held.quantity >= 0
            assert held.filled_qty == held.quantity + held.closed_qty


def no_entry_fill_takes_anything_away(events: list[PositionEvent]) -> None:
    position = Position.track(KEY)
    for event in events:
        before = position.state.holding
        event.mutate(position)
        if isinstance(event, EntryFilled):
            assert position.state.holding.quantity >= before.quantity
            assert position.state.holding.filled_qty >= before.filled_qty


def a_version_is_one_more_than_the_one_before(events: list[PositionEvent]) -> None:
    versions = [event.originator_version for event in events]
    assert versions == [*range(1, len(versions) + 1)]


RULES = (
    never_active_by_activation_without_cover,
    a_cycle_opens_once_ends_once_and_never_opens_while_another_is_open,
    the_status_after_an_event_is_the_one_that_the_design_says,
    nothing_that_is_stored_is_a_float_or_no_number,
    a_row_has_a_confirmed_stop_if_one_of_its_orders_is_a_live_stop,
    quantities_are_never_negative_and_add_up,
    no_entry_fill_takes_anything_away,
    a_version_is_one_more_than_the_one_before,
)


def test_the_conversations_that_are_tried_reach_every_event() -> None:
    seen: set[type[PositionEvent]] = {InstrumentDefined}  # which is of no cycle

    def reach(sent: list[Command]) -> bool:
        seen.update(map(type, history(sent)))
        return seen == {*EVENTS}

    find(conversations(), reach, settings=settings(derandomize=True, max_examples=500, phases=[Phase.generate]))
