"""Statements that a connection is sent again and again, handed to libpq itself.

A cursor of psycopg does much that an append has no use for: it adapts values, which are text here already, and makes
objects of a result that is one number. That took as long as deciding the command.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from infrastructure.event_store.postgres.session.watchdog import WatchedConnection

_DONE: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


def execute(connection: WatchedConnection, statement: bytes, values: Sequence[str | None]) -> PGresult:
    """Execute a statement with PostgreSQL's own placeholders in one round trip, two when the connection is new to it.

    Shape:   its result, all as text. It is a transaction of its own; there must not be another one.
    Refuses: psycopg.Error, as a cursor does.
    """
    watchdog, server = connection.watchdog, connection.pgconn
    assert watchdog is not None, "of our pool"
    watchdog.watch(connection)
    try:
        encoded: list[Any] = [None if value is None else value.encode() for value in values]
        try:
            return _checked(server.exec_prepared(_prepared(connection, statement), encoded))
        except errors.InvalidSqlStatementName:  # a cursor of psycopg lets go of them all after a DROP or an ALTER
            connection.prepared.clear()
            return _checked(server.exec_prepared(_prepared(connection, statement), encoded))
    finally:
        watchdog.let_be(connection)


def _prepared(connection: WatchedConnection, statement: bytes) -> bytes:
    name = connection.prepared.get(statement)
    if name is None:
        name = f"ledger_{len(connection.prepared)}".encode()
        _checked(connection.pgconn.prepare(name, statement))
        connection.prepared[statement] = name
    return name


def _checked(result: PGresult) -> PGresult:
    if result.status not in _DONE:
        raise errors.error_from_result(result)
    return result
