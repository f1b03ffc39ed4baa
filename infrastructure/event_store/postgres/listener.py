"""Following the log: every event once and in order, whatever becomes of the server meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

import psycopg

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.event_store.records import RecordedEvent

BATCH_EVENTS: Final = 2_000
POLL_SECONDS: Final = 0.05
HINTED_POLL_SECONDS: Final = 1.0
"""How often a follower looks without being told to, while it can be told."""
PATIENCE_SECONDS: Final = 300.0

_SLICE_SECONDS: Final = 0.2


def follow(
    store: PostgresStore,
    after: int,
    stop: threading.Event,
    *,
    poll_seconds: float = POLL_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Iterator[list[RecordedEvent]]:
    """Everything in the log past a place, and then whatever is appended, until `stop` is set.

    Shape:   batches in log order, each event in exactly one. Only what is settled is handed out: no event can appear
             before it any more. Keep the `id` of the last one with whatever was made of it, and go on `after` it.
    Source:  the log is looked at every `poll_seconds`. Where appends notify (`?notify=1`) a notification is a hint to
             look at once, no more: one that is lost costs a second.
    Refuses: StoreUnavailable, when the log could not be read for `patience_seconds`; until then it is tried again.
    """
    answered = time.monotonic()
    with _Hint(store, poll_seconds) as hint:
        while not stop.is_set():
            try:
                batch = list(store.log(after=after, limit=BATCH_EVENTS))
            except StoreUnavailable:
                if time.monotonic() - answered > patience_seconds:
                    raise
                stop.wait(poll_seconds)
                continue
            answered = time.monotonic()
            if batch:
                after = batch[-1].id
                yield batch
            else:
                hint.wait(stop)


class _Hint:
    """The wait for something new: for a notification where there are any, else for a moment."""

    def __init__(self, store: PostgresStore, poll_seconds: float) -> None:
        self._store, self._poll_seconds = store, poll_seconds
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def wait(self, stop: threading.Event) -> None:
        """Return when there may be something new, or when it is time to look."""
        if not self._store.settings.notify:
            stop.wait(self._poll_seconds)
            return
        try:
            if self._connection is None:
                # What was appended before this connection listened is found by the look that follows.
                self._connection = self._store.listening()
                return
            look_again = time.monotonic() + HINTED_POLL_SECONDS
            while not stop.is_set() and time.monotonic() < look_again:
                if list(self._connection.notifies(timeout=_SLICE_SECONDS, stop_after=1)):
                    return
        except (psycopg.Error, StoreUnavailable):
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            stop.wait(self._poll_seconds)
