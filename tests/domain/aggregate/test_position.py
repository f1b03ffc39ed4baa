"""What holds after every conversation, whatever was said in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from decimal import Inexact, localcontext
from typing import Any, NoReturn, cast

from hypothesis import given, settings

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


@dataclass(frozen=True)
class Step:
    """One command of a conversation: what it met, what came of it."""

    command: Command
    before: Position
    after: Position
    events: list[PositionEvent]
    refusal: CommandRefused | None


def told(sent: list[Command]) -> Iterator[Step]:
    position = Position.track(KEY)
    for command in sent:
        before, refusal = deepcopy(position), None
        try:
            position.decide(command)
        except CommandRefused as refused:
            refusal = refused
        pending = cast("list[PositionEvent]", position.pending_events)[before.version :]
        yield Step(command, before, position, pending, refusal)


def history(sent: list[Command]) -> list[PositionEvent]:
    position = Position.track(KEY)
    for command in sent:
        with suppress(CommandRefused):
            position.decide(command)
    return cast("list[PositionEvent]", list(position.collect_events()))


@given(conversations())
def test_history_alone_gives_back_the_position(sent: list[Command]) -> None:
    steps = [*told(sent)]
    live = steps[-1].after
    events = cast("list[PositionEvent]", live.collect_events())
    assert (replayed(events) if events else Position.track(KEY)) == live


@given(conversations())
def test_a_refused_command_records_nothing(sent: list[Command]) -> None:
    for step in told(sent):
        if step.refusal is not None:
            assert step.after == step.before
            assert step.refusal.message


@given(conversations())
def test_what_was_accepted_is_answered_the_same_when_it_is_sent_twice(sent: list[Command]) -> None:
    for step in told(sent):
        if step.events:
            assert step.command.command_id is not None
            is_import = isinstance(step.command, ImportPosition)
            state = step.after.state
            answer = (state.imports if is_import else state.answers)[step.command.command_id]
            pending = [*step.after.pending_events]
            assert step.after.decide(step.command) == answer
            assert step.after.pending_events == pending


@given(conversations())
def test_never_active_by_activation_without_cover(sent: list[Command]) -> None:
    position = Position.track(KEY)
    for event in history(sent):
        event.mutate(position)
        if isinstance(event, Activated):
            assert position.status is Status.ACTIVE
            assert position.row is not None
            assert position.row.protected or position.row.protection == "bot", "unless its bot keeps the stop"
            assert position.state.holding.quantity > 0


@given(conversations())
def test_a_cycle_opens_once_ends_once_and_never_opens_while_another_is_open(sent: list[Command]) -> None:
    opened: list[int] = []
    events, position = history(sent), Position.track(KEY)
    for event in events:
        if event.opens_cycle:
            opened.append(event.cycle)
            assert not position.is_open or (isinstance(event, PositionImported) and event.beside)
        event.mutate(position)
    ends = Counter(event.cycle for event in events if isinstance(event, PositionClosed | RolledBack | EntryFailed))
    assert opened == [*range(1, len(opened) + 1)]
    again = {event.cycle for event in events if getattr(event, "reopens", False) or getattr(event, "late", False)}
    assert {number for cycle, number in ends.items() if cycle not in again} <= {1}


@given(conversations())
def test_the_status_after_an_event_is_the_one_that_the_design_says(sent: list[Command]) -> None:
    position = Position.track(KEY)
    for event in history(sent):
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


@given(conversations())
def test_nothing_that_is_stored_is_a_float_or_no_number(sent: list[Command]) -> None:
    def never(text: str) -> NoReturn:
        raise AssertionError(f"{text} is stored as a float")

    for event in history(sent):
        json.loads(encode(event).state, parse_float=never, parse_constant=never)


@given(conversations())
def test_a_row_has_a_confirmed_stop_if_one_of_its_orders_is_a_live_stop(sent: list[Command]) -> None:
    rows: dict[str, PositionRow] = {}
    for event in history(sent):
        if event.has_cycle:
            row = rows[event.position_id] = project(rows.get(event.position_id), event)
            assert row.stop_confirmed == bool(row.orders.live("stop"))


@given(conversations())
def test_a_bot_that_rounds_its_own_numbers_decides_the_same(sent: list[Command]) -> None:
    expected = history(sent)
    with localcontext() as context:
        context.prec, context.traps[Inexact] = 1, True
        assert history(sent) == expected


@given(conversations())
def test_quantities_are_never_negative_and_add_up(sent: list[Command]) -> None:
    for event in history(sent):
        held: Any = getattr(event, "holding", None)
        if held is not None:
            assert held.quantity >= 0
            assert held.filled_qty == held.quantity + held.closed_qty


@given(conversations())
def test_no_entry_fill_takes_anything_away(sent: list[Command]) -> None:
    position = Position.track(KEY)
    for event in history(sent):
        before = position.state.holding
        event.mutate(position)
        if isinstance(event, EntryFilled):
            assert position.state.holding.quantity >= before.quantity
            assert position.state.holding.filled_qty >= before.filled_qty


@given(conversations())
def test_a_version_is_one_more_than_the_one_before(sent: list[Command]) -> None:
    versions = [event.originator_version for event in history(sent)]
    assert versions == [*range(1, len(versions) + 1)]


@settings(derandomize=True, max_examples=500)
@given(conversations())
def _remember_kinds(sent: list[Command]) -> None:
    _SEEN.update(type(event) for event in history(sent))


_SEEN: set[type[PositionEvent]] = set()


def test_the_conversations_that_are_tried_reach_every_event() -> None:
    _remember_kinds()
    assert set(EVENTS) - _SEEN == {InstrumentDefined}, "which is of no cycle"
