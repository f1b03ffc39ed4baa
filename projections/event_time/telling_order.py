"""The events of a cycle in the order of happening, with the order names known today, and cut off at a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from domain import events as e
from domain.holding import Holding
from domain.instrument import LINEAR
from domain.values import Side, Status

_STEPS: Final = (
    e.EntryFailed,
    e.Activated,
    e.RollbackStarted,
    e.RolledBack,
    e.RollbackFailed,
    e.PositionClosed,
)
_EVIDENCE: Final = (e.EntryPlaced, e.EntryFilled, e.PositionAdjusted, e.EntryFailed)
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


def under_one_name(cycle: Sequence[e.PositionEvent]) -> Sequence[e.PositionEvent]:
    """The events of one cycle, with each order under its final name: a fill may come before its order is identified."""
    named = (event for event in cycle if isinstance(event, e.EntryPlaced | e.OrderReplaced | e.OrderEnded))
    names: dict[str | None, str] = {each.same_as: each.order for each in named if each.same_as is not None}
    if not names:
        return cycle
    return [_renamed(event, names) for event in cycle]


def _renamed(event: Any, names: Mapping[str | None, str]) -> e.PositionEvent:
    known = {"same_as": None} if getattr(event, "same_as", None) is not None else {}
    name = names.get(getattr(event, "order", None))
    renamed: e.PositionEvent = replace(event, **known, **({} if name is None else {"order": name}))
    return renamed


def in_its_order(cycle: Sequence[e.PositionEvent]) -> list[tuple[datetime, e.PositionEvent]]:
    """The events of one cycle in the order of happening, each with the time by which it had happened.

    Shape: by `ts_event`, then in the order of recording; what said no time happened after all that was on record, but a
    fill that was told wrong is what its correction says from its own time on.
    Clocks differ, but a cause is never placed after its effect: an opening event had happened by any event of its
    cycle, a step of the cycle by the next step, and a call that timed out by the evidence of what became of it.
    """
    filled_at = {
        (isinstance(event, e.PositionReduced), event.trade_id, event.order): _said_by(event)
        for event in cycle
        if isinstance(event, e.EntryFilled | e.PositionReduced)
    }
    happened = []
    anything = next_step = evidence = _FOREVER
    for event in reversed(cycle):
        at = _said_by(event)
        if isinstance(event, e.FillCorrected) and event.was_told_wrong:
            at = filled_at.get((event.is_exit, event.trade_id, event.order), at)
        if event.opens_cycle:
            at = min(at, anything)
        elif isinstance(event, _STEPS):
            at = next_step = min(at, next_step)
        elif getattr(event, "reopens", False):
            at = min(at, next_step)
        elif isinstance(event, e.EntryOutcomeUnknown):
            at = min(at, evidence)
        if isinstance(event, _EVIDENCE):
            evidence = min(at, evidence)
        anything = min(at, anything)
        happened.append((at, event))
    return sorted(happened, key=lambda each: (each[0], each[1].originator_version))


def _said_by(event: e.PositionEvent) -> datetime:
    return event.ts_event if event.is_timed else event.ts_recorded


def as_it_was(event: e.PositionEvent, moment: datetime) -> e.PositionEvent:
    """An event that covers a period, such as an imported cycle, without the part that happened after the moment."""
    match event:
        case e.PositionImported(closed_at=datetime() as closed_at) if closed_at > moment:
            if event.status.is_open:
                return replace(event, closed_at=None)
            was_held = event.status is Status.CLOSED
            held = Holding().stated(event.quantity, event.avg_px_open, LINEAR) if was_held else Holding()
            status = Status.ACTIVE if was_held else Status.PENDING_ENTRY
            return replace(event, status=status, holding=held, exit_reason=None, closed_at=None)
        case e.EntryPlaced(side=Side()) if event.ts_event > moment:
            return replace(event, filled_qty=None, avg_px=None)
    return event
