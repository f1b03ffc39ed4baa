"""The store on SQLite. Every statement that it uses stands at the top of this module."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, fields
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import uuid4

from domain.values import OPEN_STATUSES, plain, timestamp_text, utc
from infrastructure.event_store.hash_chain import GENESIS, chain
from infrastructure.event_store.port import (
    ALL_STREAMS,
    AsOf,
    IntentTaken,
    Rejection,
    SlotTaken,
    Store,
    StreamSpan,
    VersionTaken,
    compared,
    until,
    where,
)
from infrastructure.event_store.records import EventRecord, IndexColumns, RecordedEvent
from infrastructure.event_store.sqlite import schema
from infrastructure.event_store.sqlite.bulk_load import restore_events
from infrastructure.event_store.sqlite.checkpoints import SQLiteCheckpoints
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.settings import Settings
from projections.positions import COLUMNS, PositionRow, fees_text, orders_text, row_from

_EVENT: Final = (
    "nid, stream, version, type, CAST(payload AS BLOB), hash, command_id, intent_id, cycle, mark, ts_recorded"
)
_INSERT_EVENT: Final = (
    "INSERT INTO ledger_events (stream, version, type, payload, hash, command_id, intent_id, cycle, mark, ts_recorded)"
    " VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?)"
)
_HEAD: Final = "SELECT hash FROM ledger_events WHERE stream = ? ORDER BY version DESC LIMIT 1"
_HAS_VERSION: Final = "SELECT 1 FROM ledger_events WHERE stream = ? AND version = ?"
_CYCLE_OF_INTENT: Final = "SELECT cycle FROM ledger_events WHERE stream = ? AND intent_id = ?"
_LAST_FLAT: Final = "SELECT version FROM ledger_events WHERE stream = ? AND mark = 'flat' ORDER BY cycle DESC LIMIT 1"
_SINCE: Final = f"SELECT {_EVENT} FROM ledger_events WHERE stream = ? AND version >= ? ORDER BY version"
_OPENING: Final = "SELECT version FROM ledger_events WHERE stream = ? AND cycle = ? AND mark IN ('flat', 'beside')"
_NEXT_FLAT: Final = (
    "SELECT version FROM ledger_events WHERE stream = ? AND cycle > ? AND mark = 'flat' ORDER BY cycle LIMIT 1"
)
_CYCLE: Final = (
    f"SELECT {_EVENT} FROM ledger_events WHERE stream = ?1 AND cycle = ?2 AND version >= ?3 AND version < ?4"
    f" UNION SELECT {_EVENT} FROM ledger_events WHERE stream = ?1 AND cycle = ?2 AND mark = 'late' ORDER BY 3"
)
_COUNT: Final = "SELECT count(*) FROM ledger_events"
_MAX_NID: Final = "SELECT max(nid) FROM ledger_events"
_UPSERT_ROW: Final = (
    f"INSERT INTO {{table}} ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    f" ON CONFLICT (position_id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in COLUMNS)}"
)
_ROWS: Final = f"SELECT {', '.join(COLUMNS)} FROM {{table}}"
_OPEN: Final = ", ".join(f"'{status.value}'" for status in sorted(OPEN_STATUSES))
_REJECTION_COLUMNS: Final = tuple(column.name for column in fields(Rejection))
_INSERT_REJECTION: Final = (
    f"INSERT INTO rejections ({', '.join(_REJECTION_COLUMNS)}) VALUES ({', '.join('?' * len(_REJECTION_COLUMNS))})"
)
_REJECTIONS: Final = f"SELECT {', '.join(_REJECTION_COLUMNS)} FROM rejections"
_LEFTOVERS: Final = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'positions\\_next\\_%' ESCAPE '\\'"
)
_DIFFERING: Final = (
    "SELECT DISTINCT position_id FROM ("
    "SELECT * FROM (SELECT * FROM positions EXCEPT SELECT * FROM {table})"
    " UNION ALL SELECT * FROM (SELECT * FROM {table} EXCEPT SELECT * FROM positions))"
)
_DIFFERENCES: Final = (
    "WITH suspects AS (SELECT value FROM json_each(?)),"
    " old AS (SELECT * FROM positions WHERE position_id IN suspects),"
    " new AS (SELECT * FROM {table} WHERE position_id IN suspects)"
    " SELECT count(DISTINCT position_id) FROM (SELECT * FROM (SELECT * FROM old EXCEPT SELECT * FROM new)"
    " UNION ALL SELECT * FROM (SELECT * FROM new EXCEPT SELECT * FROM old))"
)


class SQLiteStore(Store):
    """One SQLite file: write-ahead log, every commit synced, one writer at a time, several processes.

    A failed transaction wrote nothing; that a transaction was acknowledged means that it is on the disk.
    """

    placeholder = "?"
    is_remote = False

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        """Open the file; `create` makes or migrates the schema, else it must be there.

        Refuses: SchemaMismatch, StoreUnavailable.
        """
        self.settings, self.is_outdated = settings, False
        self._connections = Connections(settings, create=create)
        if create:
            self.is_outdated = schema.is_outdated_by(schema.migrate(self._connections))
        else:
            schema.require(self._connections)

    def close(self) -> None:
        """Let go of every connection."""
        self._connections.close()

    def snapshot(self, moment: str | None = None) -> AbstractContextManager[object]:
        """Let everything that this thread reads be of one moment."""
        assert moment is None, "a moment of a file cannot be shared"
        return self._connections.snapshot()

    # -- writing ------------------------------------------------------------------------------------------------

    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        heads: dict[str, str] | None = None,
    ) -> None:
        """Append events and write the rows they lead to, in one transaction."""
        if not records:
            return
        ends: dict[str, str] = dict(heads or {})
        with self._connections.writing() as connection:
            for stream, of_stream in groupby(records, lambda record: record.originator_id):
                appended = list(of_stream)
                hashes = chain(ends.get(stream) or self._head(connection, stream), appended)
                for record, hashed in zip(appended, hashes, strict=True):
                    self._insert(connection, record, hashed)
                ends[stream] = hashes[-1]
            try:
                connection.executemany(_UPSERT_ROW.format(table="positions"), map(_to_columns, rows))
            except sqlite3.IntegrityError as error:
                raise SlotTaken(str(error)) from error
        if heads is not None:
            heads.update(ends)

    def _head(self, connection: sqlite3.Connection, stream: str) -> str:
        found = connection.execute(_HEAD, (stream,)).fetchone()
        return found[0] if found else GENESIS

    def _insert(self, connection: sqlite3.Connection, record: EventRecord, hashed: str) -> None:
        stream = record.originator_id
        try:
            connection.execute(
                _INSERT_EVENT,
                (stream, record.originator_version, record.topic, record.state, hashed, *record.columns),
            )
        except sqlite3.IntegrityError as error:
            taken = connection.execute(_HAS_VERSION, (stream, record.originator_version)).fetchone()
            raise (VersionTaken if taken else IntentTaken)(f"{stream}: {error}") from error

    def restore(
        self,
        events: Sequence[RecordedEvent],
        *,
        after: int,
        rows: Sequence[PositionRow],
        rejections: Sequence[Rejection],
    ) -> None:
        """Write events as they were recorded elsewhere, the rows they lead to, and refusals, in one transaction."""
        with self._connections.writing() as connection:
            restore_events(connection, events, after)
            connection.executemany(_INSERT_REJECTION, map(_rejection_values, rejections))
            try:
                connection.executemany(_UPSERT_ROW.format(table="positions"), map(_to_columns, rows))
            except sqlite3.IntegrityError as error:
                raise SlotTaken(str(error)) from error

    def log_rejection(self, rejection: Rejection) -> None:
        """Keep a refused duplicate, for good."""
        with self._connections.writing() as connection:
            connection.execute(_INSERT_REJECTION, _rejection_values(rejection))

    # -- reading ------------------------------------------------------------------------------------------------

    def _select(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        with self._connections.reading() as connection:
            cursor = connection.execute(statement, values)
            yield from cursor.fetchall() if self.settings.is_memory else cursor

    def _value(self, statement: str, values: Sequence[Any]) -> Any:
        with self._connections.reading() as connection:
            found = connection.execute(statement, values).fetchone()
        return found[0] if found else None

    def load(self, stream: str) -> list[RecordedEvent]:
        """The events of a stream since it was last flat."""
        since = self._value(_LAST_FLAT, (stream,))
        return [] if since is None else [_recorded(row) for row in self._select(_SINCE, (stream, since))]

    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        """The events of one cycle, late ones included."""
        since = self._value(_OPENING, (stream, cycle))
        if since is None:
            return []
        until = self._value(_NEXT_FLAT, (stream, cycle))
        values = (stream, cycle, since, 2**62 if until is None else until)
        return [_recorded(row) for row in self._select(_CYCLE, values)]

    def cycle_of_intent(self, stream: str, intent_id: str) -> int | None:
        """The cycle that an intent opened."""
        cycle: int | None = self._value(_CYCLE_OF_INTENT, (stream, intent_id))
        return cycle

    def log(self, *, after: int = 0, as_of: AsOf | None = None, limit: int | None = None) -> Iterator[RecordedEvent]:
        """All events in the order in which they were recorded."""
        conditions, values = until(as_of, self.placeholder)
        yield from self.select([*conditions, f"nid > {self.placeholder}"], [*values, after], "nid", limit)

    def select(
        self, conditions: Sequence[str], values: Sequence[Any], order: str, limit: int | None = None
    ) -> Iterator[RecordedEvent]:
        """Events that meet all conditions, in an order of columns."""
        statement = f"SELECT {_EVENT} FROM ledger_events{where(conditions)} ORDER BY {order} LIMIT ?"
        for row in self._select(statement, [*values, -1 if limit is None else limit]):
            yield _recorded(row)

    def high_water_mark(self) -> int:
        """The last place in the log: one writer at a time leaves no gaps behind."""
        nid: int | None = self._value(_MAX_NID, ())
        return nid or 0

    def rows(self, *, open_only: bool = False, position_id: str | None = None) -> Iterator[PositionRow]:
        """Rows of the positions table, oldest position first."""
        statement, values = _ROWS.format(table="positions"), []
        conditions = [f"(status IN ({_OPEN}) OR stray)"] if open_only else []
        if position_id is not None:
            conditions.append("position_id = ?")
            values.append(position_id)
        for row in self._select(f"{statement}{where(conditions)} ORDER BY opened_at, position_id", values):
            yield row_from(row)

    def rows_by_stream(self, span: StreamSpan = ALL_STREAMS) -> Iterator[PositionRow]:
        """Rows of the positions table in the order of `streams`."""
        conditions, values = compared(span.conditions(), self.placeholder)
        statement = f"{_ROWS.format(table='positions')}{where(conditions)} ORDER BY stream, cycle"
        for row in self._select(statement, values):
            yield row_from(row)

    def select_rejections(self, conditions: Sequence[str], values: Sequence[Any]) -> Iterator[Rejection]:
        """Refused duplicates that meet all conditions, oldest first."""
        for row in self._select(f"{_REJECTIONS}{where(conditions)} ORDER BY id", values):
            yield Rejection(**dict(zip(_REJECTION_COLUMNS, (utc(row[0]), *row[1:]), strict=True)))

    def tracking(self, projection: str) -> SQLiteCheckpoints:
        """The cursors and rows of a projection that follows the log."""
        return SQLiteCheckpoints(self._connections, projection)

    def count_events(self) -> int:
        """How many events there are."""
        count: int = self._value(_COUNT, ())
        return count

    # -- rebuilding ---------------------------------------------------------------------------------------------

    @contextmanager
    def rebuilding(self) -> Iterator[SQLitePositionTable]:
        """A new positions table beside the one that is read.

        What an earlier rebuild left is dropped; if that one is still at work, it notices and gives up.
        """
        table = f"positions_next_{uuid4().hex[:12]}"
        with self._connections.writing() as connection:
            for (leftover,) in connection.execute(_LEFTOVERS).fetchall():
                connection.execute(f"DROP TABLE {leftover}")
            for statement in schema.positions_ddl(table):
                connection.execute(statement)
        yield SQLitePositionTable(self._connections, table)


class SQLitePositionTable:
    """The positions table that a rebuild fills."""

    def __init__(self, connections: Connections, table: str) -> None:
        """Fill a table that is there."""
        self._connections, self._table = connections, table

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""
        statement = _ROWS.format(table=self._table) + " WHERE position_id = ?"
        with self._connections.reading() as connection:
            found = connection.execute(statement, (f"{stream}#{cycle}",)).fetchone()
        return row_from(found) if found else None

    def add(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have none yet."""
        self.replace(rows)

    def replace(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have one."""
        with self._connections.reading() as connection:
            statement, values = _UPSERT_ROW.format(table=self._table), map(_to_columns, rows)
            if connection.in_transaction:
                connection.executemany(statement, values)
                return
        with self._connections.writing() as connection:
            connection.executemany(statement, values)

    def differing(self) -> set[str]:
        """The ids of the positions that have another row, or none, in the table that is read."""
        with self._connections.reading() as connection:
            return {position_id for (position_id,) in connection.execute(_DIFFERING.format(table=self._table))}

    def swap(self, last_events: Callable[[], Collection[str]]) -> tuple[int, int]:
        """Keep writers out, take in what they wrote last, and take the place of the table that is read."""
        with self._connections.writing() as connection:
            suspects = json.dumps([*last_events()])
            (differences,) = connection.execute(_DIFFERENCES.format(table=self._table), (suspects,)).fetchone()
            (rows,) = connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()
            connection.execute("PRAGMA legacy_alter_table = ON")  # a view finds its table by name; it is not rewritten
            connection.execute("DROP TABLE positions")
            connection.execute(f"DROP INDEX {self._table}_one_open")
            connection.execute(f"ALTER TABLE {self._table} RENAME TO positions")
            index = list(schema.positions_ddl("positions"))[-1]
            connection.execute(index)
        return rows, differences


def _recorded(row: Sequence[Any]) -> RecordedEvent:
    nid, stream, version, topic, payload, hashed, command_id, intent_id, cycle, mark, ts_recorded = row
    columns = IndexColumns(command_id, intent_id, cycle, mark, ts_recorded)
    return RecordedEvent(nid, stream, version, topic, payload, hashed, columns)


def _rejection_values(rejection: Rejection) -> tuple[Any, ...]:
    return (timestamp_text(rejection.ts_recorded), *astuple(rejection)[1:])


def _to_columns(row: PositionRow) -> list[Any]:
    *values, orders = map(vars(row).__getitem__, COLUMNS)
    return [*(_COLUMN.get(type(value), _as_it_is)(value) for value in values), orders_text(orders)]


def _as_it_is(value: Any) -> Any:
    return value


_COLUMN: Final[dict[type, Callable[[Any], Any]]] = {Decimal: plain, datetime: timestamp_text, dict: fees_text}
