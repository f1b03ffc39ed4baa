"""Prepared statements, sent through libpq directly.

A cursor of psycopg does work that an append does not need: it adapts values, which are text here already, and makes
Python objects of a result that is one number. That took as long as deciding the command.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from psycopg import errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from infrastructure.event_store.postgres.session.watchdog import WatchedConnection

_DONE: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


def execute(connection: WatchedConnection, statement: bytes, values: Sequence[bytes | None]) -> PGresult:
    """Execute a statement with PostgreSQL's own placeholders in one round trip, the first time on a connection in two.

    Shape:   values and result are text in UTF-8. The statement is a transaction of its own; none may be open.
    Refuses: psycopg.Error, as a cursor does.
    """
    watchdog, server = connection.watchdog, connection.pgconn
    assert watchdog is not None, "of our pool"
    given: Any = values  # libpq accepts None among the values, although psycopg's type does not say so
    try:
        watchdog.watch(connection)
        name = _prepared(connection, statement)
        try:
            return _checked(server.exec_prepared(name, given))
        except errors.InvalidSqlStatementName:  # a cursor of psycopg deallocates all of them after a DROP or an ALTER
            connection.prepared.clear()
        except errors.FeatureNotSupported:  # a table was altered, and the plan would return another type
            _checked(server.exec_(b"DEALLOCATE " + name))
            connection.prepared.discard(name)
        return _checked(server.exec_prepared(_prepared(connection, statement), given))
    finally:
        watchdog.let_be(connection)


def _prepared(connection: WatchedConnection, statement: bytes) -> bytes:
    name = _name(statement)
    if name not in connection.prepared:
        with suppress(errors.DuplicatePreparedStatement):  # the server lost other statements, but still has this one
            _checked(connection.pgconn.prepare(name, statement))
        connection.prepared.add(name)
    return name


@cache
def _name(statement: bytes) -> bytes:
    """A name that is unique to the text of the statement."""
    return b"ledger_" + blake2b(statement, digest_size=16).hexdigest().encode()


def _checked(result: PGresult) -> PGresult:
    if result.status not in _DONE:
        raise errors.error_from_result(result)
    return result
