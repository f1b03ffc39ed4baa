"""Waiting for new events: how often to poll a log that does not notify, and how a wait is ended."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

POLL_SECONDS: Final = 0.05


class Stop:
    """Whether something is to end, and the wait for that; it is set once, by any thread or by a signal handler.

    A handler may be called in the middle of the wait. An Event of Python has a lock there, for which it would wait for
    ever.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._told: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def set(self) -> None:
        """End every wait, and those to come."""
        self._is_set = True
        self._told.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, `seconds` at most; returns whether it was."""
        if not self._is_set:
            with suppress(Empty):
                self._told.put(self._told.get(timeout=seconds))  # for whoever else waits
        return self._is_set


class Wakeups:
    """The wait between two reads of a log whose writers do not notify."""

    def wait(self, stopped: Stop) -> bool:
        """Wait for one poll interval, or until `stopped` is set; returns whether it is time to read the log."""
        stopped.wait(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Release what it waits on; polling has nothing to release."""
