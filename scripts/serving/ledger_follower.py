"""One follower of a ledger for all browsers: it looks again when an event came, and every second all the same."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.errors import LedgerError, PastLost, StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.subscription import Subscription
from infrastructure.ledger_clock import now
from projections.health.ledger_status import LedgerStatus
from scripts.options.filters import Filter
from scripts.serving.live_view import LiveView, LostPast

LOOK_SECONDS: Final = 1.0
"""How often is looked while nothing happens: what is unfinished becomes late by the clock alone."""
BUSY_SECONDS: Final = 0.2
"""How long lies between two looks at least, while events come."""
RECENT_MAX: Final = 20


class LedgerFollower:
    """Follows a ledger in one thread, and hands out a view after every look."""

    def __init__(self, ledger: PositionLedger, wanted: Filter, age: timedelta) -> None:
        """Look once. Refuses: StoreUnavailable and its kinds, when the database does not answer."""
        self.ledger, self.wanted, self.age = ledger, wanted, age
        self._stopped = threading.Event()
        self._recent: deque[HistoryEntry] = deque(maxlen=RECENT_MAX)
        self._trouble: str | None = None
        self._lost: LostPast | None = None
        self.view = self._seen()
        self._log = self._subscribed()

    def run(self, publish: Callable[[LiveView], None]) -> None:
        """Look and follow by turns until it is stopped; every view is handed to `publish`, in this thread."""
        try:
            while not self._stopped.is_set():
                self._look()
                publish(self.view)
                self._follow()
        finally:
            self._log.close()

    def stop(self) -> None:
        """End it, from any thread."""
        self._stopped.set()

    def _subscribed(self) -> Subscription:
        end = self.ledger.store.high_water_mark()
        return self.ledger.subscribe(after=max(0, end - RECENT_MAX), patience_seconds=0)

    def _look(self) -> None:
        try:
            self.view = self._seen()
        except LedgerError as error:
            self.view = replace(self.view, silence=_said(error))

    def _seen(self) -> LiveView:
        """How it stands; a file is opened anew for it, for a connection goes on with the pages that it remembers."""
        at, store = now(), self.ledger.store
        with store.settled() as place, nullcontext() if store.is_remote else store.snapshot():
            rows = [row for row in self.ledger.positions(open=True) if self.wanted.takes(row)]
        status, recent = LedgerStatus.of(rows, at, self.age), tuple(reversed(self._recent))
        return LiveView(status, place, recent, self._trouble, self._lost)

    def _follow(self) -> None:
        """Take in what comes until it is time to look again; what keeps it from that is told by the next look."""
        looked_at = time.monotonic()
        due = looked_at + LOOK_SECONDS
        while not self._stopped.is_set() and time.monotonic() < due:
            try:
                if self._is_taken_in():
                    due = min(due, looked_at + BUSY_SECONDS)
            except LedgerError as error:
                self._meet(error)
                self._stopped.wait(LOOK_SECONDS)
                return

    def _is_taken_in(self) -> bool:
        entry = self._log.ready()
        if entry is None:
            self._log.go_on()
            return False
        self._recent.append(entry)
        return True

    def _meet(self, error: LedgerError) -> None:
        if isinstance(error, StoreUnavailable):
            return  # the next look meets it too, or it is over by then
        if not isinstance(error, PastLost):
            self._trouble = _said(error)
            return
        try:
            anew = self._subscribed()
        except StoreUnavailable:
            return  # as above
        self._lost = LostPast(now(), error.message)
        self._recent.clear()
        self._log.close()
        self._log = anew


def _said(error: LedgerError) -> str:
    return f"{type(error).__name__}: {error.message}"
