"""The checkpoints and rows of a projection: the statements that both databases have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

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
from infrastructure.event_store.sql.conditions import compared, where
from infrastructure.event_store.sql.dialect import Dialect
from infrastructure.event_store.sql.sql_connections import Result, SqlConnections
from infrastructure.event_store.sql.stream_order import ids_within, in_stream_order
from infrastructure.event_store.vocabulary.places import StreamSpan
from projections.projection import SkippedEvent

_CURSOR: Final = "SELECT generation, nid FROM projections WHERE name = ? AND is_read = true"
_BEHIND: Final = (
    "SELECT CASE WHEN 2 * ? > (SELECT {catalog}max(nid) FROM ledger_events)"
    " THEN (SELECT {catalog}count(*) FROM ledger_events WHERE nid > ?)"
    " ELSE (SELECT {catalog}count(*) FROM ledger_events)"
    " - (SELECT {catalog}count(*) FROM ledger_events WHERE nid <= ?) END"
)
"""Counts the smaller side: SQLite counts all events by an index, but events after a nid in the table itself."""
_ROWS: Final = "FROM projection_rows{by_end} WHERE projection = ? AND generation = ?"
_LASTING: Final = (
    f"SELECT row FROM (SELECT position_id, row {_ROWS} AND ended_at IS NULL"
    f" UNION ALL SELECT position_id, row {_ROWS} AND ended_at >= ?) AS lasting ORDER BY position_id"
)
"""The index serves each of the two parts; for one condition with OR SQLite would read every row."""
_NOT_OVER: Final = (
    f"SELECT position_id {_ROWS} AND ended_at IS NULL UNION ALL SELECT position_id {_ROWS} AND ended_at > ?"
    f" UNION ALL SELECT position_id {_ROWS} AND ended_at <= ? AND ({{settled}}) IS NOT TRUE"
)
_BY_STREAM: Final = "SELECT position_id, ended_at, row FROM projection_rows{where} ORDER BY position_id"
_MOVE: Final = "UPDATE projections SET nid = ? WHERE name = ? AND generation = ? AND nid = ?"
_WRITE: Final = (
    "INSERT INTO projection_rows (projection, generation, position_id, ended_at, row) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (projection, generation, position_id) DO UPDATE SET ended_at = excluded.ended_at, row = excluded.row"
)
_SKIPS: Final = f"SELECT {', '.join(SKIP_COLUMNS)} FROM projection_skips WHERE projection = ? ORDER BY nid"
_INSERT_SKIP: Final = (
    f"INSERT INTO projection_skips ({', '.join(SKIP_COLUMNS)}) VALUES ({', '.join('?' * len(SKIP_COLUMNS))})"
)
_LAST_GENERATION: Final = (
    "SELECT coalesce({catalog}max(generation), 0) FROM (SELECT generation FROM projections WHERE name = ?"
    " UNION ALL SELECT generation FROM projection_rows WHERE projection = ?) AS kept"
)
"""Looks at rows, too: they may outlive their checkpoint, and must not come to belong to a new generation."""
_GIVE_UP: Final = "DELETE FROM projections WHERE name = ? AND is_read = false"
_BEGIN: Final = "INSERT INTO projections (name, generation, nid, is_read) VALUES (?, ?, 0, ?)"
_COUNT: Final = (
    "SELECT {catalog}count(*) FROM projection_rows WHERE projection = ?"
    " AND generation = (SELECT generation FROM projections WHERE name = ? AND is_read = true)"
)
_STOP_READING: Final = "DELETE FROM projections WHERE name = ? AND generation = ? AND nid = ? AND is_read = true"
_READ: Final = "UPDATE projections SET is_read = true WHERE name = ? AND generation = ? AND nid = ?"
_CLEAR: Final = (
    "DELETE FROM projection_rows WHERE (projection, generation, position_id) IN (SELECT projection, generation,"
    " position_id FROM projection_rows WHERE projection = ? AND generation NOT IN (SELECT generation FROM projections"
    " WHERE name = ?) LIMIT ?)"
)


class SqlCheckpoints(Checkpoints):
    """The checkpoints and rows of one projection in a database."""

    dialect: ClassVar[Dialect]

    def __init__(self, connections: SqlConnections, projection: str) -> None:
        """Work on a projection whose first checkpoint was written by a migration."""
        self._connections, self._projection = connections, projection

    def _write(self, work: Callable[[Any], Result]) -> Result:
        """Run `work` in one transaction."""
        return self._connections.write(work)

    def _keep_others_out(self, writing: Any) -> None:
        """Prevent any other process from beginning a rebuild until the transaction of `writing` ends."""

    def _value(self, statement: str, *values: Any) -> Any:
        ((value,),) = self._connections.rows(self.dialect.spelled(statement), values)
        return value

    def cursor(self) -> Checkpoint:
        found = list(self._connections.rows(self.dialect.spelled(_CURSOR), (self._projection,)))
        return cursor_found(self._projection, found[0] if found else None)

    def behind(self, cursor: Checkpoint) -> int:
        count: int = self._value(_BEHIND, *(cursor.nid,) * 3)
        return count

    def lasting(self, generation: int, since: datetime) -> Iterator[str]:
        values = (*(self._projection, generation) * 2, timestamp_text(since))
        return (text for (text,) in self._connections.rows(self.dialect.spelled(_LASTING), values))

    def not_over(self, generation: int, moment: datetime) -> Iterator[str]:
        place, at = (self._projection, generation), timestamp_text(moment)
        found = self._connections.scan(self.dialect.spelled(_NOT_OVER), (*place, *place, at, *place, at))
        return (position_id for (position_id,) in found)

    def by_stream(self, generation: int, first: str, end: str | None) -> Iterator[StoredRow]:
        place = {"projection =": self._projection, "generation =": generation}
        conditions, values = compared(place, self.dialect.placeholder)
        within, bounds = ids_within(StreamSpan(first, end), self.dialect)
        found = self._connections.scan(_BY_STREAM.format(where=where(conditions + within)), values + bounds)
        return in_stream_order(StoredRow(each, _time_or_text(ended_at), text) for each, ended_at, text in found)

    def advance(
        self, cursor: Checkpoint, nid: int, rows: Sequence[ProjectedRow], skip: SkippedEvent | None = None
    ) -> bool:
        place = (self._projection, cursor.generation)
        spelled = self.dialect.spelled

        def write(writing: Any) -> bool:
            if writing.execute(spelled(_MOVE), (nid, *place, cursor.nid)).rowcount != 1:
                return False
            written = [
                (*place, row.position_id, row.ended_at and timestamp_text(row.ended_at), row.text) for row in rows
            ]
            writing.executemany(spelled(_WRITE), written)
            if skip is not None:
                known = vars(skip) | {"ts_recorded": timestamp_text(skip.ts_recorded)}
                writing.execute(spelled(_INSERT_SKIP), [known[name] for name in SKIP_COLUMNS])
            return True

        return self._write(write)

    def skips(self) -> list[SkippedEvent]:
        return list(map(skipped_event, self._connections.rows(self.dialect.spelled(_SKIPS), (self._projection,))))

    def begin(self) -> Checkpoint:
        spelled = self.dialect.spelled

        def write(writing: Any) -> Checkpoint:
            self._keep_others_out(writing)
            (last,) = writing.execute(spelled(_LAST_GENERATION), (self._projection, self._projection)).fetchone()
            writing.execute(spelled(_GIVE_UP), (self._projection,))
            if writing.execute(spelled(_CURSOR), (self._projection,)).fetchone() is None:  # its row was deleted
                last += 1
                writing.execute(spelled(_BEGIN), (self._projection, last, True))
            writing.execute(spelled(_BEGIN), (self._projection, last + 1, False))
            return Checkpoint(last + 1, 0)

        return self._write(write)

    def count(self) -> int:
        count: int = self._value(_COUNT, self._projection, self._projection)
        return count

    def replace(self, read: Checkpoint, rebuilt: Checkpoint, changed: Collection[str]) -> int | None:
        spelled = self.dialect.spelled

        def write(writing: Any) -> int | None:
            if writing.execute(spelled(_STOP_READING), (self._projection, *read)).rowcount != 1:
                return None
            if writing.execute(spelled(_READ), (self._projection, *rebuilt)).rowcount != 1:
                raise StoreUnavailable(OVERTAKEN)
            before, now = self.rows(read.generation, changed), self.rows(rebuilt.generation, changed)
            return sum(before.get(position_id) != now.get(position_id) for position_id in changed)

        return self._write(write)

    def clear(self, rows_at_once: int = CLEARED_ROWS) -> None:
        statement, values = self.dialect.spelled(_CLEAR), (self._projection, self._projection, rows_at_once)
        while self._write(lambda writing: writing.execute(statement, values).rowcount) == rows_at_once:
            pass


def _time_or_text(stored: datetime | str | None) -> datetime | str | None:
    """A stored time; the text itself where it is no time, or in a spelling that does not sort as we write times."""
    try:
        time = None if stored is None else utc(stored)
    except ValueError:
        return stored
    return stored if time is not None and isinstance(stored, str) and stored != timestamp_text(time) else time
