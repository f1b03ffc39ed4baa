"""The connections of a process to PostgreSQL: who borrows one, and the transaction that a thread is in."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import count
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from domain.errors import StoreUnavailable
from infrastructure.event_store.opener import LedgerClosed, Opener
from infrastructure.event_store.postgres.session import connection_info, poolers, stored_time
from infrastructure.event_store.postgres.session.hosts import SECONDS_EACH, Hosts, address_of, words
from infrastructure.event_store.postgres.session.outage import Outage
from infrastructure.event_store.postgres.session.pool import Pool, PoolTimeout
from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.event_store.postgres.session.session_settings import (
    CONNECT_SECONDS_MIN,
    connection_arguments,
    session_bounds,
    settle_seconds,
    silence_seconds,
    wait_seconds,
)
from infrastructure.event_store.postgres.session.watchdog import Watchdog, WatchedConnection, done_within, waited_for
from infrastructure.event_store.sql.migrations import require_not_later
from infrastructure.event_store.sql.sql_connections import Result
from infrastructure.event_store.turn import Turn
from infrastructure.settings import Settings

PATIENCE_SECONDS: Final = 3600.0
"""How long one step of a walk through the whole log or table may take."""

Connection = psycopg.Connection[tuple[Any, ...]]

logging.getLogger("psycopg").addHandler(logging.NullHandler())
"""It logs which errors it passes over when a pipeline or a copy breaks; where nobody logs, Python would print that."""

_BACKEND: Final = (
    f"SELECT pg_catalog.pg_postmaster_start_time(), pid, backend_start, {poolers.MARK_IN_FORCE} FROM pg_stat_activity"
    " WHERE pid = pg_catalog.pg_backend_pid()"
)
VERSION: Final = "SELECT coalesce(pg_catalog.max(version), 0) FROM ledger_schema"
_ROWS_AT_ONCE: Final = 2_000
_MARK: Final = f"SELECT {poolers.MARK_IN_FORCE}"
# A standby does not know it: a commit of its primary may not have arrived yet.
_IS_OVER: Final = (
    "SELECT NOT pg_catalog.pg_is_in_recovery() AND (pg_catalog.pg_postmaster_start_time() <> %s"
    " OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s AND backend_start = %s))"
)


class Backend(NamedTuple):
    """A server process, identified uniquely for all time: process ids are used again, start times are not."""

    server_started: datetime
    pid: int
    backend_started: datetime


class _Scan(psycopg.ServerCursor[tuple[Any, ...]]):
    """A cursor on the server, which ends with its transaction if it is not closed before."""

    def __del__(self, *_: Any) -> None:
        """Do not warn that it was not closed: its transaction has closed it on the server."""


class Connections:
    """A pool of connections; every wait is bounded, so that a command is answered within the configured timeout."""

    def __init__(self, settings: Settings) -> None:
        """Open one connection at once, so that an error of the database is raised here."""
        self.settings = settings
        self._arguments = connection_arguments(settings)
        self._hosts, self._outage = Hosts(self._arguments), Outage(settings.shown)
        self._opener = Opener(settings.shown)
        self._turns = threading.local()
        self._scans = count()
        self.schema_version: int | None = None
        """The version that every write asks for, once the schema has it."""
        self._backends: WeakKeyDictionary[Connection, Backend] = WeakKeyDictionary()
        self._watchdog = Watchdog(silence_seconds(settings))
        self._pool = Pool(self._pooled, settings.pool_size)
        try:
            poolers.require_session(settings, self._watched)
        except psycopg.Error as error:
            self.close()
            raise explained(error, settings) from None
        except BaseException:
            self.close()
            raise

    def _pooled(self) -> WatchedConnection:
        ends = time.monotonic() + wait_seconds(self.settings)
        connection = self._connect(wait_seconds(self.settings))
        connection.prepare_threshold = 1
        connection.watchdog = self._watchdog
        stored_time.register(connection)
        with done_within(connection, ends - time.monotonic()):
            found = connection.execute(_BACKEND).fetchone()
        assert found is not None, "a backend knows itself"
        backend, mark = Backend(*found[:-1]), found[-1]
        if backend.pid != connection.info.backend_pid and not self.settings.pooler:
            raise poolers.found(self.settings)
        if mark != connection.mark:
            raise self.left_session_mode()
        self._backends[connection] = backend
        return connection

    def _connect(self, seconds: float | None = None) -> WatchedConnection:
        """A new connection, made within `seconds` if given; errors of psycopg pass through."""
        began, hosts = time.monotonic(), self._hosts.within(seconds)
        arguments: dict[str, Any] = self._arguments | words(hosts)
        if seconds is not None:
            arguments["connect_timeout"] = SECONDS_EACH if hosts else max(CONNECT_SECONDS_MIN, int(seconds))
        try:
            connection = WatchedConnection.connect(**arguments, autocommit=True)
        except psycopg.OperationalError:
            self._hosts.put_last(*(host.address for host in hosts))
            raise
        if self.settings.pooler:
            connection.watchdog = self._watchdog  # a pooler may let it wait for a server longer than connect_timeout
            with done_within(connection, math.inf if seconds is None else began + seconds - time.monotonic()):
                connection.mark = poolers.put_in_force(connection, session_bounds(self.settings))
            connection.watchdog = None
        connection.address = address_of(connection)
        self._hosts.put_first(connection.address)
        return connection

    def distrust(self, connection: WatchedConnection, reason: str | None = None) -> None:
        """Try other hosts first from now on, if there are any, and replace all connections of the pool.

        A server that leaves an append in doubt, times out or is read-only may have been replaced by another one. With a
        `reason`, a warning is logged that the database is lost.
        """
        self._hosts.put_last(connection.address)
        self._pool.drain()
        if reason is not None:
            self._outage.begins(reason, of_appends=True)

    def require_own_settings(self, connection: WatchedConnection) -> None:
        """Refuses: StoreUnavailable when a pooler serves a session with the settings of another one.

        Outside of a transaction that may be so for the next statement again; each append asks for itself.
        """
        if connection.mark is not None and connection.execute(_MARK).fetchone() != (connection.mark,):
            raise self.left_session_mode()

    def left_session_mode(self) -> StoreUnavailable:
        """The error for a pooler that is not in session mode any more; all connections are replaced."""
        self._pool.drain()
        return poolers.left_session_mode(self.settings)

    def appended(self, connection: WatchedConnection) -> None:
        """An append succeeded, so an outage is over."""
        self._outage.ends(connection.address, by_append=True)

    def backend(self, connection: Connection) -> Backend | None:
        """The server process of a connection of the pool."""
        return self._backends.get(connection)

    def is_over(self, connection: Connection, backend: Backend) -> bool:
        """Whether a server process has ended, asked over another connection."""
        return connection.execute(_IS_OVER, backend).fetchone() == (True,)

    def alone(self, seconds: float | None = None) -> WatchedConnection:
        """A connection outside the pool, limited only by its own timeouts and not by the watchdog: for migrations.

        Refuses: StoreUnavailable.
        """
        try:
            return self._connect(seconds)
        except psycopg.Error as error:
            if poolers.is_refusal(error):
                raise poolers.refused(self.settings) from None
            reason = connection_info.without_secrets(" ".join(str(error).split()), self._arguments)
            raise StoreUnavailable(f"{self.settings.shown} cannot be reached: {reason}") from None

    def _watched(self, seconds: float | None = None) -> WatchedConnection:
        self._opener.require()
        connection = self.alone(seconds)
        connection.watchdog = self._watchdog
        return connection

    @contextmanager
    def fresh(self) -> Iterator[WatchedConnection]:
        """A new connection outside the pool for reading back: those in the pool may be as lost as the one before.

        Refuses: StoreUnavailable.
        """
        try:
            with self._watched(settle_seconds(self.settings)) as connection:
                yield connection
        except psycopg.Error as error:
            raise explained(error, self.settings) from None

    def listening(self, channel: str) -> Connection:
        """A connection outside the pool that listens to a channel. Refuses: StoreUnavailable."""
        connection = self._watched()
        try:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except psycopg.Error as error:
            connection.close()
            raise explained(error, self.settings) from None
        return connection

    def borrow(self) -> WatchedConnection:
        """A connection of the pool; errors of psycopg pass through. Refuses: PoolTimeout, StoreUnavailable."""
        self._opener.require()
        if self._pool.is_closed:
            raise LedgerClosed(self.settings.shown)
        try:
            connection = self._pool.borrow(wait_seconds(self.settings))
        except PoolTimeout as error:
            if error.__cause__ is not None:
                reason = str(error.__cause__).strip().partition("\n")[0]
                self._outage.begins(f"{error} ({connection_info.without_secrets(reason, self._arguments)})")
            raise
        self._outage.ends(connection.address)
        return connection

    def give_back(self, connection: WatchedConnection) -> None:
        """Return a connection to the pool, except in a fork, where it belongs to the parent process."""
        if self._opener.is_here:
            self._pool.give_back(connection)

    @contextmanager
    def borrowed(self) -> Iterator[WatchedConnection]:
        """A connection that is given back at the end of the block."""
        connection: WatchedConnection | None = None
        try:
            connection = self.borrow()
            yield connection
        finally:
            if connection is not None:
                turn: Turn[WatchedConnection] | None = getattr(self._turns, "last", None)
                if turn is not None and turn.connection is connection:  # an interrupt came before it was ended
                    self._turns.last = None
                self.give_back(connection)

    def _turn(self) -> Turn[WatchedConnection] | None:
        """The snapshot or transaction that this thread is in; None outside of any."""
        turn: Turn[WatchedConnection] | None = getattr(self._turns, "last", None)
        while turn is not None and turn.is_over:
            turn = turn.outer
        return turn

    @contextmanager
    def reading(self) -> Iterator[WatchedConnection]:
        """A connection for one query, or that of the snapshot or transaction that this thread is in."""
        self._opener.require()
        turn = self._turn()
        try:
            if turn is None:
                with self.apart() as connection:
                    yield connection
            else:
                if turn.connection.lock.locked():  # by this thread, which a signal handler has interrupted
                    raise StoreUnavailable(
                        f"{self.settings.shown}: this thread is in the middle of a query of its snapshot, in which a "
                        "signal handler was called; nothing was written. Let the handler set a flag, and ask later"
                    )
                yield turn.connection
        except psycopg.Error as error:
            raise explained(error, self.settings) from None

    @contextmanager
    def apart(self) -> Iterator[WatchedConnection]:
        """A connection of its own, outside the snapshot or transaction that this thread may be in."""
        try:
            with self.borrowed() as connection:
                self.require_own_settings(connection)
                yield connection
        except (psycopg.Error, PoolTimeout) as error:
            raise explained(error, self.settings) from None

    @contextmanager
    def transaction(self, begin: str = "") -> Iterator[Connection]:
        """A transaction to which all queries of this thread belong meanwhile; `begin` sets its characteristics."""
        with self.reading() as connection:
            turn = Turn(connection, self._opener, self._turn())
            try:
                with turn.lasting(connection.transaction()):
                    if begin:  # and no question before it: whoever reads may be told a moment to read as of
                        connection.execute(sql.SQL("SET TRANSACTION " + begin))
                    else:
                        self.require_own_settings(connection)
                    self._turns.last = turn
                    yield connection
            finally:
                turn.end()
                self._turns.last = self._turn()  # so that a turn that is over does not keep its connection alive

    @contextmanager
    def walk(self, begin: str = "") -> Iterator[Connection]:
        """A transaction over a whole table: no statement timeout, and PATIENCE_SECONDS for each wait."""
        with self.transaction(begin) as connection, waited_for(connection, PATIENCE_SECONDS):
            connection.execute("SET LOCAL statement_timeout = 0")
            yield connection

    def write(self, work: Callable[[psycopg.Cursor[tuple[Any, ...]]], Result]) -> Result:
        """Run `work` in one transaction; it executes its statements on the cursor that it is given.

        Refuses: SchemaMismatch, as `require_version`.
        """
        with self.transaction() as connection, connection.cursor() as writing:
            self.require_version(connection)
            return work(writing)

    def require_version(self, connection: Connection) -> None:
        """Refuses: SchemaMismatch when a later version of this software has migrated the ledger since it was opened."""
        if self.schema_version is not None:
            row = connection.execute(VERSION).fetchone()
            require_not_later(self.settings.shown, row[0] if row else 0, self.schema_version)

    def rows(self, statement: str, values: Any = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, fetched all at once."""
        with self.reading() as connection:
            found = connection.execute(statement.encode(), values).fetchall()
        yield from found

    def scan(self, statement: str, values: Any = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that may return millions, fetched in batches from a cursor on the server.

        It runs in the snapshot or transaction of this thread, or else in a transaction of its own.
        """
        with self.reading() as connection, ExitStack() as stack:
            turn = Turn(connection, self._opener, outer := self._turn())
            if outer is None:
                stack.enter_context(turn.lasting(connection.transaction()))
                stack.enter_context(waited_for(connection, PATIENCE_SECONDS))
                connection.execute("SET LOCAL statement_timeout = 0")
            cursor = stack.enter_context(turn.lasting(_Scan(connection, f"ledger_scan_{next(self._scans)}")))
            cursor.execute(statement.encode(), values)
            try:
                while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                    yield from rows
                    turn.require()
            except GeneratorExit:  # the caller has enough; a rollback would make psycopg drop its prepared statements
                return

    def close(self) -> None:
        """Close every connection, except in a fork, where they belong to the parent process."""
        if self._opener.is_here:
            self._pool.close()
            self._watchdog.stop()


def is_lost(connection: Connection) -> bool:
    """Whether the connection broke, so that the server may have executed a statement without our knowing."""
    return connection.closed or connection.pgconn.transaction_status == TransactionStatus.UNKNOWN
