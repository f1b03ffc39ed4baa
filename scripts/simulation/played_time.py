"""Time as it passes in a play: as far as somebody waits, or faster than on the wall."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Final, Protocol

from infrastructure.ledger_clock import now

SPEED: Final = 50
"""Seconds of a play in one on the wall: what takes an exchange twenty seconds is over in less than half a one."""


class PlayedTime(Protocol):
    """What says the time to everybody in a play, and lets it pass."""

    def __call__(self) -> datetime:
        """What time it is."""

    def sleep(self, seconds: float) -> None:
        """Let time pass. Units: seconds of the play."""


class WaitedTime:
    """It stands while anybody works, and passes at once when somebody waits: a slow machine plays the same."""

    def __init__(self, at: datetime | None = None) -> None:
        """Stand at a time in UTC; it is now, unless another is said."""
        self._at, self._lock = at or now(), threading.Lock()

    def __call__(self) -> datetime:
        """What time it is."""
        with self._lock:
            return self._at

    def sleep(self, seconds: float) -> None:
        """Let time pass, for everybody."""
        with self._lock:
            self._at += timedelta(seconds=seconds)


class FastTime:
    """It passes for everybody at once, as on the wall, only faster."""

    def __init__(self) -> None:
        self._at, self._began = now(), time.monotonic()

    def __call__(self) -> datetime:
        """What time it is."""
        return self._at + timedelta(seconds=(time.monotonic() - self._began) * SPEED)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds / SPEED)
