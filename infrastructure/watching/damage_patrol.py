"""The patrol: verifies the whole ledger from time to time, beside the watch, to find damage that no row shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from typing import Final

from domain.errors import StoreError
from infrastructure.event_store.port import Store
from infrastructure.integrity.verify import verify
from infrastructure.operations.health import damage_found
from projections.health.checks import Section
from projections.health.diagnosis import unverified

RETRY_SECONDS: Final = 60.0
"""The pause before the next try when the ledger could not be read; never longer than the usual interval."""


class _Stopped(Exception):
    """The patrol was closed while it verified."""


class DamagePatrol:
    """Verifies a ledger in a thread of its own, and keeps its last finding."""

    def __init__(self, every: timedelta, say: Callable[[str], None]) -> None:
        """Verify once in `every`; `say` reports why the ledger could not be verified."""
        self._every, self._say = every.total_seconds(), say
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="patrol")
        self._walking: Future[Section] | None = None
        self._next_walk = 0.0
        self._is_stopped = False
        self._found: Section | None = None
        self._failures = 0

    def look(self, store: Store, *, waits: bool = False) -> Section | None:
        """The last finding, None before the first; verifies again when it is time to. `waits` waits for the end.

        One failure to read is not reported as damage but tried again, because the server may have been away for a
        moment. With `waits` it is reported at once, because such a caller may never look again.
        """
        if self._walking is None and time.monotonic() >= self._next_walk:
            self._walking = self._pool.submit(copy_context().run, self._walk, store)  # advice names the same ledger
        if self._walking is not None and (waits or self._walking.done()):
            walked, self._walking = self._walking, None
            self._next_walk = time.monotonic() + self._every
            try:
                self._found, self._failures = walked.result(), 0
            except StoreError as cause:
                self._next_walk = time.monotonic() + min(self._every, RETRY_SECONDS)
                self._say(f"not verified: {type(cause).__name__}: {cause}")
                self._failures += 1
                if waits or self._failures > 1:
                    self._found = unverified(cause)
        return self._found

    def _walk(self, store: Store) -> Section:
        return damage_found(verify(store, self._go_on))

    def _go_on(self, _: int) -> None:
        if self._is_stopped:
            raise _Stopped

    def close(self) -> None:
        """Stop verifying, at the latest after the current batch of events."""
        self._is_stopped = True
        self._pool.shutdown()
