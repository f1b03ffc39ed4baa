"""One follower of a ledger for all browsers: it makes a new view when an event arrives, and every second."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.errors import LedgerError, PastLost, StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.subscription import Subscription
from infrastructure.ledger_clock import now
from infrastructure.operations.health import Question, elsewhere
from projections.formatting import date_and_time
from projections.health import diagnosis
from projections.health.checks import Section
from projections.health.ledger_status import LedgerStatus
from projections.reconciliation.result import ReconciliationRules
from scripts.options.filters import Filter, unheard
from scripts.serving.live_view import LiveView, Silence

LOOK_SECONDS: Final = 1.0
"""The time between two views while no event arrives: a step can become late just by the passing of time."""
BUSY_SECONDS: Final = 0.2
"""The least time between two views while events arrive."""
RECENT_MAX: Final = 20


class LedgerFollower:
    """Follows a ledger in one thread, and publishes views of it."""

    def __init__(self, ledger: PositionLedger, wanted: Filter, age: timedelta) -> None:
        """Make the first view. Refuses: StoreUnavailable and its subclasses, when the database does not answer."""
        self.ledger, self.wanted, self.age = ledger, wanted, age
        self._stopped = threading.Event()
        self._recent: deque[HistoryEntry] = deque(maxlen=RECENT_MAX)
        self._is_heard = False
        self._unread: Section | None = None
        self._lost: Section | None = None
        self.view = self._new_view()
        self._log = self._subscribed()

    def run(self, publish: Callable[[LiveView], None]) -> None:
        """Make views and read events in turn until it is stopped; `publish` gets every view, in this thread."""
        try:
            while not self._stopped.is_set():
                self._update_view()
                publish(self.view)
                self._follow()
        finally:
            self._log.close()

    def stop(self) -> None:
        """Stop it, from any thread."""
        self._stopped.set()

    def _subscribed(self) -> Subscription:
        end = self.ledger.store.high_water_mark()
        return self.ledger.subscribe(after=max(0, end - RECENT_MAX), patience_seconds=0)

    def _update_view(self) -> None:
        try:
            self.view = self._new_view()
        except LedgerError as error:
            self.view = replace(self.view, silence=_silence(error))

    def _new_view(self) -> LiveView:
        """The state now. A snapshot opens a file anew, because an open connection may answer from its cached pages."""
        at, store = now(), self.ledger.store
        with store.settled() as place:
            with nullcontext() if store.is_remote else store.snapshot():
                rows = [row for row in self.ledger.positions(open=True) if self.wanted.takes(row)]
            beside = self.beside(at)
            words = self._unheard_words()
        status, recent = LedgerStatus.of(rows, at, self.age, beside), tuple(reversed(self._recent))
        return LiveView(status, place, recent, words)

    def beside(self, at: datetime) -> tuple[Section, ...]:
        """What is wrong beside single cycles: as `status` finds it, and what this follower met in the log."""
        question = Question(now=at, age=self.age, rules=ReconciliationRules(), verifies=False)
        return *elsewhere(self.ledger, question), *filter(None, (self._unread, self._lost))

    def _unheard_words(self) -> str | None:
        """That nothing was ever recorded of what is wanted; it is not looked for any more once something was."""
        if self._is_heard:
            return None
        words = unheard(self.wanted, self.ledger.store)
        self._is_heard = words is None and self.ledger.store.high_water_mark() > 0
        return words

    def _follow(self) -> None:
        """Read events until the next view is due; an error is part of that view."""
        began_at = time.monotonic()
        due = began_at + LOOK_SECONDS
        while not self._stopped.is_set() and time.monotonic() < due:
            try:
                if self._read_event():
                    due = min(due, began_at + BUSY_SECONDS)
            except LedgerError as error:
                self._handle(error)
                self._stopped.wait(LOOK_SECONDS)
                return

    def _read_event(self) -> bool:
        """Add the next event to the recent ones; False if there is none."""
        entry = self._log.ready()
        if entry is None:
            self._log.go_on()
            return False
        self._recent.append(entry)
        self._unread = None
        return True

    def _handle(self, error: LedgerError) -> None:
        if isinstance(error, StoreUnavailable):
            return  # the next view meets the same error, or the database is back by then
        if not isinstance(error, PastLost):
            self._unread = diagnosis.unread_history(error.message)
            return
        try:
            subscription = self._subscribed()
        except StoreUnavailable:
            return  # as above
        self._lost = diagnosis.unread_history(f"as was noticed at {date_and_time(now())} UTC, {error.message}")
        self._recent.clear()
        self._log.close()
        self._log = subscription


def _silence(error: LedgerError) -> Silence:
    is_away = isinstance(error, StoreUnavailable)
    heading = "the database does not answer" if is_away else "the ledger cannot be read"
    return Silence(heading, f"{type(error).__name__}: {error.message}")
