"""When something is held without a confirmed stop that covers it: the one rule for every command that reports it.

A clock may run back. So an event counts at its own time, but not before the time at which the event recorded before it
counts, because its change was not known earlier. Therefore no gap has a negative length, and gaps do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from domain import events as e
from domain.alteration import TypedStruct
from domain.holding import Holding
from domain.orders.cycle_orders import covered_by, stops_at_work
from domain.values import Instant, plain
from projections.listed_row import Listed
from projections.positions import PositionRow

Row = TypeVar("Row", bound=Listed)

UNPROTECTED: Final = "UNPROTECTED"
"""Something is held without a confirmed stop that covers it, and there should be one."""
BY_CHOICE: Final = "unprotected by choice"
"""Something is held without a stop at the exchange, because its bot keeps the stop itself."""
IF_HELD: Final = "unprotected if held"
"""Nothing is on record as held, as while no fill of an entry is; if something is, no stop is known to cover it."""
STRAY: Final = "STRAY"
"""Something is held in a cycle that is over."""


class Gap(TypedStruct, frozen=True, gc=False):
    """A period in which something was held without a confirmed stop that covered it."""

    began: Instant
    ended: Instant

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.ended - self.began


def counted_at(event: e.PositionEvent, before: datetime | None) -> datetime:
    """The time at which an event counts; `before` is that of the event recorded before it, None for the first one."""
    return event.ts_event if before is None else max(event.ts_event, before)


def is_by_choice(row: Listed) -> bool:
    """Whether an open cycle holds something without a stop because its bot keeps the stop itself; this is no alarm."""
    return row.status.is_open and bool(row.quantity) and not row.protected and row.protection == "bot"


def is_covered(row: Listed) -> bool | None:
    """Whether what is held is protected; None if nothing is held, or by choice. A stray is never protected."""
    return row.protected if row.quantity and not is_by_choice(row) else None


def needs_stop(row: Listed) -> bool:
    """Whether something is, or may be, held without a confirmed stop, and not by choice; also true of a stray.

    Nobody but its bot knows whether a requested entry was sent, so from its request on something may be held.
    """
    return row.stray or (row.status.is_open and not row.protected and row.protection == "exchange")


def standing(rows: Iterable[Row], *, open: bool, unprotected: bool) -> list[Row]:
    """The rows that are open or strays (`open`), that need a stop (`unprotected`), or both; without either, all."""
    return [
        row for row in rows if (not open or row.status.is_open or row.stray) and (not unprotected or needs_stop(row))
    ]


def is_bare(row: PositionRow) -> bool:
    """Whether something certainly is held without a confirmed stop, and not by choice; also true of a stray."""
    return bool(row.quantity) and needs_stop(row)


def exposed_at(row: PositionRow) -> datetime:
    """Since when something is held without a confirmed stop; since it was opened, where a row does not say it."""
    return row.unprotected_since or row.opened_at


def is_bare_if_held(row: PositionRow) -> bool:
    """Whether nothing is on record as held, and no confirmed stop is known to cover it if something is."""
    return not row.quantity and needs_stop(row)


def why_uncovered(row: PositionRow) -> str:
    """Why the confirmed stops of an open position do not cover it."""
    if row.avg_px_open is None:
        return "the average entry is not known"
    stops = stops_at_work(row.orders, row.side, row.avg_px_open)
    covered = covered_by(stops)
    if not stops or covered is None:
        return "a stop on the wrong side of the entry"
    return f"{'stops' if len(stops) > 1 else 'a stop'} for only {plain(covered)} of {plain(row.quantity)}"


def exposure_words(row: Listed) -> str | None:
    """The words by which every command says that what is, or may be, held has no stop; None if it has one."""
    if row.stray:
        return f"{STRAY}, {UNPROTECTED}"
    if is_by_choice(row):
        return BY_CHOICE
    if not needs_stop(row):
        return None
    return UNPROTECTED if row.quantity else IF_HELD


def taken_over_at(row: Listed, events: Iterable[e.PositionEvent]) -> datetime | None:
    """When a later cycle of the key took over what a stray holds; None while none has.

    The exchange reports one position for a key, and the stray's fill is part of it. So the stray is taken over when a
    later cycle records what the exchange reports after that fill: by an adoption, by an adjustment of the quantity, or
    by a rollback with the proof that nothing is left.
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
    """When a cycle's quantity grew last: a fee or an exit that is recorded later does not count."""
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
            return event.trade_id is None  # with a trade id, it is the rest of a fill that turned a position
        case e.PositionAdjusted():
            return not event.price_only
    return False
