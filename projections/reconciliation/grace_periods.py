"""Grace periods: how long each step of a cycle may take before something counts as missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.values import Status, is_yet_to_come
from projections.positions import PositionRow

DEADLINES: Final = {
    Status.PENDING_ENTRY: timedelta(seconds=60),
    Status.ENTRY_PLACED: timedelta(seconds=30),
    Status.PENDING_SL: timedelta(seconds=30),
    Status.ACTIVE: timedelta(),
    Status.ROLLING_BACK: timedelta(seconds=60),
}
"""By status: an alarm 6 s into an entry is noise (I-15), a position is not always visible 20 s after its fill (I-11),
and 30 s without a stop are critical. The entry of an active cycle is done, so nothing may be missing."""

UNDER_WAY: Final = (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL, Status.ROLLING_BACK)
"""Statuses in which a bot is at work on a cycle."""

SHOWN: Final = timedelta(seconds=20)
"""How long after it was sent an order may still appear although every lookup found nothing: the longest time of
all our exchanges; `docs/exchanges.md` gives the reason for each."""

SETTLING: Final = timedelta(seconds=60)
"""How old a cycle must be before its absence at the exchange can be a reason to close it."""


def later(moment: datetime, by: timedelta) -> datetime:
    """`moment` plus `by`, or the last moment of the calendar: a stored time may be absurd, but must be shown."""
    try:
        return moment + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def is_overdue(row: PositionRow, at: datetime, now: datetime | None = None) -> bool:
    """Whether the grace period of an open cycle's status had ended at a moment.

    A cycle that began in the future, by `now` (or else by the moment), is overdue at once.
    """
    began = row.updated_at if row.status is Status.ROLLING_BACK else row.opened_at
    return at - began >= DEADLINES[row.status] or is_yet_to_come(began, now or at)


def is_settled(row: PositionRow, at: datetime, now: datetime) -> bool:
    """Whether a cycle was old enough at a moment for an exchange to show it reliably; also one opened in the future."""
    return at - row.opened_at >= SETTLING or is_yet_to_come(row.opened_at, now)
