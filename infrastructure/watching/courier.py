"""A courier: brings one sink what it is to be told, one batch at a time, and tries again later when it is down."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from infrastructure.ledger_clock import ClockReading
from infrastructure.watching.sinks.sink import AlarmSink, DeliveryFailed, NoticeBatch
from projections.formatting import length
from projections.health.alarm import Notice
from projections.health.alarm_book import AlarmBook
from projections.health.checks import Check, Section, Severity, Symptom

PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS_MAX: Final = 60.0
"""How long is waited before the next try: twice as long each time, up to a minute."""
DOWN_AFTER: Final = timedelta(minutes=1)
"""A sink that takes nothing for so long is told to the others."""


@dataclass(frozen=True)
class _Outage:
    since: ClockReading
    failures: int
    reason: str


class Courier:
    """What is told to one sink. All but the sending is done in the thread that calls, so nothing is shared."""

    def __init__(
        self, sink: AlarmSink, done: Callable[[], None], say: Callable[[str], None], moment: Callable[[], ClockReading]
    ) -> None:
        """`done` is called in another thread when a batch was taken or not; `say` tells of what fails."""
        self._sink, self._done, self._say, self._moment = sink, done, say, moment
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"courier {sink.name}")
        self._sending: tuple[Future[None], list[Notice]] | None = None
        self._outage: _Outage | None = None
        self._next_try = 0.0

    @property
    def name(self) -> str:
        """That of its sink."""
        return self._sink.name

    @property
    def is_down(self) -> bool:
        """Whether the last batch was not taken."""
        return self._outage is not None

    def is_idle(self, book: AlarmBook, at: datetime, again: timedelta) -> bool:
        """Whether nothing is under way, and nothing is to be told."""
        return self._sending is None and not book.due(self.name, at, again, 1)

    def settle(self, book: AlarmBook, at: datetime) -> bool:
        """Write into the book what the sink took meanwhile; whether there was anything."""
        if self._sending is None or not self._sending[0].done():
            return False
        future, notices = self._sending
        self._sending = None
        try:
            future.result()
        except DeliveryFailed as failed:
            self._put_off(failed)
            return False
        if self._outage is not None:
            self._say(f"{self.name}: takes notices again, after {length(self._outage.since.until(self._moment()))}")
        self._outage = None
        book.was_told(self.name, notices, at)
        return True

    def _put_off(self, failed: DeliveryFailed) -> None:
        before = self._outage or _Outage(self._moment(), 0, "")
        self._outage = _Outage(before.since, before.failures + 1, str(failed))
        doubled = min(PAUSE_SECONDS * 2 ** min(before.failures, 10), PAUSE_SECONDS_MAX)
        pause_seconds = max(doubled, failed.retry_after or 0.0)
        self._next_try = time.monotonic() + pause_seconds
        self._say(f"{self.name}: not delivered: {failed}; tried again in {pause_seconds:g} s")

    def offer(
        self, book: AlarmBook, batch: Callable[[list[Notice]], NoticeBatch], at: datetime, again: timedelta
    ) -> None:
        """Send what is due, unless something is under way or it is too early to try again."""
        if self._sending is not None or time.monotonic() < self._next_try:
            return
        if notices := book.due(self.name, at, again, self._sink.most):
            future = self._pool.submit(self._sink.send, batch(notices))
            self._sending = (future, notices)
            future.add_done_callback(lambda _: self._done())

    def trouble(self, moment: ClockReading) -> Section:
        """Whether its sink is down, for the others to be told."""
        outage = self._outage
        if outage is None or outage.since.until(moment) < DOWN_AFTER:
            return Section(Check.WATCH, f"{self.name} takes what it is told")
        message = f"takes nothing for {length(outage.since.until(moment))}, {outage.failures} tries: {outage.reason}"
        advice = "what it is not told stays due; mend the sink, or start the watch without it"
        symptom = Symptom(Severity.WARNING, f"sink {self.name}", message, advice, outage.since.at)
        return Section(Check.WATCH, f"{self.name} is down", (symptom,))

    def close(self) -> None:
        """Take nothing more, and wait for what is under way: every sink is done in bounded time."""
        self._pool.shutdown()
