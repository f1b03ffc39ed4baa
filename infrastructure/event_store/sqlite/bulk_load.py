"""Restoring events in SQLite exactly as another ledger recorded them, with their nids and hashes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.append_conflicts import IntentTaken, VersionTaken

_LAST: Final = "SELECT coalesce(max(nid), 0) FROM ledger_events"
_RESTORE_EVENT: Final = (
    "INSERT INTO ledger_events"
    " (nid, stream, version, type, payload, hash, command_id, intent_id, cycle, mark, ts_recorded)"
    " VALUES (?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?)"
)


def restore_events(connection: sqlite3.Connection, events: Sequence[RecordedEvent], after: int) -> None:
    """Write events in the open transaction; the next event of the log gets the nid after the last of them.

    Refuses: VersionTaken unless the log ends at `after`; IntentTaken.
    """
    (last,) = connection.execute(_LAST).fetchone()
    if last != after:
        raise VersionTaken(f"the log ends at nid {last}, not at {after}")
    try:
        connection.executemany(_RESTORE_EVENT, events)
    except sqlite3.IntegrityError as error:
        raise IntentTaken(str(error)) from error
