"""Connections to one SQLite file: their settings, their use by several threads, and the translation of errors."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from itertools import islice
from typing import Any, Final

from domain.errors import HistoryDamaged, SchemaMismatch, StoreError, StoreUnavailable
from infrastructure.event_store.opener import LedgerClosed, Opener
from infrastructure.event_store.sql.migrations import OPENED_BEFORE, require_not_later
from infrastructure.event_store.sql.sql_connections import Result
from infrastructure.event_store.sqlite.ledger_file import FileConnection, LedgerFile
from infrastructure.event_store.turn import Turn
from infrastructure.settings import Settings

_HELD_BY_OTHERS = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNCONFIRMED: Final = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}
"""The errors of a commit of which every byte was written already, and not synced."""
_LOOK_AGAIN_SECONDS: Final = 0.01
_COPIED: Final = (
    "; to read a ledger that nobody has open, copy it, with its -wal if there is one, to a folder where you may write"
)
_WAYS_OUT: Final[dict[int | None, str]] = {
    sqlite3.SQLITE_CORRUPT: (
        ". The file is damaged: let nobody write to it, keep a copy, and restore a backup; what was recorded since "
        "then has to be asked of the exchange (`position-ledger recover`)"
    ),
    sqlite3.SQLITE_NOTADB: ". Name another file; if this one was the ledger, restore a backup",
    sqlite3.SQLITE_CANTOPEN: (
        f". It has to be a file, in a folder where SQLite may keep its write-ahead log beside it{_COPIED}"
    ),
    sqlite3.SQLITE_READONLY: f". Whoever records needs the right to write to the file and to its folder{_COPIED}",
    sqlite3.SQLITE_IOERR: (
        ". Look at the disk, its quota and what the system says of it, and keep the -wal beside the file: it holds "
        "what was recorded last"
    ),
    sqlite3.SQLITE_FULL: ". Make room, and send the same command again",
}


class CommitUnconfirmed(StoreUnavailable):
    """The disk did not confirm a commit.

    All of it may be in the write-ahead log, where whoever opens the file next would find it, although no process that
    has the file open now sees it. The next commit that is confirmed overwrites it.
    """


def explained(error: sqlite3.Error, settings: Settings) -> StoreError:
    """Translate an SQLite error for the caller: nothing was written, why, and the way out.

    It goes by SQLite's error code and not by the text, which may quote a name of ours; only a missing table or column
    has no code of its own.
    """
    reason = str(error)
    if "no such table" in reason or "no such column" in reason:
        return SchemaMismatch(f"{settings.where}: {reason}; {OPENED_BEFORE}")
    if "Could not decode to UTF-8" in reason:
        return HistoryDamaged(
            f"{settings.where} holds bytes that are no text ({reason!r:.120}): they were changed after they were "
            "stored; `position-ledger verify` names where"
        )
    if _primary_code(error) in _HELD_BY_OTHERS:
        return StoreUnavailable(
            f"{settings.where} was locked by another process for {settings.timeout_seconds:g} s; nothing was written. "
            "Try again, or wait longer with ?timeout=SECONDS"
        )
    return StoreUnavailable(f"{settings.where}: {reason}; nothing was written{_WAYS_OUT.get(_primary_code(error), '')}")


def _unconfirmed(error: sqlite3.Error, settings: Settings) -> CommitUnconfirmed:
    return CommitUnconfirmed(
        f"{settings.where}: {error} while it was committed; whether it was written is not known"
        f"{_WAYS_OUT[sqlite3.SQLITE_IOERR]}"
    )


def _is_alone(database: str) -> bool | None:
    """Whether no other connection, of any process, has a file open: then it can be opened for one alone.

    None when that cannot be told, because who may not write to a file may not lock it for one alone.
    """
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None, uri=True)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_IOERR_LOCK:
                return None
            return _primary_code(error) not in _HELD_BY_OTHERS  # any other error meets the next connection as well
    return True


def _as_found(stored: bytes) -> str:
    return stored.decode(errors="backslashreplace")


def _code(error: sqlite3.Error) -> int | None:
    """The extended error code; None for an error that Python itself raises."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code


def _primary_code(error: sqlite3.Error) -> int | None:
    code = _code(error)
    return None if code is None else code & 0xFF


class _WriteTurn(Turn[FileConnection]):
    """A transaction that writes; nothing else is asked or written inside one that `is_alone`."""

    def __init__(
        self, connection: FileConnection, opener: Opener, outer: Turn[FileConnection] | None, *, is_alone: bool
    ) -> None:
        super().__init__(connection, opener, outer)
        self.is_alone = is_alone


class _Snapshot(Turn[FileConnection]):
    """A moment that is read; with `as_found` bytes that are no text are returned as well."""

    def __init__(self, connection: FileConnection, opener: Opener, *, as_found: bool) -> None:
        super().__init__(connection, opener, None)
        self._as_found = as_found

    def takes_bytes(self) -> bool:
        """Return them from now on, if that is asked and is not done yet: it doubles what reading a text takes."""
        if not self._as_found or self.connection.text_factory is _as_found:
            return False
        self.connection.text_factory = _as_found
        return True


class Connections:
    """One connection for each thread that is at work, and one writer at a time.

    A database in memory has one connection, for which all threads wait. A KeyboardInterrupt may come between any two
    steps, also during clean-up: a lock or transaction that must not stay open is therefore released by C code (`with` a
    lock or a connection), or in two places.
    """

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        """Open no connection yet, except in memory; `create` allows a connection to create the file."""
        self.settings = settings
        self._mode = "rwc" if create else "rw"
        self._idle: list[FileConnection] = []
        self._writing = threading.RLock()
        self._turns = threading.local()
        self._opener = Opener(settings.shown)
        self._closed = False
        self.schema_version: int | None = None
        """The version that every write asks for, once the file has it."""
        self._file = None if settings.is_memory else LedgerFile(settings.where)
        self._memory = self._connected(":memory:") if settings.is_memory else None

    def _open(self) -> FileConnection:
        if self._file is None:
            assert self._memory is not None, "opened at once, and closed never but by close"
            return self._memory
        path, where = self._file.path, self.settings.where
        if self._file.is_inherited:
            raise self._file.inherited()
        self._file.require_name()  # or SQLite would make another file where it was, or open what is there now
        if self._mode == "rw" and not self._file.is_there:
            raise SchemaMismatch(
                f"there is no ledger at {where}. If there was none yet, make one with `position-ledger init`; if there "
                "was one, find it or restore a backup, because a new one would grant the slots that are held"
            )
        if not self._file.has_folder:
            raise StoreUnavailable(f"{where}: there is no folder {path.parent}")
        database = f"{path.as_uri()}?mode={self._mode}"
        self._require_all_beside(self._file, database)
        connection = self._connected(database)
        self._file.meet(connection)
        return connection

    def _require_all_beside(self, file: LedgerFile, database: str) -> None:
        """Refuses: StoreUnavailable when others have the file open, and what they use beside it was deleted.

        A connection would be served all the same, with what the file alone holds: perhaps nothing at all, so that every
        slot would be free again. Whoever opens the file, or closes it last, lacks it for a moment as well.
        """
        patience = time.monotonic() + self.settings.timeout_seconds
        while (missing := file.missing_beside()) is not None and not (is_alone := _is_alone(database)):
            if is_alone is None:
                where = self.settings.where
                raise StoreUnavailable(
                    f"there is no {where}{missing}, and whether another process has {where} open cannot be told "
                    f"without the right to write to it; nothing was read or written{_COPIED}"
                )
            if time.monotonic() > patience:
                raise file.lost_elsewhere(missing)
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _connected(self, database: str) -> FileConnection:
        connection = sqlite3.connect(
            database,
            timeout=self.settings.timeout_seconds,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
            factory=FileConnection,
        )
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _require(self) -> None:
        self._opener.require()
        if self._closed:
            raise LedgerClosed(self.settings.shown)

    def _require_file(self, connection: FileConnection) -> None:
        """Refuse to go on unless all names still mean the open files; a writer checks this under the write lock."""
        if self._file is not None:
            self._file.require(connection)

    def _require_version(self, connection: FileConnection) -> None:
        """Refuses: SchemaMismatch when another version of this software has migrated the file since it was opened."""
        if self.schema_version is not None:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            require_not_later(self.settings.where, version, self.schema_version)

    def _borrow(self) -> FileConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _give_back(self, connection: FileConnection) -> None:
        if connection is self._memory or not self._opener.is_here:
            return
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _turn(self) -> Turn[FileConnection] | None:
        """The snapshot or transaction that this thread is in; None outside of any.

        A KeyboardInterrupt may come just before a turn is ended; its transaction has ended then.
        """
        turn: Turn[FileConnection] | None = getattr(self._turns, "last", None)
        while turn is not None and (turn.is_over or not turn.connection.in_transaction):
            turn = turn.outer
        return turn

    def _in_a_write(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self.settings.where}: this thread is in the middle of a write, in which a signal handler was called; "
            "nothing was written. Let the handler set a flag, and ask or send when the write is over"
        )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one query, or that of the snapshot or transaction that this thread is in."""
        self._require()
        turn = self._turn()
        try:
            if turn is not None:
                if isinstance(turn, _WriteTurn) and turn.is_alone:
                    raise self._in_a_write()  # what it has written may yet be undone
                self._require_file(turn.connection)
                yield turn.connection
                return
            with self._writing if self._memory else nullcontext():
                connection = self._borrow()
                try:
                    self._require_file(connection)
                    yield connection
                finally:
                    self._give_back(connection)
        except sqlite3.Error as error:
            raise explained(error, self.settings) from error

    def rows(self, statement: str, values: Any = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, fetched one by one; from a database in memory all at once."""
        read = 0
        try:
            with self.reading() as connection:
                cursor = connection.execute(statement, values)
                if self._memory is not None:
                    found: Iterable[tuple[Any, ...]] = cursor.fetchall()
                else:
                    try:
                        for row in cursor:
                            yield row
                            read += 1
                            self._opener.require()
                    finally:
                        with suppress(sqlite3.ProgrammingError):  # its snapshot may have closed the connection already
                            cursor.close()
                    return
        except HistoryDamaged:
            turn = self._turn()
            if not isinstance(turn, _Snapshot) or not turn.takes_bytes():
                raise
            found = islice(self.rows(statement, values), read, None)  # asked again, at the same moment
        yield from found

    scan = rows

    @contextmanager
    def snapshot(self, *, as_found: bool = False) -> Iterator[None]:
        """Make every query of this thread see the same moment; with `as_found`, bytes that are no text are returned.

        The connection to a file is closed at the end: a cursor that is still open would keep its next query at the
        same moment.
        """
        self._require()
        if self._turn() is not None:
            yield
            return
        with self._writing if self._memory else nullcontext():
            turn: _Snapshot | None = None
            try:
                try:
                    turn = _Snapshot(self._open(), self._opener, as_found=as_found)
                    turn.connection.execute("BEGIN")
                    self._turns.last = turn
                    yield
                finally:
                    self._end(turn)
            except sqlite3.Error as error:
                raise explained(error, self.settings) from error
            finally:
                self._end(turn)

    def _end(self, snapshot: Turn[FileConnection] | None) -> None:
        if snapshot is None or not self._opener.is_here:
            return
        snapshot.end()
        if self._memory is None:
            snapshot.connection.close()
        else:
            snapshot.connection.rollback()
            snapshot.connection.text_factory = str

    def write(self, work: Callable[[sqlite3.Connection], Result], *, alone: bool = False) -> Result:
        """Run `work` in one transaction that holds the write lock from its start: all of it is written, or nothing.

        Inside the `work` of another call it is a part of that transaction, and so is what is read there. But nothing is
        asked or written inside a write that is `alone`, and none that is `alone` inside another: there only a signal
        handler would do so, and what it was told could yet be undone.
        Refuses: StoreUnavailable then, and when the lock is not free in time; CommitUnconfirmed. Integrity errors pass
                 through.
        """
        self._require()
        with self._writing:
            outer = self._turn()
            if isinstance(outer, _WriteTurn):
                if not alone and not outer.is_alone:
                    return work(outer.connection)
                raise self._in_a_write()
            turn: Turn[FileConnection] | None = None
            is_done = False
            try:
                turn = _WriteTurn(self._borrow(), self._opener, outer, is_alone=alone)
                if turn.connection.in_transaction:
                    raise StoreUnavailable("a ledger in memory is not written to in a snapshot; nothing was written")
                self._turns.last = turn
                with turn.connection as connection:
                    connection.execute("BEGIN IMMEDIATE")
                    self._require_file(connection)
                    self._require_version(connection)
                    result = work(connection)
                    is_done = True
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                if is_done and _code(error) in _UNCONFIRMED:
                    raise _unconfirmed(error, self.settings) from error
                raise explained(error, self.settings) from error
            else:
                return result
            finally:
                if turn is not None:
                    turn.end()
                    self._give_back(turn.connection)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Hold the write lock and write nothing. Refuses: StoreUnavailable when the lock is not free in time."""
        with self._writing:
            connection = self._borrow()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield
            except sqlite3.Error as error:
                raise explained(error, self.settings) from error
            finally:
                connection.rollback()
                self._give_back(connection)

    def ensure_wal(self) -> None:
        """Switch the file to a write-ahead log, so that readers and the writer do not wait for each other.

        Whoever switches reads first and then writes, and of several that do SQLite lets one, and refuses the others
        without waiting: they might wait for each other for ever. They look again, within the timeout.
        """
        patience = time.monotonic() + self.settings.timeout_seconds
        with self.reading() as connection, closing(connection.cursor()) as cursor:
            while self._memory is None and cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                try:
                    cursor.execute("PRAGMA journal_mode = WAL")
                except sqlite3.Error as error:
                    if _primary_code(error) not in _HELD_BY_OTHERS or time.monotonic() > patience:
                        raise
                    time.sleep(_LOOK_AGAIN_SECONDS)

    def close(self) -> None:
        """Close every idle connection; one in use is closed when it is given back. A forked process closes none."""
        self._closed = True
        if not self._opener.is_here:
            return
        while self._idle:
            self._idle.pop().close()
        if self._memory is not None:
            self._memory.close()
