"""Connection poolers: recognised, and refused unless each session keeps a server process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg import errors

from domain.errors import StoreUnavailable
from infrastructure.settings import InvalidSettings, Settings

_PID: Final = "SELECT pg_catalog.pg_backend_pid()"
_PUT_IN_FORCE: Final = (
    "SELECT pg_catalog.set_config(name, value, false)"
    " FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) AS bounds (name, value)"
)
_MARK: Final = "position_ledger.session"
MARK_IN_FORCE: Final = f"pg_catalog.current_setting('{_MARK}'::text, true)"
"""The mark of the session whose settings a statement is executed with; NULL where nothing was put in force."""
_ROUNDS: Final = 3
"""How often the check is made: a busy pooler in transaction mode may pass it once by chance."""
_REFUSED: Final = "unsupported startup parameter"
_NEEDS: Final = (
    "a ledger needs sessions that keep a server process: its schema, its time-outs, its prepared statements and the "
    "outcome of a lost append depend on it. Connect to the server itself, or to a pool in session mode with "
    "?pooler=session in the URL"
)

Connection = psycopg.Connection[Any]


def put_in_force(connection: Connection, bounds: Mapping[str, str]) -> str:
    """Set what a pooler does not pass on from the startup options of a session.

    Shape: a mark that is set with them. A statement that does not find it is executed with other settings: a pooler
           that is not in session mode has the session served by another process, or lent its process to somebody else.
    """
    mark = uuid4().hex
    settings = {**bounds, _MARK: mark}
    connection.execute(_PUT_IN_FORCE, ([*settings], [*settings.values()]))
    return mark


def left_session_mode(settings: Settings) -> StoreUnavailable:
    """The error for a pooler that was in session mode when the session began, and is no more."""
    return StoreUnavailable(
        f"{settings.shown}: the pooler has left session mode: a session does not have its own settings any more, so "
        "what is recorded could go into another ledger; nothing was written. Put the pooler back into session mode "
        "(pool_mode = session), or connect to the server itself"
    )


def require_session(settings: Settings, open_one: Callable[[], Connection]) -> None:
    """Refuses: InvalidSettings, unless this is a server, or a pooler in session mode that the settings name as one.

    A server reports its process id to each client, for cancelling; a pooler reports an id of its own. In session mode,
    two open sessions have two server processes, and each keeps its own while the other is in a transaction.
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
    """The error for a pooler that the settings do not name."""
    return InvalidSettings(f"{settings.shown}: a pooler stands before the server, and {_NEEDS}")


def is_refusal(error: psycopg.Error) -> bool:
    """Whether this is a pooler's refusal of a startup option that only a server understands."""
    return _REFUSED in str(error)


def refused(settings: Settings) -> InvalidSettings:
    """The error for such a refusal."""
    return InvalidSettings(f"{settings.shown}: a pooler stands before the server and refuses `options`; {_NEEDS}")


def _are_apart(one: Connection, other: Connection, process: int) -> bool:
    """Whether `one` has another process than `other`, and `other` keeps `process` while `one` is in a transaction."""
    with one.transaction():
        return _process(one) != process == _process(other)


def _process(connection: Connection) -> int:
    found = connection.execute(_PID).fetchone()
    assert found is not None, "a backend knows itself"
    process: int = found[0]
    return process
