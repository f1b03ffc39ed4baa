"""Reporting each command: one line in the log, and calls of a program's own hooks in a separate thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, Final

from domain.commands.base import Command
from domain.errors import CommandRefused, LedgerError
from domain.events import PositionEvent
from projections.exposure import is_bare
from projections.positions import PositionRow
from projections.readable_text import on_one_line

LOGGER: Final = logging.getLogger("position_ledger")

OnEvent = Callable[[PositionEvent], object]
OnRefusal = Callable[[Command, CommandRefused], object]
OnUnprotected = Callable[[PositionRow], object]

WAITING_MAX: Final = 10_000
"""How many calls of hooks may be queued; further calls are dropped, and the log says so."""
LAST_SECONDS: Final = 5.0
"""How long `close` waits for the queued calls of hooks."""


def warn(words: str, *arguments: object) -> None:
    """Log a warning only if the program has set up logging: otherwise Python would print it on stderr.

    Texts are on one line, and their control characters are made visible: they may come from an exchange.
    """
    if LOGGER.hasHandlers():
        LOGGER.warning(words, *(on_one_line(each) if isinstance(each, str) else each for each in arguments))


def needs_plain(*hooks: Callable[..., object] | None) -> None:
    """Refuses: ValueError for a hook that has to be awaited, because no event loop is running here."""
    for hook in hooks:
        if iscoroutinefunction(hook):
            raise ValueError(
                f"{hook} has to be awaited, and no event loop is running here: AsyncPositionLedger.connect takes it"
            )


class Witness:
    """Reports commands: one line in the log for each, and calls of the hooks that a program has given.

    Hooks are called one after the other in a thread of their own: a slow hook delays no answer, and one that raises is
    logged. They are for alarms and counters; a program that must not miss an event reads the log with a subscription.
    """

    def __init__(
        self,
        on_event: OnEvent | None = None,
        on_refusal: OnRefusal | None = None,
        on_unprotected: OnUnprotected | None = None,
    ) -> None:
        """Report to the log, and to the hooks that are given."""
        self._on_event, self._on_refusal, self._on_unprotected = on_event, on_refusal, on_unprotected
        # the queue and the lock are such that a signal handler may tell in the middle of telling
        self._waiting: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()

    def answered(self, command: Command, position_id: str, outcome: str, seconds: float) -> None:
        """A command was accepted."""
        if LOGGER.isEnabledFor(logging.INFO):
            LOGGER.info("%s %s %s, %.1f ms", position_id, command.verb, outcome, seconds * 1_000)

    def refused(self, command: Command, error: LedgerError, seconds: float) -> None:
        """A command was refused or failed, or its outcome is not known."""
        is_refusal = isinstance(error, CommandRefused)
        outcome = "refused" if is_refusal else "failed"
        warn(
            "%s %s %s, %.1f ms: %s: %s",
            command.key,
            command.verb,
            outcome,
            seconds * 1_000,
            type(error).__name__,
            error.message,
        )
        if isinstance(error, CommandRefused) and self._on_refusal is not None:
            self.tell(self._on_refusal, command, error)

    def recorded(
        self, events: Sequence[PositionEvent], rows: Iterable[PositionRow], before: Mapping[str, PositionRow]
    ) -> None:
        """Events were appended, which changed the rows in `before` to `rows`."""
        if self._on_event is not None:
            for event in events:
                self.tell(self._on_event, event)
        if self._on_unprotected is not None:
            for row in rows:
                was = before.get(row.position_id)
                if is_bare(row) and not (was is not None and is_bare(was)):
                    self.tell(self._on_unprotected, row)

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Wait up to `seconds` for the queued calls; the process may end without the rest."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return
        self._waiting.put(None)
        thread.join(seconds)  # if a hook is stuck, its thread is left behind

    def tell(self, hook: Callable[..., object], *arguments: Any) -> None:
        """Queue a call of a hook."""
        if self._waiting.qsize() < WAITING_MAX:
            self._waiting.put((hook, arguments))
        else:
            warn("%d calls of hooks are waiting: %s is left out", WAITING_MAX, hook)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._call, name="position-ledger-hooks", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError as no_room:  # what it tells of is recorded; the next call tries again
                    self._thread = None
                    warn("hooks wait, because there is no thread for them: %s", no_room)

    def _call(self) -> None:
        while (call := self._waiting.get()) is not None:
            hook, arguments = call
            try:
                hook(*arguments)
            except BaseException:  # a SystemExit of one would end the calls of all, without a word
                LOGGER.exception("a hook raised: %s", hook)
