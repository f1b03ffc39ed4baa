"""Proofs about connections to a server, which need no tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from psycopg import errors

from infrastructure.event_store.postgres.replication.standing import standing
from infrastructure.event_store.postgres.session import poolers
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.event_store.postgres.session.session_settings import (
    connection_arguments,
    session_bounds,
    wait_seconds,
)
from infrastructure.event_store.postgres.session.watchdog import Watchdog, WatchedConnection
from infrastructure.operations.proof.guarantee import NotGuaranteed, Verdict
from infrastructure.settings import Settings

OWN_SESSION: Final = "own session"
"""The guarantee without which no other proof says anything: it would be asked of any process, or of none."""
_TRANSACTIONS: Final = 5
_WAIT: Final = "200ms"
_SOON_SECONDS: Final = 2.0
_CHANNEL: Final = "ledger_doctor"
_LOCK: Final = 20_560

_NO_POOLER: Final = (
    "connect to the server itself, through a proxy that forwards whole connections (HAProxy), or to a pool in session "
    "mode"
)
_SETTINGS: Final = (
    "SELECT name, setting FROM pg_settings"
    " WHERE name IN ('search_path', 'TimeZone', 'statement_timeout', 'lock_timeout', 'synchronous_commit')"
)
_ORDER: Final = (
    "SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('client_encoding'),"
    ' pg_catalog.array_agg(letter ORDER BY letter COLLATE pg_catalog."C")'
    " FROM pg_catalog.unnest(ARRAY['a', 'B', U&'\\00E9']) AS letter"
)
_DISK: Final = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes')"


class SessionProofs:
    """Two connections, opened as every connection of a ledger is."""

    def __init__(self, settings: Settings) -> None:
        """Open the first; the other one is opened by the first proof. Refuses: psycopg.Error."""
        self.settings = settings
        self._watchdog = Watchdog(settings.timeout_seconds + 2 * _SOON_SECONDS)
        self.one: Connection = self._connected()

    @cached_property
    def other(self) -> Connection:
        """The other connection: a pooler may let it wait for a process that the first one has."""
        return self._connected()

    def _connected(self) -> WatchedConnection:
        arguments = connection_arguments(self.settings)
        connection = WatchedConnection.connect(**arguments, autocommit=True, prepare_threshold=None)
        connection.watchdog = self._watchdog
        if self.settings.pooler:
            poolers.put_in_force(connection, session_bounds(self.settings))
        return connection

    def close(self) -> None:
        """Close what was opened."""
        self._watchdog.stop()
        self.one.close()
        if "other" in self.__dict__:
            self.other.close()

    # -- proofs -------------------------------------------------------------------------------------------------

    def own_session(self) -> str:
        """A connection keeps one server process from its beginning to its end: no pooler gives it another one."""
        told, pids = self.one.info.backend_pid, set()
        try:
            for _ in range(_TRANSACTIONS):
                pids.add(_pid(self.one))
                with self.other.transaction():  # a pooler in transaction mode would give it what is free now
                    _pid(self.other)
                    pids.add(_pid(self.one))
        except errors.ProtocolViolation as refusal:
            raise NotGuaranteed(f"a pooler assigns a process to each statement: {refusal}", _NO_POOLER) from refusal
        seen = ", ".join(map(str, sorted(pids)))
        if len(pids) > 1:
            raise NotGuaranteed(
                f"one connection was served by processes {seen}: a pooler assigns a process to each transaction, so "
                "locks, timeouts and prepared statements do not stay with the connection",
                _NO_POOLER,
            )
        if pids != {told}:
            between = f"the connection was told process {told} and served by {seen}: a pooler stands between"
            if not self.settings.pooler:
                raise NotGuaranteed(
                    f"{between}, and the URL does not name it",
                    "connect to the server itself; or add pooler=session to the options of the URL, if the pooler is "
                    "in session mode",
                )
            raise NotGuaranteed(
                f"{between}, which keeps one process for the connection as long as that lasts",
                "keep it in session mode (pool_mode = session): with a pooler in transaction mode a ledger cannot work",
                Verdict.WARNING,
            )
        return f"{2 * _TRANSACTIONS} transactions beside another connection's, all served by process {told}"

    def settings_in_force(self) -> str:
        """The settings that every connection asks for are in force."""
        milliseconds = str(max(1, int(wait_seconds(self.settings) * 1000)))
        expected = {
            "search_path": f'"{self.settings.schema}"',
            "TimeZone": "UTC",
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
        }
        found: dict[str, str] = dict(self.one.execute(_SETTINGS).fetchall())
        wrong = [f"{name} {found.get(name)}, not {value}" for name, value in expected.items() if found[name] != value]
        if found["synchronous_commit"] == "off":
            wrong.append("synchronous_commit off")
        if wrong:
            raise NotGuaranteed(
                f"not in force: {'; '.join(wrong)}",
                "leave these settings out of the `options` of the URL",
            )
        return ", ".join(f"{name} {found[name]}" for name in (*expected, "synchronous_commit"))

    def is_primary(self) -> str:
        """The server is a primary and takes writes."""
        question = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')"
        is_standby, read_only = _row(self.one, question)
        if is_standby or read_only == "on":
            raise NotGuaranteed(
                "it is a standby, which can only be read" if is_standby else "its transactions are read-only",
                "name all hosts in the URL and add target_session_attrs=read-write, to find the primary",
            )
        return "not in recovery, and transactions may write"

    def acknowledges(self) -> str:
        """A commit returns: the standbys for which it waits are there."""
        found = standing(self.one)
        if found.is_known and found.names and not found.waited_for and found.caution is not None:
            raise NotGuaranteed(*found.caution)
        return f"commits wait for {found.names}" if found.names else "commits wait for nobody"

    def text(self) -> str:
        """Texts are Unicode, and collation C compares them byte by byte."""
        server, client, letters = _row(self.one, _ORDER)
        if (server, client) != ("UTF8", "UTF8") or letters != ["B", "a", "é"]:
            raise NotGuaranteed(
                f"the database is encoded as {server}, and orders {letters} by collation C",
                "make the database with ENCODING 'UTF8' TEMPLATE template0",
            )
        return "UTF8; collation C orders by bytes"

    def disk(self) -> str:
        """A commit is on the disk."""
        found: dict[str, str] = dict(self.one.execute(_DISK).fetchall())
        off = [name for name in ("fsync", "full_page_writes") if found.get(name) != "on"]
        if off:
            seen = ", ".join(f"{name} is {found.get(name, 'not told')}" for name in off)
            raise NotGuaranteed(f"{seen}: in a power cut, acknowledged events can be lost or damaged", "set them to on")
        return "fsync and full_page_writes are on"

    def time_limits(self) -> str:
        """The server ends a wait for a lock, and a statement, that take too long."""
        with self.other.transaction():
            self.other.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s, %s)", (_LOCK, self.one.info.backend_pid))
            waited = self._ended(
                "lock_timeout",
                errors.LockNotAvailable,
                f"SELECT pg_catalog.pg_advisory_xact_lock({_LOCK}, {self.one.info.backend_pid})",
            )
        ran = self._ended("statement_timeout", errors.QueryCanceled, f"SELECT pg_catalog.pg_sleep({2 * _SOON_SECONDS})")
        return f"with {_WAIT} each, a lock was given up after {waited:.2f} s and a statement after {ran:.2f} s"

    def _ended(self, name: str, expected: type[errors.Error], statement: str) -> float:
        started = time.monotonic()
        try:
            with self.one.transaction():
                self.one.execute(f"SET LOCAL {name} = '{_WAIT}'".encode())
                self.one.execute(statement.encode())
        except expected:
            return time.monotonic() - started
        raise NotGuaranteed(
            f"{name} of {_WAIT} did not end a wait of {time.monotonic() - started:.1f} s",
            "a command could wait for ever: use a server that enforces this timeout",
        )

    def advisory_locks(self) -> str:
        """A lock that writers share keeps out a session that wants it exclusively, until their transactions end."""
        key = (_LOCK, self.one.info.backend_pid)
        alone = "SELECT pg_catalog.pg_try_advisory_xact_lock(%s, %s)"
        with self.one.transaction():
            self.one.execute("SELECT pg_catalog.pg_advisory_xact_lock_shared(%s, %s)", key)
            shared = _row(self.other, "SELECT pg_catalog.pg_try_advisory_xact_lock_shared(%s, %s)", *key)
            kept_out = _row(self.other, alone, *key)
        granted = _row(self.other, alone, *key)
        if (shared, kept_out, granted) != ((True,), (False,), (True,)):
            raise NotGuaranteed(
                f"while one session shares a lock, another one may share it: {shared[0]}, have it alone: "
                f"{kept_out[0]}; afterwards: {granted[0]}",
                "followers would miss events without an error: no ledger may be followed here",
            )
        return "shared by two sessions, refused to one alone, granted alone when the transaction had ended"

    def notifications(self) -> str:
        """A session that listens gets the notification of another one (`?notify=1`)."""
        started = time.monotonic()
        self.one.execute(f"LISTEN {_CHANNEL}".encode())
        try:
            self.other.execute("SELECT pg_catalog.pg_notify(%s, '')", (_CHANNEL,))
            received = list(self.one.notifies(timeout=_SOON_SECONDS, stop_after=1))
        finally:
            self.one.execute(f"UNLISTEN {_CHANNEL}".encode())
        if not received:
            raise NotGuaranteed(
                f"no notification arrived within {_SOON_SECONDS:g} s", "leave out ?notify=1: followers poll without it"
            )
        return f"heard after {time.monotonic() - started:.3f} s"

    def proofs(self) -> dict[str, Callable[[], str]]:
        """The proofs by the names of their guarantees, in an order in which each relies only on those before it."""
        return {
            OWN_SESSION: self.own_session,
            "settings in force": self.settings_in_force,
            "primary": self.is_primary,
            "acknowledges": self.acknowledges,
            "text": self.text,
            "disk": self.disk,
            "time limits": self.time_limits,
            "advisory locks": self.advisory_locks,
            "notifications": self.notifications,
        }


def _pid(connection: Connection) -> int:
    pid: int = _row(connection, "SELECT pg_catalog.pg_backend_pid()")[0]
    return pid


def _row(connection: Connection, question: str, *values: object) -> tuple[Any, ...]:
    found = connection.execute(question.encode(), values or None).fetchone()
    assert found is not None, "one row answers it"
    return found
