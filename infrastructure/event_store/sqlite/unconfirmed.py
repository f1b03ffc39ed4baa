"""Appends that the disk did not confirm, and what became of them.

When the disk fails in a commit, what was committed may be in the write-ahead log already. No process that has the file
open sees it; but whoever opens the file when all of them have ended reads the log anew, and finds it there. The next
commit is written over it. So after a commit that is confirmed, what was in doubt certainly is not there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from infrastructure.event_store.records import EventRecord
from infrastructure.event_store.sql.sql_connections import Result
from infrastructure.event_store.sqlite.connections import CommitUnconfirmed, Connections
from infrastructure.event_store.vocabulary.append_conflicts import AppendInDoubt, UnsettledAppend, VersionTaken

_SETTLE_SHARE: Final = 0.5
"""The share of the timeout within which the disk has to confirm another commit."""
_AT: Final = "SELECT command_id FROM ledger_events WHERE stream = ? AND version = ?"
_VERSION: Final = "PRAGMA user_version"


def append(
    connections: Connections, records: Sequence[EventRecord], work: Callable[[sqlite3.Connection], Result]
) -> Result:
    """Append in one transaction. Refuses: as `Connections.write`, but AppendInDoubt where the disk confirms nothing."""
    try:
        return connections.write(work, alone=True)
    except CommitUnconfirmed as unconfirmed:
        seconds = connections.settings.timeout_seconds * _SETTLE_SHARE
        raise AppendInDoubt(records, None, seconds, "the disk did not confirm the commit") from unconfirmed


def is_made(connections: Connections, in_doubt: UnsettledAppend) -> bool:
    """Whether an append in doubt was made, found out by a commit that writes what is there already.

    Refuses: VersionTaken when another event has its version; StoreUnavailable while the disk confirms nothing.
    """

    def look(connection: sqlite3.Connection) -> tuple[str] | None:
        found: tuple[str] | None = connection.execute(_AT, (in_doubt.stream, in_doubt.version)).fetchone()
        (version,) = connection.execute(_VERSION).fetchone()
        connection.execute(f"{_VERSION} = {version}")
        return found

    found = connections.write(look, alone=True)
    if found not in (None, (in_doubt.command_id,)):
        raise VersionTaken(str(in_doubt))
    return found is not None
