"""Connections to one SQLite file: how they are set up, shared between threads, and how their errors read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, LifoQueue

from domain.errors import SchemaMismatch, StoreError, StoreUnavailable
from infrastructure.settings import Settings

_FIXED_WAL_RESET = (3, 51, 3)


def wal_warning() -> str | None:
    """What to know about the SQLite that Python came with, if anything."""
    if sqlite3.sqlite_version_info >= _FIXED_WAL_RESET:
        return None
    return (
        f"SQLite {sqlite3.sqlite_version} is older than 3.51.3, up to which two processes that write to one file are "
        "reported to be able to damage its write-ahead log; for several writers use a later one, or PostgreSQL"
    )


def explained(error: sqlite3.Error, settings: Settings) -> StoreError:
    """Say what an SQLite error means for the caller: nothing was written, and why."""
    reason = str(error)
    if "positions_next_" in reason:
        return StoreUnavailable("another rebuild began meanwhile and overtook this one, which has changed nothing")
    if "no such table" in reason or "no such column" in reason:
        return SchemaMismatch(f"{settings.where} is not a ledger ({reason}); make one with `position-ledger init`")
    if "locked" in reason or "busy" in reason:
        return StoreUnavailable(
            f"{settings.where} was locked by another process for {settings.timeout_seconds:g} s; nothing was written. "
            "Try again, or wait longer with ?timeout=SECONDS"
        )
    return StoreUnavailable(f"{settings.where}: {reason}; nothing was written")


class Connections:
    """As many connections as there are threads at work, one writer at a time.

    A database in memory has one connection, which everybody waits for.
    """

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        """Open nothing yet; `create` may make the file."""
        self.settings = settings
        self._mode = "rwc" if create else "rw"
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._writing = threading.RLock()
        self._bound = threading.local()
        self._closed = False

    def _open(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailable(f"the ledger in {self.settings.where} was closed")
        path = self.settings.where
        if not self.settings.is_memory:
            file = Path(path).resolve()
            if self._mode == "rw" and not file.exists():
                raise SchemaMismatch(f"there is no ledger at {path}; make one with `position-ledger init`")
            if not file.parent.is_dir():
                raise StoreUnavailable(f"{path}: there is no folder {file.parent}")
            path = f"{file.as_uri()}?mode={self._mode}"
        connection = sqlite3.connect(
            path,
            timeout=self.settings.timeout_seconds,
            isolation_level=None,
            check_same_thread=False,
            uri=not self.settings.is_memory,
        )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._open()
        try:
            yield connection
        finally:
            if self._closed:
                connection.close()
            else:
                self._idle.put(connection)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one question, or that of the snapshot or transaction that this thread is in."""
        bound: sqlite3.Connection | None = getattr(self._bound, "connection", None)
        try:
            if bound is not None:
                yield bound
            elif self.settings.is_memory:
                with self._writing, self._borrowed() as connection:
                    yield connection
            else:
                with self._borrowed() as connection:
                    yield connection
        except sqlite3.Error as error:
            raise explained(error, self.settings) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every question of this thread see one and the same moment."""
        with self.reading() as connection:
            connection.execute("BEGIN")
            self._bound.connection = connection
            try:
                yield
            finally:
                self._bound.connection = None
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction with the write lock held from its start: all of it is kept, or nothing.

        Refuses: StoreUnavailable when the lock is not to be had in time. Integrity errors pass through.
        """
        with self._writing, self._borrowed() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                self._bound.connection = connection
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    self._bound.connection = None
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                raise explained(error, self.settings) from error

    def ensure_wal(self) -> None:
        """Switch the file to a write-ahead log: readers and the writer do not wait for each other."""
        with self.reading() as connection, closing(connection.cursor()) as cursor:
            if not self.settings.is_memory and cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Close every idle connection; one in use is closed when it is handed back."""
        self._closed = True
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return
