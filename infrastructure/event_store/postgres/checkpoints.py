"""The cursors and rows of a projection, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from domain.errors import StoreUnavailable
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
from infrastructure.event_store.postgres.session.connections import Connections
from projections.projection import SkippedEvent

_CURSOR: Final = "SELECT generation, nid FROM projections WHERE name = %s AND is_read"
_BEHIND: Final = "SELECT pg_catalog.count(*) FROM ledger_events WHERE nid > %s"
_ROWS: Final = (
    "SELECT position_id, row FROM projection_rows WHERE projection = %s AND generation = %s AND position_id = ANY(%s)"
)
_LASTING: Final = (
    "SELECT row FROM projection_rows WHERE projection = %s AND generation = %s"
    " AND (ended_at IS NULL OR ended_at >= %s) ORDER BY position_id"
)
_STREAM: Final = "pg_catalog.split_part(position_id, '#', 1)"
_BY_STREAM: Final = (
    "SELECT position_id, ended_at, row FROM projection_rows WHERE projection = %(projection)s"
    f" AND generation = %(generation)s AND {_STREAM} >= %(first)s"
    f" AND (%(end)s::text IS NULL OR {_STREAM} < %(end)s::text) ORDER BY {_STREAM}, position_id"
)
_AT_ONCE: Final = 2_000
_MOVE: Final = "UPDATE projections SET nid = %s WHERE name = %s AND generation = %s AND nid = %s"
_WRITE: Final = (
    "INSERT INTO projection_rows (projection, generation, position_id, ended_at, row) VALUES (%s, %s, %s, %s, %s)"
    " ON CONFLICT (projection, generation, position_id) DO UPDATE SET ended_at = excluded.ended_at, row = excluded.row"
)
_SKIPS: Final = f"SELECT {', '.join(SKIP_COLUMNS)} FROM projection_skips WHERE projection = %s ORDER BY nid"
_INSERT_SKIP: Final = (
    f"INSERT INTO projection_skips ({', '.join(SKIP_COLUMNS)}) VALUES ({', '.join(['%s'] * len(SKIP_COLUMNS))})"
)
_ONE_AT_A_TIME: Final = "SELECT FROM projections WHERE name = %s AND is_read FOR UPDATE"
_LAST_GENERATION: Final = "SELECT pg_catalog.max(generation) FROM projections WHERE name = %s"
_GIVE_UP: Final = "DELETE FROM projections WHERE name = %s AND NOT is_read"
_BEGIN: Final = "INSERT INTO projections (name, generation, nid, is_read) VALUES (%s, %s, 0, false)"
_COUNT: Final = (
    "SELECT pg_catalog.count(*) FROM projection_rows WHERE projection = %(projection)s"
    " AND generation = (SELECT generation FROM projections WHERE name = %(projection)s AND is_read)"
)
_DIFFERENT: Final = (
    "SELECT pg_catalog.count(*) FROM (SELECT position_id, row FROM projection_rows WHERE projection = %(projection)s"
    " AND generation = %(one)s) AS one FULL JOIN (SELECT position_id, row FROM projection_rows"
    " WHERE projection = %(projection)s AND generation = %(other)s) AS other USING (position_id)"
    " WHERE one.row IS DISTINCT FROM other.row"
)
_STOP_READING: Final = "DELETE FROM projections WHERE name = %s AND generation = %s AND nid = %s AND is_read"
_READ: Final = "UPDATE projections SET is_read = true WHERE name = %s AND generation = %s AND nid = %s"
_CLEAR: Final = (
    "DELETE FROM projection_rows WHERE (projection, generation, position_id) IN (SELECT projection, generation,"
    " position_id FROM projection_rows WHERE projection = %(projection)s AND generation NOT IN (SELECT generation"
    " FROM projections WHERE name = %(projection)s) LIMIT %(rows)s)"
)


class PostgresCheckpoints(Checkpoints):
    """The checkpoints and rows of one projection in a schema of PostgreSQL."""

    def __init__(self, connections: Connections, projection: str) -> None:
        """Work on a projection whose first checkpoint was written by a migration."""
        self._connections, self._projection = connections, projection

    def _values(self, statement: str, values: Any) -> tuple[Any, ...]:
        with self._connections.reading() as connection:
            found = connection.execute(statement.encode(), values).fetchone()
        assert found is not None, "an aggregate has one row"
        return found

    def cursor(self) -> Checkpoint:
        with self._connections.reading() as connection:
            found = connection.execute(_CURSOR, (self._projection,)).fetchone()
        return cursor_found(self._projection, found)

    def behind(self, cursor: Checkpoint) -> int:
        count: int = self._values(_BEHIND, (cursor.nid,))[0]
        return count

    def rows(self, generation: int, position_ids: Collection[str]) -> dict[str, str]:
        with self._connections.reading() as connection:
            return dict(connection.execute(_ROWS, (self._projection, generation, list(position_ids))).fetchall())

    def lasting(self, generation: int, since: datetime) -> Iterator[str]:
        with self._connections.reading() as connection:
            found = connection.execute(_LASTING, (self._projection, generation, since)).fetchall()
        for (text,) in found:
            yield text

    def by_stream(self, generation: int, first: str, end: str | None) -> Iterator[StoredRow]:
        """The rows of all streams from one on, up to before another, in the order of their streams."""
        values = {"projection": self._projection, "generation": generation, "first": first, "end": end}
        return (StoredRow(*row) for row in self._connections.scan(_BY_STREAM.encode(), values, _AT_ONCE))

    def advance(
        self, cursor: Checkpoint, nid: int, rows: Sequence[ProjectedRow], skip: SkippedEvent | None = None
    ) -> bool:
        place = (self._projection, cursor.generation)
        with self._connections.transaction() as connection, connection.cursor() as sending:
            if sending.execute(_MOVE, (nid, *place, cursor.nid)).rowcount != 1:
                return False
            sending.executemany(_WRITE, [(*place, *row) for row in rows])
            if skip is not None:
                sending.execute(_INSERT_SKIP.encode(), [vars(skip)[name] for name in SKIP_COLUMNS])
        return True

    def skips(self) -> list[SkippedEvent]:
        with self._connections.reading() as connection:
            found = connection.execute(_SKIPS.encode(), (self._projection,)).fetchall()
        return list(map(skipped_event, found))

    def begin(self) -> Checkpoint:
        with self._connections.transaction() as connection:
            connection.execute(_ONE_AT_A_TIME, (self._projection,))
            (last,) = self._values(_LAST_GENERATION, (self._projection,))
            connection.execute(_GIVE_UP, (self._projection,))
            connection.execute(_BEGIN, (self._projection, last + 1))
        return Checkpoint(last + 1, 0)

    def count(self) -> int:
        count: int = self._values(_COUNT, {"projection": self._projection})[0]
        return count

    def differences(self, one: int, other: int) -> int:
        values = {"projection": self._projection, "one": one, "other": other}
        with self._connections.walk():
            differences: int = self._values(_DIFFERENT, values)[0]
        return differences

    def replace(self, read: Checkpoint, rebuilt: Checkpoint) -> bool:
        with self._connections.transaction() as connection:
            if connection.execute(_STOP_READING, (self._projection, *read)).rowcount != 1:
                return False
            if connection.execute(_READ, (self._projection, *rebuilt)).rowcount != 1:
                raise StoreUnavailable(OVERTAKEN)
        return True

    def clear(self) -> None:
        cleared = CLEARED_ROWS
        while cleared == CLEARED_ROWS:
            with self._connections.reading() as connection:
                cleared = connection.execute(_CLEAR, {"projection": self._projection, "rows": CLEARED_ROWS}).rowcount
