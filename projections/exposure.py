"""When something is held without a confirmed stop that covers it: the one rule for all who tell of it.

Clocks run back: an event counts at its own time, or at that of the one recorded before it when its own is earlier, for
what it changed was not known before. So no stretch lasts less than nothing, and none lies in another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain import events as e
from domain.values import Instant
from projections.positions import PositionRow


@dataclass(frozen=True)
class Gap:
    """A stretch of time in which something was held without a confirmed stop that covers it."""

    began: Instant
    ended: Instant

    @property
    def length(self) -> timedelta:
        """How long it took."""
        return self.ended - self.began


def counted_at(event: e.PositionEvent, before: datetime | None) -> datetime:
    """When an event counts; `before` is when the one recorded before it did, None for the first of its cycle."""
    return event.ts_event if before is None else max(event.ts_event, before)


def is_covered(row: PositionRow) -> bool | None:
    """Whether what is held is protected; None while nothing is. What is held in a cycle that is over never is."""
    return row.protected if row.quantity else None


def is_left_over(row: PositionRow) -> bool:
    """Whether a cycle that is over holds something, for its fill came too late; somebody has to see to that."""
    return not row.status.is_open and bool(row.quantity)


def taken_over_at(row: PositionRow, events: Iterable[e.PositionEvent]) -> datetime | None:
    """When a later cycle of the key took over what one holds that is over; None while nobody has seen to it.

    A fill is part of what the exchange says of the key once it has happened: with an adoption or a correction of a
    later cycle, or with the proof that one was rolled back to nothing. No command can change the cycle itself.
    """
    return next(
        (
            event.ts_event
            for event in events
            if event.cycle > row.cycle and event.ts_event >= row.updated_at and _says_what_is_held(event)
        ),
        None,
    )


def _says_what_is_held(event: e.PositionEvent) -> bool:
    if isinstance(event, e.RolledBack):
        return event.evidence.position_quantity == 0
    return isinstance(event, e.PositionAdopted | e.PositionAdjusted)
