"""Following the log: every event once and in order, first those that exist, then new ones."""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from domain.errors import PastLost, StoreUnavailable
from infrastructure.event_store.opener import LedgerClosed, OpenedElsewhere
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent, StreamEnd
from infrastructure.event_store.wakeups import POLL_SECONDS, Stop, Wakeups
from infrastructure.ledger.questions.history import HistoryEntry

BATCH_EVENTS: Final = 2_000
PATIENCE_SECONDS: Final = 300.0


class Subscription(Iterator[HistoryEntry]):
    """The events of a log after a `nid`, in log order, for one reader.

    Shape:   an event is handed out only when no event can appear before it any more. Store its `nid` together with
             what you made of the event, and subscribe `after` it to go on. If you store its `hash` as well, an event
             that was lost meanwhile is noticed.
    Source:  the log is polled every 50 ms, or read as soon as an append notifies (`?notify=1`).
    Ends:    when it is stopped, when its ledger is disconnected, or when no new event came for `timeout_seconds`: 0
             reads only what exists, None waits for ever. It cannot be started again.
    Refuses: StoreUnavailable when the log could not be read for `patience_seconds`; HistoryDamaged at an event that
             cannot be read, and PastLost when the last event that was read is no longer in the log: both are raised
             again at every further attempt to read.
    """

    def __init__(
        self,
        store: Store,
        wakeups: Wakeups,
        *,
        after: int = 0,
        after_hash: str | None = None,
        timeout_seconds: float | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        self._store, self._wakeups, self._batch_events = store, wakeups, batch_events
        self._timeout_seconds, self._patience_seconds = timeout_seconds, patience_seconds
        self._nid, self._hash = after, after_hash
        self._end: StreamEnd | None = None
        self._read: deque[RecordedEvent] = deque()
        self._stopped = Stop()
        self._is_time = True
        self._quiet_since: float | None = None
        self._unread_since: float | None = None
        self._release = weakref.finalize(self, wakeups.close)

    def __next__(self) -> HistoryEntry:
        """Wait for the next event."""
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
        """Whether it has ended: no further event is handed out."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End it, also from a signal handler; a reader that waits for the next event returns within a moment."""
        self._stopped.set()

    def close(self) -> None:
        """End it in the thread that reads it, and release the connection on which it waits for notifications."""
        self.stop()
        self._release()

    def ready(self) -> HistoryEntry | None:
        """The next event, if it has been read already; else None."""
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
            batch = self._next_batch()
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
            self._remember(batch[-1])
            self._quiet_since = None
            return
        if self._quiet_since is None:
            self._quiet_since = time.monotonic()
        self._is_time = False
        if self._is_late():
            self.stop()

    def _next_batch(self) -> list[RecordedEvent]:
        """Read the next batch. The last event is read again, to notice whether the log was replaced meanwhile."""
        read = list(self._store.log(after=max(0, self._nid - 1), limit=self._batch_events + 1))
        if self._nid <= 0:
            return read[: self._batch_events]
        last = read.pop(0) if read and read[0].id == self._nid else None
        if self._hash is None:
            if last is not None:
                self._remember(last)
            elif not read and (end := self._store.high_water_mark()) < self._nid:
                raise self._lost(f"the log ends at nid {end}")
        elif last is None or last.hash != self._hash:
            self._require_primary()
            found = f"the event with hash {last.hash:.12} stands there" if last else "nothing stands there"
            raise self._lost(f"{found}, and not the one with hash {self._hash:.12} that was handed out")
        return read

    def _remember(self, event: RecordedEvent) -> None:
        self._nid, self._hash = event.id, event.hash
        self._end = StreamEnd(event.originator_id, event.originator_version, event.hash)

    def _require_primary(self) -> None:
        """Refuse with StoreUnavailable when this server may be an old primary that lacks the latest events."""
        if self._end is not None and self._store.keeps(self._end) is not False:
            raise StoreUnavailable(
                f"{self._store.settings.shown}: this server does not hold nid {self._nid}, and cannot commit: another "
                "one may be the primary by now"
            )

    def _lost(self, found: str) -> PastLost:
        return PastLost(
            f"{self._store.settings.shown}: nid {self._nid}, up to which this log was followed, is lost: {found}. The "
            "database was restored to an earlier time, or failed over to a server without the last events; follow "
            "from the beginning, and make anew what was made of the log"
        )

    def _is_late(self) -> bool:
        waited = 0.0 if self._quiet_since is None else time.monotonic() - self._quiet_since
        return self._timeout_seconds is not None and waited >= self._timeout_seconds

    def _has_patience(self) -> bool:
        """Wait before a failed read is tried again; False when reads have failed for longer than allowed."""
        if self._unread_since is None:
            self._unread_since = time.monotonic()
        return self._stopped.wait(POLL_SECONDS) or time.monotonic() - self._unread_since <= self._patience_seconds
