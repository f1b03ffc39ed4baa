"""Timeouts that a server cannot enforce itself: it is paused, or gone without closing its connections."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar
from weakref import ref

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import Diagnostic
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn
from psycopg.transaction import OutOfOrderTransactionNesting, Transaction

from infrastructure.event_store.opener import without_thread
from infrastructure.event_store.wakeups import Stop

Result = TypeVar("Result")


class Watchdog:
    """Shuts down the socket of a connection on which a wait takes too long; the wait then ends with an error.

    One thread serves all connections; it starts with the first one that is watched.
    """

    def __init__(self, allowed_seconds: float) -> None:
        """`allowed_seconds` is the limit of each wait, unless its connection has another."""
        self._allowed = allowed_seconds
        self._deadlines: dict[ref[WatchedConnection], float] = {}
        self._stopped = Stop()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def watch(self, connection: WatchedConnection) -> None:
        """Watch a connection from now on, until `let_be`."""
        if self._thread is None:
            self._start()
        wait_ends = time.monotonic() + (connection.allowed_seconds or self._allowed)
        self._deadlines[connection.weakly] = min(wait_ends, connection.waits_end)

    def let_be(self, connection: WatchedConnection) -> None:
        """Stop watching a connection."""
        self._deadlines.pop(connection.weakly, None)

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._watch, name="position-ledger-watchdog", daemon=True)
                try:
                    thread.start()
                except RuntimeError as wrong:
                    raise without_thread("the database cannot be watched over", wrong) from None
                self._thread = thread

    def _watch(self) -> None:
        while not self._stopped.wait(min(0.25, self._allowed / 4)):
            self._look()

    def _look(self) -> None:
        """Check once; a function of its own, so that no variable of the thread keeps a connection alive in between."""
        now = time.monotonic()
        for watched, deadline in list(self._deadlines.items()):
            if now > deadline and self._deadlines.pop(watched, None) is not None:
                connection = watched()
                if connection is not None:
                    connection.is_given_up = True
                    _shut_down(connection)


class WatchedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which every wait for the server is watched: statements, commits, fetches from a cursor."""

    watchdog: Watchdog | None = None
    allowed_seconds: float | None = None
    """How long one wait may take; None for the limit of the watchdog."""
    waits_end = math.inf
    """When every wait has to end, by the monotonic clock."""
    address = ("", "")
    """Its host and port, known also after it is closed."""
    mark: str | None = None
    """What tells its settings from those of other sessions; None where no pooler stands before the server."""
    is_given_up = False
    """Whether the watchdog has shut it down, because the server said nothing for too long."""
    is_wanted = True
    """False when its pool is to close it as soon as it is given back."""

    def __init__(self, pgconn: PGconn, *args: Any, **kwargs: Any) -> None:
        super().__init__(pgconn, *args, **kwargs)
        self.prepared: set[bytes] = set()
        """The names of the statements that are prepared on it."""
        self.warnings: list[str] = []
        """The warnings of the server since this list was cleared."""
        # The handler gets the list, not the connection: a reference cycle would keep a lost connection alive.
        self.add_notice_handler(partial(_collect_warning, self.warnings))
        self._process = os.getpid()
        self.weakly = ref(self)
        """How its pool and its watchdog know it, for neither may keep a connection that an interrupt has lost."""

    @property
    def is_at_rest(self) -> bool:
        """Whether no transaction is open, neither for the server nor for psycopg.

        An interrupt before a transaction has begun leaves psycopg with a wrong count, and no transaction can begin.
        """
        return self.pgconn.transaction_status == TransactionStatus.IDLE and not self._num_transactions

    def wait_as_others(self) -> None:
        """Have the limits of every connection again: an interrupt may come before a borrower gives his own back."""
        self.allowed_seconds, self.waits_end = None, math.inf
        if self.watchdog is not None:
            self.watchdog.let_be(self)

    @contextmanager
    def transaction(self, *args: Any, **kwargs: Any) -> Iterator[Transaction]:
        """As in psycopg, but an interrupt at its beginning is raised as such, where psycopg reports wrong nesting."""
        try:
            with super().transaction(*args, **kwargs) as transaction:
                yield transaction
        except OutOfOrderTransactionNesting as wrong:
            if wrong.__context__ is None or isinstance(wrong.__context__, Exception):
                raise
            raise wrong.__context__ from None

    def wait(self, gen: PQGen[Result], *args: Any, **kwargs: Any) -> Result:
        """Wait for the server, watched; psycopg does nothing else on an open connection that may take long."""
        if os.getpid() != self._process:
            raise psycopg.OperationalError("the connection belongs to the process that this one is a fork of")
        if self.watchdog is None:
            return super().wait(gen, *args, **kwargs)
        try:
            self.watchdog.watch(self)
            return super().wait(gen, *args, **kwargs)
        except psycopg.OperationalError as error:
            if not self.is_given_up:
                raise
            raise psycopg.OperationalError(
                "the server, or a pooler before it, said nothing for too long, so the connection was given up"
            ) from error
        finally:
            self.watchdog.let_be(self)

    def close(self) -> None:
        """Close the session, except in a forked process, where that would end the session of the parent."""
        if os.getpid() == self._process:
            super().close()

    def __del__(self, *_: Any) -> None:
        """Do not warn that it was not closed: an interrupt may lose a connection, and libpq closes it."""


def _collect_warning(warnings: list[str], notice: Diagnostic) -> None:
    if notice.severity_nonlocalized == "WARNING":
        warnings.append(notice.message_primary or "a warning without words")


@contextmanager
def waited_for(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Set the limit of each wait on a connection, until the end of the block."""
    assert isinstance(connection, WatchedConnection), "of our pool"
    outer, connection.allowed_seconds = connection.allowed_seconds, seconds
    try:
        yield
    finally:
        connection.allowed_seconds = outer


@contextmanager
def done_within(connection: WatchedConnection, seconds: float) -> Iterator[None]:
    """Set the limit of all waits on a connection together, until the end of the block."""
    outer, connection.waits_end = connection.waits_end, min(connection.waits_end, time.monotonic() + seconds)
    try:
        yield
    finally:
        connection.waits_end = outer


def _shut_down(connection: psycopg.Connection[Any]) -> None:
    with contextlib.suppress(OSError, psycopg.OperationalError):  # it may be closed already, which is as good
        duplicate = socket.socket(fileno=os.dup(connection.fileno()))
        try:
            duplicate.shutdown(socket.SHUT_RDWR)
        finally:
            duplicate.close()
