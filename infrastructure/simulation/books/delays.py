"""What is late at a simulated exchange: it happens some calls later, or when its time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CallMoment:
    """How many calls there had been, and what time it was."""

    call: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Late:
    since: CallMoment
    calls: int
    happen: Callable[[], None]


class Delays:
    """The calls so far, and whatever waits for some more of them; not thread-safe.

    Units: after `longest` nothing is late any more, however few calls there were.
    """

    def __init__(self, clock: Callable[[], datetime], longest: timedelta) -> None:
        self._clock, self._longest = clock, longest
        self._calls = 0
        self._late: list[_Late] = []

    def moment(self) -> CallMoment:
        """This moment, to be asked about later."""
        return CallMoment(self._calls, self._clock())

    def is_past(self, since: CallMoment, calls: int) -> bool:
        """Whether there were so many calls since a moment, or its time is over."""
        return self._calls - since.call >= calls or self._clock() - since.at >= self._longest

    def later(self, calls: int, happen: Callable[[], None]) -> None:
        """Let something happen so many calls from now."""
        self._late.append(_Late(self.moment(), calls, happen))

    def count_call(self) -> None:
        """Count one more call; what is due happens before anything else in it."""
        self._calls += 1
        due = [late for late in self._late if self.is_past(late.since, late.calls)]
        self._late = [late for late in self._late if late not in due]
        for late in due:
            late.happen()

    def end(self) -> None:
        """Let everything that is late happen now."""
        while self._late:
            self._late.pop(0).happen()
