"""Following the log: every event once and in order, those that are there and then those that come."""

from __future__ import annotations

import threading
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
from infrastructure.event_store.wakeups import POLL_SECONDS, Wakeups
from infrastructure.ledger.questions.history import HistoryEntry

BATCH_EVENTS: Final = 2_000
PATIENCE_SECONDS: Final = 300.0


class Subscription(Iterator[HistoryEntry]):
    """The events of a log past a place, in log order, for one reader.

    Shape:   only what is settled is handed out: no event can appear before it any more. Keep the `nid` of an event
             with whatever was made of it, and subscribe `after` it to go on.
             With the `hash` of that event as well, a past that was lost meanwhile is noticed.
    Source:  the log is looked at every 50 ms, or where appends notify (`?notify=1`) as soon as one does.
    Ends:    when it is stopped, or its ledger disconnected; or after nothing new came for `timeout_seconds`, where 0
             takes what is there and None waits for ever. What has ended stays so.
    Refuses: StoreUnavailable, when the log could not be read for `patience_seconds`; HistoryDamaged at an event that
             cannot be read, and PastLost when the last one that was read does not stand in the log any more, as often
             as it is asked for the next one.
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
            batch = self._following()
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
            self._stand_at(batch[-1])
            self._quiet_since = None
            return
        if self._quiet_since is None:
            self._quiet_since = time.monotonic()
        self._is_time = False
        if self._is_late():
            self.stop()

    def _following(self) -> list[RecordedEvent]:
        """What comes after the last event, which is read again: it shows whether this is still the same past."""
        read = list(self._store.log(after=max(0, self._nid - 1), limit=self._batch_events + 1))
        if self._nid <= 0:
            return read[: self._batch_events]
        last = read.pop(0) if read and read[0].id == self._nid else None
        if self._hash is None:
            if last is not None:
                self._stand_at(last)
            elif not read and (end := self._store.high_water_mark()) < self._nid:
                raise self._lost(f"the log ends at nid {end}")
        elif last is None or last.hash != self._hash:
            self._require_last_word()
            found = f"the event with hash {last.hash:.12} stands there" if last else "nothing stands there"
            raise self._lost(f"{found}, and not the one with hash {self._hash:.12} that was handed out")
        return read

    def _stand_at(self, event: RecordedEvent) -> None:
        self._nid, self._hash = event.id, event.hash
        self._end = StreamEnd(event.originator_id, event.originator_version, event.hash)

    def _require_last_word(self) -> None:
        """Refuse with StoreUnavailable to believe a server that was replaced, and does not know what came since."""
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
        """Wait before a failed read is tried again; False when that has lasted too long."""
        if self._unread_since is None:
            self._unread_since = time.monotonic()
        return self._stopped.wait(POLL_SECONDS) or time.monotonic() - self._unread_since <= self._patience_seconds
