"""When something is held without a confirmed stop that covers it: the one rule for all who tell of it.

Clocks run back: an event counts at its own time, or at that of the one recorded before it when its own is earlier, for
what it changed was not known before. So no stretch lasts less than nothing, and none lies in another.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from domain import events as e
from domain.alteration import TypedStruct
from domain.holding import Holding
from domain.values import Instant, Status
from projections.listed_row import Listed
from projections.positions import PositionRow

Row = TypeVar("Row", bound=Listed)

UNPROTECTED: Final = "UNPROTECTED"
"""Something is held without a confirmed stop that covers it, and there should be one."""
BY_CHOICE: Final = "unprotected by choice"
"""Something is held without a stop at the exchange, for its bot keeps the stop itself."""
IF_HELD: Final = "unprotected if held"
"""Nothing is known to be held; if something is, as after an entry whose fills are not told yet, it has no stop."""
STRAY: Final = "STRAY"
"""Something is held in a cycle that is over, beside the one that has the slot."""


class Gap(TypedStruct, frozen=True, gc=False):
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


def is_by_choice(row: Listed) -> bool:
    """Whether what an open cycle holds has no stop at the exchange because the bot keeps it itself: no alarm."""
    return row.status.is_open and bool(row.quantity) and not row.protected and row.protection == "bot"


def is_covered(row: Listed) -> bool | None:
    """Whether what is held is protected; None while nothing is, or by choice. A stray never is."""
    return row.protected if row.quantity and not is_by_choice(row) else None


def needs_stop(row: Listed) -> bool:
    """Whether a position is (or may be) at the exchange without a confirmed stop, and not by choice; or is a stray."""
    if row.stray:
        return True
    may_be_bare = row.status.is_open and not row.protected and row.protection == "exchange"
    return may_be_bare and (row.status is not Status.PENDING_ENTRY or bool(row.quantity))


def standing(rows: Iterable[Row], *, open: bool, unprotected: bool) -> list[Row]:
    """Of some rows those that hold their slot or are strays, or those that need a stop; or all."""
    return [
        row for row in rows if (not open or row.status.is_open or row.stray) and (not unprotected or needs_stop(row))
    ]


def is_bare(row: PositionRow) -> bool:
    """Whether something is held, for certain, without a confirmed stop, and not by choice; or is a stray."""
    return row.stray or (bool(row.quantity) and needs_stop(row))


def exposure_words(row: Listed) -> str | None:
    """How every command says that what is held has no stop at the exchange; None while it has one, or nothing is."""
    if row.stray:
        return f"{STRAY}, {UNPROTECTED}"
    if is_by_choice(row):
        return BY_CHOICE
    return UNPROTECTED if is_covered(row) is False else None


def taken_over_at(row: Listed, events: Iterable[e.PositionEvent]) -> datetime | None:
    """When a later cycle of the key took over what a stray holds; None while nobody has seen to it.

    A fill is part of what the exchange says of the key once it has happened: with an adoption or a correction of a
    later cycle, or with the proof that one was rolled back to nothing.
    """
    known = list(events)
    came_at = _grew_at(event for event in known if event.cycle == row.cycle)
    return next(
        (
            event.ts_event
            for event in known
            if event.cycle > row.cycle and event.ts_event >= came_at and _says_what_is_held(event)
        ),
        None,
    )


def _grew_at(cycle: Iterable[e.PositionEvent]) -> datetime:
    """When a cycle began to hold what it holds: a fee or an exit that is learned of later changes nothing of it."""
    held, grew_at = Decimal(0), None
    for event in cycle:
        holding: Holding | None = getattr(event, "holding", None)
        if holding is None:
            continue
        if holding.quantity > held:
            grew_at = event.ts_event
        held = holding.quantity
    assert grew_at is not None, "a stray holds something"
    return grew_at


def _says_what_is_held(event: e.PositionEvent) -> bool:
    match event:
        case e.RolledBack():
            return event.evidence.position_quantity == 0
        case e.PositionAdopted():
            return event.trade_id is None  # else it is the rest of a fill that turned a position
        case e.PositionAdjusted():
            return not event.price_only
    return False
