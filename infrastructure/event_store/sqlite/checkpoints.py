"""The cursors and rows of a projection, on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from domain.errors import StoreUnavailable
from domain.values import timestamp_text, utc
from infrastructure.event_store.checkpoints import (
    CLEARED_ROWS,
    OVERTAKEN,
    SKIP_COLUMNS,
    Checkpoint,
    Checkpoints,
    ProjectedRow,
    StoredRow,
    cursor_found,
    skipped_event,
)
from infrastructure.event_store.sqlite.connections import Connections
from projections.projection import SkippedEvent

_CURSOR: Final = "SELECT generation, nid FROM projections WHERE name = ? AND is_read = 1"
_BEHIND: Final = "SELECT count(*) FROM ledger_events WHERE nid > ?"
_ROWS: Final = (
    "SELECT position_id, row FROM projection_rows WHERE projection = ? AND generation = ?"
    " AND position_id IN (SELECT value FROM json_each(?))"
)
_LASTING: Final = (
    "SELECT row FROM projection_rows WHERE projection = ?1 AND generation = ?2"
    " AND (ended_at IS NULL OR ended_at >= ?3) ORDER BY position_id"
)
_STREAM: Final = "substr(position_id, 1, instr(position_id || '#', '#') - 1)"
_BY_STREAM: Final = (
    "SELECT position_id, ended_at, row FROM projection_rows WHERE projection = ?1 AND generation = ?2"
    f" AND {_STREAM} >= ?3 AND (?4 IS NULL OR {_STREAM} < ?4) ORDER BY {_STREAM}, position_id"
)
_MOVE: Final = "UPDATE projections SET nid = ? WHERE name = ? AND generation = ? AND nid = ?"
_WRITE: Final = (
    "INSERT INTO projection_rows (projection, generation, position_id, ended_at, row) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (projection, generation, position_id) DO UPDATE SET ended_at = excluded.ended_at, row = excluded.row"
)
_SKIPS: Final = f"SELECT {', '.join(SKIP_COLUMNS)} FROM projection_skips WHERE projection = ? ORDER BY nid"
_INSERT_SKIP: Final = (
    f"INSERT INTO projection_skips ({', '.join(SKIP_COLUMNS)}) VALUES ({', '.join('?' * len(SKIP_COLUMNS))})"
)
_LAST_GENERATION: Final = "SELECT max(generation) FROM projections WHERE name = ?"
_GIVE_UP: Final = "DELETE FROM projections WHERE name = ? AND is_read = 0"
_BEGIN: Final = "INSERT INTO projections (name, generation, nid, is_read) VALUES (?, ?, 0, 0)"
_COUNT: Final = (
    "SELECT count(*) FROM projection_rows WHERE projection = ?1"
    " AND generation = (SELECT generation FROM projections WHERE name = ?1 AND is_read = 1)"
)
_DIFFERENT: Final = (
    "SELECT count(*) FROM projection_rows AS one LEFT JOIN projection_rows AS other ON other.projection = ?1"
    " AND other.generation = ?3 AND other.position_id = one.position_id"
    " WHERE one.projection = ?1 AND one.generation = ?2 AND other.row IS NOT one.row"
)
_MISSING: Final = (
    "SELECT count(*) FROM projection_rows AS other WHERE projection = ?1 AND generation = ?3 AND NOT EXISTS (SELECT 1"
    " FROM projection_rows AS one WHERE one.projection = ?1 AND one.generation = ?2"
    " AND one.position_id = other.position_id)"
)
_STOP_READING: Final = "DELETE FROM projections WHERE name = ? AND generation = ? AND nid = ? AND is_read = 1"
_READ: Final = "UPDATE projections SET is_read = 1 WHERE name = ? AND generation = ? AND nid = ?"
_CLEAR: Final = (
    "DELETE FROM projection_rows WHERE (projection, generation, position_id) IN (SELECT projection, generation,"
    " position_id FROM projection_rows WHERE projection = ?1 AND generation NOT IN (SELECT generation FROM projections"
    " WHERE name = ?1) LIMIT ?2)"
)


class SQLiteCheckpoints(Checkpoints):
    """The checkpoints and rows of one projection in an SQLite file."""

    def __init__(self, connections: Connections, projection: str) -> None:
        """Work on a projection whose first checkpoint was written by a migration."""
        self._connections, self._projection = connections, projection

    def _values(self, statement: str, values: Sequence[Any]) -> tuple[Any, ...]:
        with self._connections.reading() as connection:
            found: tuple[Any, ...] = connection.execute(statement, values).fetchone()
        return found

    def cursor(self) -> Checkpoint:
        with self._connections.reading() as connection:
            found = connection.execute(_CURSOR, (self._projection,)).fetchone()
        return cursor_found(self._projection, found)

    def behind(self, cursor: Checkpoint) -> int:
        count: int = self._values(_BEHIND, (cursor.nid,))[0]
        return count

    def rows(self, generation: int, position_ids: Collection[str]) -> dict[str, str]:
        values = (self._projection, generation, json.dumps(list(position_ids)))
        with self._connections.reading() as connection:
            return dict(connection.execute(_ROWS, values).fetchall())

    def lasting(self, generation: int, since: datetime) -> Iterator[str]:
        values = (self._projection, generation, timestamp_text(since))
        return (text for (text,) in self._connections.rows(_LASTING, values))

    def by_stream(self, generation: int, first: str, end: str | None) -> Iterator[StoredRow]:
        """The rows of all streams from one on, up to before another, in the order of their streams."""
        values = (self._projection, generation, first, end)
        for position_id, ended_at, text in self._connections.rows(_BY_STREAM, values):
            yield StoredRow(position_id, _time_or_text(ended_at), text)

    def advance(
        self, cursor: Checkpoint, nid: int, rows: Sequence[ProjectedRow], skip: SkippedEvent | None = None
    ) -> bool:
        place = (self._projection, cursor.generation)

        def write(connection: sqlite3.Connection) -> bool:
            if connection.execute(_MOVE, (nid, *place, cursor.nid)).rowcount != 1:
                return False
            connection.executemany(
                _WRITE,
                [(*place, row.position_id, row.ended_at and timestamp_text(row.ended_at), row.text) for row in rows],
            )
            if skip is not None:
                known = vars(skip) | {"ts_recorded": timestamp_text(skip.ts_recorded)}
                connection.execute(_INSERT_SKIP, [known[name] for name in SKIP_COLUMNS])
            return True

        return self._connections.write(write)

    def skips(self) -> list[SkippedEvent]:
        with self._connections.reading() as connection:
            found = connection.execute(_SKIPS, (self._projection,)).fetchall()
        return list(map(skipped_event, found))

    def begin(self) -> Checkpoint:
        def write(connection: sqlite3.Connection) -> Checkpoint:
            (last,) = connection.execute(_LAST_GENERATION, (self._projection,)).fetchone()
            connection.execute(_GIVE_UP, (self._projection,))
            connection.execute(_BEGIN, (self._projection, last + 1))
            return Checkpoint(last + 1, 0)

        return self._connections.write(write)

    def count(self) -> int:
        count: int = self._values(_COUNT, (self._projection,))[0]
        return count

    def differences(self, one: int, other: int) -> int:
        values = (self._projection, one, other)
        different: int = self._values(_DIFFERENT, values)[0]
        missing: int = self._values(_MISSING, values)[0]
        return different + missing

    def replace(self, read: Checkpoint, rebuilt: Checkpoint) -> bool:
        def write(connection: sqlite3.Connection) -> bool:
            if connection.execute(_STOP_READING, (self._projection, *read)).rowcount != 1:
                return False
            if connection.execute(_READ, (self._projection, *rebuilt)).rowcount != 1:
                raise StoreUnavailable(OVERTAKEN)
            return True

        return self._connections.write(write)

    def clear(self) -> None:
        cleared = CLEARED_ROWS
        while cleared == CLEARED_ROWS:
            cleared = self._connections.write(
                lambda connection: connection.execute(_CLEAR, (self._projection, CLEARED_ROWS)).rowcount
            )


def _time_or_text(stored: str | None) -> datetime | str | None:
    try:
        return None if stored is None else utc(stored)
    except ValueError:
        return stored
