"""The clocks of the ledger: the time, and a clock that is never set, for how long something lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple


def now() -> datetime:
    """The time of this machine, aware and UTC. It may be set, forward or back, between two readings."""
    return datetime.now(UTC)


class ClockReading(NamedTuple):
    """The time, and the seconds on a clock that is never set, from which it follows how long something has lasted."""

    at: datetime
    monotonic: float

    def until(self, later: ClockReading) -> timedelta:
        """How long it was from this moment until a later one of the same process, however the time was set between."""
        return timedelta(seconds=later.monotonic - self.monotonic)


def monotonic_beside(clock: Callable[[], datetime]) -> Callable[[], float]:
    """The clock for durations that goes with one for the time: the machine's own, or what a test moves."""
    return time.monotonic if clock is now else lambda: clock().timestamp()
