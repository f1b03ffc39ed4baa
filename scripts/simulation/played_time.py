"""The clocks of a scenario: one moves only while a bot waits, the other runs faster than real time."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Final

from infrastructure.ledger_clock import now

SPEED: Final = 50
"""Seconds of a scenario in one real second: twenty seconds of an exchange take less than half a second."""


class WaitedTime:
    """A clock that moves only when a bot waits, and then at once: a slow machine plays a scenario in the same way."""

    def __init__(self, at: datetime | None = None) -> None:
        """Start at a time in UTC, by default now."""
        self._at, self._lock = at or now(), threading.Lock()

    def __call__(self) -> datetime:
        """The time now."""
        with self._lock:
            return self._at

    def sleep(self, seconds: float) -> None:
        """Move the clock on, for all bots."""
        with self._lock:
            self._at += timedelta(seconds=seconds)


class FastTime:
    """A clock that runs SPEED times as fast as real time."""

    def __init__(self) -> None:
        self._at, self._began = now(), time.monotonic()

    def __call__(self) -> datetime:
        """The time now."""
        return self._at + timedelta(seconds=(time.monotonic() - self._began) * SPEED)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds / SPEED)


PlayedTime = WaitedTime | FastTime
"""The clock that all bots of a scenario share."""
