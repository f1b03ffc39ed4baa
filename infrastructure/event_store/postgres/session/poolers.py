"""Poolers: recognised by what a session is told, refused unless each session has a process of the server of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg
from psycopg import errors

from infrastructure.settings import InvalidSettings, Settings

_PID: Final = "SELECT pg_catalog.pg_backend_pid()"
_PUT_IN_FORCE: Final = (
    "SELECT pg_catalog.set_config(name, value, false)"
    " FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) AS bounds (name, value)"
)
_ROUNDS: Final = 3
"""A busy pooler in transaction mode may by chance look like another once."""
_REFUSED: Final = "unsupported startup parameter"
_NEEDS: Final = (
    "a ledger needs sessions that keep a server process: its schema, its time-outs, its prepared statements and the "
    "word on a lost append are a session's. Connect to the server itself, or to a pool in session mode with "
    "?pooler=session in the URL"
)

Connection = psycopg.Connection[Any]


def put_in_force(connection: Connection, bounds: Mapping[str, str]) -> None:
    """Set what a pooler would not hand on at the start of a session."""
    connection.execute(_PUT_IN_FORCE, ([*bounds], [*bounds.values()]))


def require_session(settings: Settings, open_one: Callable[[], Connection]) -> None:
    """Refuse, unless what is connected to is a server, or a pooler that was said to be one and is in session mode.

    A server tells the number of its process to whoever connects, for cancelling; a pooler tells one of its own. Two
    sessions that are open at once have two processes, and keep them while the other one is in a transaction.
    Refuses: InvalidSettings.
    """
    with open_one() as first:
        process = _process(first)
        if not settings.pooler:
            if process != first.info.backend_pid:
                raise found(settings)
            return
        try:
            with open_one() as second:
                is_so = all(_are_apart(second, first, process) for _ in range(_ROUNDS))
        except errors.ProtocolViolation:  # a pooler in statement mode, which knows no transactions
            is_so = False
        if not is_so:
            raise InvalidSettings(
                f"{settings.shown}: pooler=session is not so: two sessions were served by one process of the server, "
                f"or one by two, as in transaction mode; {_NEEDS}"
            )


def found(settings: Settings) -> InvalidSettings:
    """What to say of a pooler that nobody told of."""
    return InvalidSettings(f"{settings.shown}: a pooler stands before the server, and {_NEEDS}")


def is_refusal(error: psycopg.Error) -> bool:
    """Whether a pooler refuses what only a server understands."""
    return _REFUSED in str(error)


def refused(settings: Settings) -> InvalidSettings:
    """What to say then."""
    return InvalidSettings(f"{settings.shown}: a pooler stands before the server and refuses `options`; {_NEEDS}")


def _are_apart(one: Connection, other: Connection, process: int) -> bool:
    """Whether one session has another process than the other, which keeps its own while the first is busy."""
    with one.transaction():
        return _process(one) != process == _process(other)


def _process(connection: Connection) -> int:
    found = connection.execute(_PID).fetchone()
    assert found is not None, "a backend knows itself"
    process: int = found[0]
    return process
