"""How long a cycle may take over each step before what is missing counts as missing."""

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
and 30 s without a stop are critical. Whatever is active is done with its entry, so nothing may be missing."""

UNDER_WAY: Final = (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL, Status.ROLLING_BACK)
"""Statuses in which a bot is at work on a cycle."""

SHOWN: Final = timedelta(seconds=20)
"""How long after it was sent an order may still appear, though every question about it was answered with no: as long as
any exchange of ours takes, each for a reason that stands beside its name in `docs/exchanges.md`."""

SETTLING: Final = timedelta(seconds=60)
"""How old a cycle must be before its absence at the exchange can be a reason to close it."""


def later(moment: datetime, by: timedelta) -> datetime:
    """So much later, or the last moment that can be said: a stored time may be absurd, and is shown all the same."""
    try:
        return moment + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def is_overdue(row: PositionRow, at: datetime, now: datetime | None = None) -> bool:
    """Whether an open cycle has had, by some moment (now, unless another is said), all the time that its status allows.

    One that began at a time that is yet to come has none to wait for.
    """
    began = row.updated_at if row.status is Status.ROLLING_BACK else row.opened_at
    return at - began >= DEADLINES[row.status] or is_yet_to_come(began, now or at)


def is_settled(row: PositionRow, at: datetime, now: datetime) -> bool:
    """Whether a cycle is old enough, at some moment, for an exchange to show it reliably, as far as its time says."""
    return at - row.opened_at >= SETTLING or is_yet_to_come(row.opened_at, now)
