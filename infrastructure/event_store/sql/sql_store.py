"""The queries that both stores have in common: events, rows of the positions table and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from domain.values import OPEN_STATUSES
from infrastructure.event_store.port import Store, WatchMemory
from infrastructure.event_store.records import RecordedEvent, StreamEnd, made
from infrastructure.event_store.sql.conditions import Conditions, compared, position_ids_of, until, where
from infrastructure.event_store.sql.dialect import Dialect
from infrastructure.event_store.sql.sql_connections import SqlConnections
from infrastructure.event_store.sql.stored_row import listed_row, stored_row
from infrastructure.event_store.sql.stream_order import ids_within, in_stream_order
from infrastructure.event_store.sql.unread_row import UnreadableRow, UnreadRow
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, AsOf, StreamReach, StreamSpan
from infrastructure.event_store.vocabulary.stored_rejection import REJECTION_COLUMNS
from infrastructure.event_store.vocabulary.tallies import RefusalCount
from projections.listed_row import LISTED_COLUMNS, Listed
from projections.positions import PositionRow

_EVENTS: Final = "SELECT {columns} FROM ledger_events"
_CYCLE_OF_INTENT: Final = "SELECT cycle FROM ledger_events WHERE stream = ? AND intent_id = ?"
_CYCLE_OF_ORDER: Final = (
    "SELECT {catalog}max(cycle) FROM positions WHERE position_id >= ? AND position_id < ? AND exchange_order_id = ?"
)
_LAST_HASH: Final = "SELECT hash FROM ledger_events WHERE stream = ? ORDER BY version DESC LIMIT 1"
_COUNT: Final = "SELECT {catalog}count(*) FROM ledger_events"
_OPEN: Final = ", ".join(f"'{status.value}'" for status in sorted(OPEN_STATUSES))
_IS_STRAY: Final = "stray"
_IS_OPEN: Final = (
    f"position_id IN (SELECT position_id FROM positions WHERE status IN ({_OPEN})"
    f" UNION ALL SELECT position_id FROM positions WHERE {_IS_STRAY})"
)
"""Each of the two conditions has an index; for one condition with OR SQLite would read the whole table."""
_LISTED: Final = f"SELECT {', '.join(LISTED_COLUMNS)} FROM positions{{where}} ORDER BY opened_at, position_id"
_LINES_WITHOUT_ROW: Final = (
    "SELECT o.position_id, {catalog}count(*) FROM positions_orders AS o WHERE NOT EXISTS"
    " (SELECT 1 FROM positions AS p WHERE p.position_id = o.position_id) GROUP BY o.position_id ORDER BY o.position_id"
)
_LINES_OUT_OF_PLACE: Final = (
    "SELECT position_id FROM positions_orders GROUP BY position_id"
    " HAVING {catalog}min(place) <> 0 OR {catalog}max(place) <> {catalog}count(*) - 1 ORDER BY position_id"
)
_REACHES: Final = "SELECT stream, {catalog}max(version), {catalog}max(cycle) FROM ledger_events"
_CYCLES: Final = "SELECT DISTINCT cycle FROM ledger_events{where} ORDER BY cycle"
_STREAM_NAMES: Final = (
    "WITH RECURSIVE names (stream) AS (SELECT {catalog}min(stream) FROM ledger_events UNION ALL"
    " SELECT (SELECT {catalog}min(e.stream) FROM ledger_events AS e WHERE e.stream > names.stream) FROM names"
    " WHERE names.stream IS NOT NULL) SELECT stream FROM names WHERE stream IS NOT NULL"
)
"""Steps from each stream to the next by the index, which neither database does for a DISTINCT."""
_REFUSAL_COUNTS: Final = (
    "SELECT command, error, detected_by, {catalog}count(*) FROM rejections GROUP BY command, error, detected_by"
    " ORDER BY command, error, detected_by"
)
_WATCH_MEMORY: Final = "SELECT turn, body FROM watches WHERE name = ?"
_WATCH_MEMORIES: Final = "SELECT name, turn, body FROM watches ORDER BY name"
_REMEMBER: Final = (
    "INSERT INTO watches (name, turn, body) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
    " SET turn = excluded.turn, body = excluded.body WHERE watches.turn = excluded.turn - 1"
)
_REJECTIONS: Final = f"SELECT {', '.join(REJECTION_COLUMNS)} FROM rejections"


class SqlStore(Store):
    """The queries that are the same in both databases."""

    dialect: ClassVar[Dialect]
    event_columns: ClassVar[str]
    """The columns of an event, in the order of `recorded`."""
    _connections: SqlConnections

    def _value(self, statement: str, values: Any = ()) -> Any:
        """The first column of the first row of a query; None when it returns no row."""
        found = self._row(statement, values)
        return None if found is None else found[0]

    def _row(self, statement: str, values: Any = ()) -> Any:
        """The first row of a query, which is read to its end: an interrupt in a finalizer would be swallowed."""
        return next(iter([*self._connections.rows(statement, values)]), None)

    def _compared(self, conditions: Conditions) -> tuple[list[str], list[Any]]:
        return compared(conditions, self.dialect.placeholder)

    def refusal_counts(self) -> list[RefusalCount]:
        return [RefusalCount(*found) for found in self._connections.rows(self.dialect.spelled(_REFUSAL_COUNTS))]

    def watch_memory(self, name: str) -> WatchMemory | None:
        found = self._row(self.dialect.spelled(_WATCH_MEMORY), (name,))
        return None if found is None else WatchMemory(*found)

    def watch_memories(self) -> dict[str, WatchMemory]:
        return {name: WatchMemory(turn, body) for name, turn, body in self._connections.rows(_WATCH_MEMORIES)}

    def remember(self, name: str, memory: WatchMemory) -> bool:
        statement, values = self.dialect.spelled(_REMEMBER), (name, *memory)
        changed: int = self._connections.write(lambda writing: writing.execute(statement, values).rowcount)
        return changed == 1

    def cycle_of_intent(self, stream: str, intent_id: str) -> int | None:
        cycle: int | None = self._value(self.dialect.spelled(_CYCLE_OF_INTENT), (stream, intent_id))
        return cycle

    def cycle_of_order(self, stream: str, exchange_order_id: str) -> int | None:
        values = (*position_ids_of(stream), exchange_order_id)
        cycle: int | None = self._value(self.dialect.spelled(_CYCLE_OF_ORDER), values)
        return cycle

    def is_last(self, end: StreamEnd) -> bool:
        return bool(self._value(self.dialect.spelled(_LAST_HASH), (end.stream,)) == end.hash)

    def select(self, conditions: Conditions, order: str, limit: int | None = None) -> Iterator[RecordedEvent]:
        written, values = self._compared(conditions)
        statement = f"{_EVENTS.format(columns=self.event_columns)}{where(written)} ORDER BY {order}"
        if limit is None:
            return map(recorded, self._connections.scan(statement, values))
        return map(recorded, self._connections.rows(f"{statement} LIMIT {limit:d}", values))

    def reaches(self, as_of: AsOf) -> Iterator[StreamReach]:
        conditions, values = self._compared(until(self.visible(as_of)))
        statement = f"{self.dialect.spelled(_REACHES)}{where(conditions)} GROUP BY stream"
        return map(StreamReach._make, self._connections.rows(statement, values))

    def read_through(self) -> Iterator[tuple[Any, ...]]:
        """The columns of all events, unread: the least that any walk along the log costs."""
        return self._connections.scan(f"{_EVENTS.format(columns=self.event_columns)} ORDER BY nid")

    def stream_names(self) -> Iterator[str]:
        return (stream for (stream,) in self._connections.rows(self.dialect.spelled(_STREAM_NAMES)))

    def cycles(self, stream: str, as_of: AsOf | None = None) -> list[int]:
        asked = {"stream =": stream, "cycle >": 0} | until(self.visible(as_of))
        conditions, values = self._compared(asked)
        statement = _CYCLES.format(where=where(["mark IS NOT NULL", *conditions]))
        return [cycle for (cycle,) in self._connections.rows(statement, values)]

    def rows(
        self, *, open_only: bool = False, strays_only: bool = False, position_id: str | None = None
    ) -> Iterator[PositionRow]:
        conditions, values = self._compared({"position_id =": position_id})
        conditions += [_IS_OPEN] * open_only + [_IS_STRAY] * strays_only
        # the method is a generator, which an export can close early
        read = self._connections.rows if conditions else self._connections.scan
        for row in read(f"{self.dialect.row('positions')}{where(conditions)} ORDER BY opened_at, position_id", values):
            yield stored_row(row)

    def listed(self, *, open_only: bool = False) -> Iterator[Listed]:
        read = self._connections.rows if open_only else self._connections.scan
        yield from map(listed_row, read(_LISTED.format(where=where([_IS_OPEN] * open_only))))

    def rows_by_stream(self, span: StreamSpan = ALL_STREAMS) -> Iterator[PositionRow | UnreadableRow | UnreadRow]:
        conditions, values = ids_within(span, self.dialect)
        statement = f"{self.dialect.row('positions')}{where(conditions)} ORDER BY position_id"
        return in_stream_order(map(UnreadRow.of, self._connections.scan(statement, values)))

    def lines_without_row(self) -> Iterator[tuple[str, int]]:
        yield from self._connections.rows(self.dialect.spelled(_LINES_WITHOUT_ROW))

    def lines_out_of_place(self) -> Iterator[str]:
        for (position_id,) in self._connections.rows(self.dialect.spelled(_LINES_OUT_OF_PLACE)):
            yield position_id

    def select_rejections(self, conditions: Conditions) -> Iterator[Sequence[Any]]:
        written, values = self._compared(conditions)
        return self._connections.rows(f"{_REJECTIONS}{where(written)} ORDER BY id", values)

    def count_events(self) -> int:
        count: int = self._value(self.dialect.spelled(_COUNT))
        return count


def recorded(row: tuple[Any, ...]) -> RecordedEvent:
    """An event from its columns; the payload is text, or bytes where the database may hold bytes that are no text."""
    if type(row[4]) is str:
        row = (*row[:4], row[4].encode(), *row[5:])
    return made(RecordedEvent, row)
