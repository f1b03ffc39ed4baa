"""Delayed work of a simulated exchange: it is done a number of calls later, or when the longest delay is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CallMoment:
    """A moment: the number of calls up to it, and its time."""

    call: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Late:
    since: CallMoment
    calls: int
    happen: Callable[[], None]


class Delays:
    """Counts calls, and does delayed work when enough calls were made; not thread-safe.

    Units: work that has waited for `longest` is due, however few calls there were.
    """

    def __init__(self, clock: Callable[[], datetime], longest: timedelta) -> None:
        self._clock, self._longest = clock, longest
        self._calls = 0
        self._late: list[_Late] = []

    def moment(self) -> CallMoment:
        """The present moment, for `is_past`."""
        return CallMoment(self._calls, self._clock())

    def is_past(self, since: CallMoment, calls: int) -> bool:
        """Whether `calls` calls were made since a moment, or `longest` has passed."""
        return self._calls - since.call >= calls or self._clock() - since.at >= self._longest

    def later(self, calls: int, happen: Callable[[], None]) -> None:
        """Delay some work by a number of calls."""
        self._late.append(_Late(self.moment(), calls, happen))

    def count_call(self) -> None:
        """Count a call, and do the work that is due by it."""
        self._calls += 1
        due = [late for late in self._late if self.is_past(late.since, late.calls)]
        self._late = [late for late in self._late if late not in due]
        for late in due:
            late.happen()

    def end(self) -> None:
        """Do all delayed work now."""
        while self._late:
            self._late.pop(0).happen()
