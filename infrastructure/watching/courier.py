"""A courier: sends notices to one sink, one batch at a time; while the sink is down, it tries again and again."""

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
"""The pause before the next try: it doubles after each failure, up to this."""
DOWN_AFTER: Final = timedelta(minutes=1)
"""When a sink has taken nothing for so long, that is an alarm for the other sinks."""


@dataclass(frozen=True)
class _Outage:
    since: ClockReading
    failures: int
    reason: str


class Courier:
    """Sends to one sink in a thread of its own. All else is done in the thread that calls, so nothing is shared."""

    def __init__(
        self, sink: AlarmSink, done: Callable[[], None], say: Callable[[str], None], moment: Callable[[], ClockReading]
    ) -> None:
        """`done` is called in the sending thread when a batch was delivered or has failed; `say` reports failures."""
        self._sink, self._done, self._say, self._moment = sink, done, say, moment
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"courier {sink.name}")
        self._sending: tuple[Future[None], list[Notice]] | None = None
        self._outage: _Outage | None = None
        self._next_try = 0.0

    @property
    def name(self) -> str:
        """The name of its sink."""
        return self._sink.name

    @property
    def is_down(self) -> bool:
        """Whether the last batch was not delivered."""
        return self._outage is not None

    def is_idle(self, book: AlarmBook, at: datetime, again: timedelta) -> bool:
        """Whether no batch is being sent and no notice is due."""
        return self._sending is None and not book.due(self.name, at, again, 1)

    def settle(self, book: AlarmBook, at: datetime) -> bool:
        """Note in the book which notices the sink has taken since the last call; returns whether there were any."""
        if self._sending is None or not self._sending[0].done():
            return False
        future, notices = self._sending
        self._sending = None
        try:
            future.result()
        except DeliveryFailed as failed:
            self._postpone(failed)
            return False
        if self._outage is not None:
            self._say(f"{self.name}: takes notices again, after {length(self._outage.since.until(self._moment()))}")
        self._outage = None
        book.was_told(self.name, notices, at)
        return True

    def _postpone(self, failed: DeliveryFailed) -> None:
        before = self._outage or _Outage(self._moment(), 0, "")
        self._outage = _Outage(before.since, before.failures + 1, str(failed))
        doubled = min(PAUSE_SECONDS * 2 ** min(before.failures, 10), PAUSE_SECONDS_MAX)
        pause_seconds = max(doubled, failed.retry_after or 0.0)
        self._next_try = time.monotonic() + pause_seconds
        self._say(f"{self.name}: not delivered: {failed}; tried again in {pause_seconds:g} s")

    def offer(
        self, book: AlarmBook, batch: Callable[[list[Notice]], NoticeBatch], at: datetime, again: timedelta
    ) -> None:
        """Begin to send the notices that are due, unless a batch is being sent or the pause after a failure lasts."""
        if self._sending is not None or time.monotonic() < self._next_try:
            return
        if notices := book.due(self.name, at, again, self._sink.notices_max):
            future = self._pool.submit(self._sink.send, batch(notices))
            self._sending = (future, notices)
            future.add_done_callback(lambda _: self._done())

    def trouble(self, moment: ClockReading) -> Section:
        """The finding about this sink: a warning once it has been down for DOWN_AFTER."""
        outage = self._outage
        if outage is None or outage.since.until(moment) < DOWN_AFTER:
            return Section(Check.WATCH, f"{self.name} takes its notices")
        message = f"takes nothing for {length(outage.since.until(moment))}, {outage.failures} tries: {outage.reason}"
        advice = "its notices stay due; repair the sink, or start the watch without it"
        symptom = Symptom(Severity.WARNING, f"sink {self.name}", message, advice, outage.since.at)
        return Section(Check.WATCH, f"{self.name} is down", (symptom,))

    def close(self) -> None:
        """Send nothing more, and wait for the batch that is being sent: every sink ends in bounded time."""
        self._pool.shutdown()
