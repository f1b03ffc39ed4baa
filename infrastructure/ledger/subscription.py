"""Following the log: every event once and in order, those that are there and then those that come."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from domain.errors import StoreUnavailable
from infrastructure.event_store.opener import LedgerClosed, OpenedElsewhere
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.wakeups import POLL_SECONDS, Wakeups
from infrastructure.ledger.history import HistoryEntry

BATCH_EVENTS: Final = 2_000
PATIENCE_SECONDS: Final = 300.0


class Subscription(Iterator[HistoryEntry]):
    """The events of a log past a place, in log order, for one reader.

    Shape:   only what is settled is handed out: no event can appear before it any more. Keep the `nid` of an event
             with whatever was made of it, and subscribe `after` it to go on.
    Source:  the log is looked at every 50 ms, or where appends notify (`?notify=1`) as soon as one does.
    Ends:    when it is stopped, or its ledger disconnected; or after nothing new came for `timeout_seconds`, where 0
             takes what is there and None waits for ever. What has ended stays so.
    Refuses: StoreUnavailable, when the log could not be read for `patience_seconds`; HistoryDamaged at an event that
             cannot be read, as often as it is asked for the next one.
    """

    def __init__(
        self,
        store: Store,
        wakeups: Wakeups,
        *,
        after: int = 0,
        timeout_seconds: float | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        self._store, self._wakeups, self._batch_events = store, wakeups, batch_events
        self._timeout_seconds, self._patience_seconds = timeout_seconds, patience_seconds
        self._nid = after
        self._read: deque[RecordedEvent] = deque()
        self._stopped = threading.Event()
        self._is_time = True
        self._quiet_since: float | None = None
        self._unread_since: float | None = None
        self._let_go = weakref.finalize(self, wakeups.close)

    def __next__(self) -> HistoryEntry:
        """The next event, waited for."""
        while (entry := self.ready()) is None:
            if self.is_over:
                self.close()
                raise StopIteration
            self.go_on()
        return entry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_over(self) -> bool:
        """Whether nothing is handed out any more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End it, from any thread; a reader that waits for the next event returns within a moment."""
        self._stopped.set()

    def close(self) -> None:
        """End it in the thread that reads it, and release what it waited on."""
        self.stop()
        self._let_go()

    def ready(self) -> HistoryEntry | None:
        """An event that is read already."""
        if self.is_over or not self._read:
            return None
        entry = HistoryEntry.of(self._read[0])
        self._read.popleft()
        return entry

    def go_on(self) -> None:
        """Read the log if it is time to, else wait for a moment."""
        if not self._is_time:
            self._is_time = self._wakeups.wait(self._stopped) or self._is_late()
            return
        try:
            batch = list(self._store.log(after=self._nid, limit=self._batch_events))
        except OpenedElsewhere:
            raise
        except LedgerClosed:
            if self.is_over:
                return
            raise
        except StoreUnavailable:
            if self._has_patience():
                return
            raise
        self._unread_since = None
        if batch:
            self._read.extend(batch)
            self._nid, self._quiet_since = batch[-1].id, None
            return
        if self._quiet_since is None:
            self._quiet_since = time.monotonic()
        self._is_time = False
        if self._is_late():
            self.stop()

    def _is_late(self) -> bool:
        waited = 0.0 if self._quiet_since is None else time.monotonic() - self._quiet_since
        return self._timeout_seconds is not None and waited >= self._timeout_seconds

    def _has_patience(self) -> bool:
        """Wait before a failed read is tried again; False when that has lasted too long."""
        if self._unread_since is None:
            self._unread_since = time.monotonic()
        return self._stopped.wait(POLL_SECONDS) or time.monotonic() - self._unread_since <= self._patience_seconds
