"""The store on SQLite. Every statement that is its own stands at the top of this module."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple
from datetime import datetime
from decimal import Decimal
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

from domain.errors import SchemaMismatch, StoreUnavailable
from domain.rejection import Rejection
from domain.values import plain, timestamp_text
from infrastructure.event_store.checkpoints import OVERTAKEN
from infrastructure.event_store.hash_chain import GENESIS, chain
from infrastructure.event_store.port import (
    ALL_STREAMS,
    REJECTION_COLUMNS,
    Caution,
    IntentTaken,
    ProfitLine,
    SlotTaken,
    StreamSpan,
    VersionTaken,
)
from infrastructure.event_store.records import EventRecord, RecordedEvent, StreamEnd
from infrastructure.event_store.sql.dialect import SQLITE
from infrastructure.event_store.sql.order_lines import STORED, OrderLine, differing, lines_of
from infrastructure.event_store.sql.sql_store import SqlStore, recorded
from infrastructure.event_store.sqlite import schema
from infrastructure.event_store.sqlite.bulk_load import restore_events
from infrastructure.event_store.sqlite.checkpoints import SQLiteCheckpoints
from infrastructure.event_store.sqlite.compat_view import look_again
from infrastructure.event_store.sqlite.connections import Connections, wal_caution
from infrastructure.settings import Settings
from projections.positions import PositionRow, fees_text, orders_text, row_from

_EVENT: Final = (
    "nid, stream, version, type, CAST(payload AS BLOB), hash, command_id, intent_id, cycle, mark, ts_recorded"
)
_INSERT_EVENT: Final = (
    "INSERT INTO ledger_events (stream, version, type, payload, hash, command_id, intent_id, cycle, mark, ts_recorded)"
    " VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?)"
)
_HEAD: Final = "SELECT hash FROM ledger_events WHERE stream = ? ORDER BY version DESC LIMIT 1"
_HAS_VERSION: Final = "SELECT 1 FROM ledger_events WHERE stream = ? AND version = ?"
_HAS_END: Final = f"{_HAS_VERSION} AND hash = ?"
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
_SPANS: Final = (
    "WITH sizes AS (SELECT stream, count(*) AS size FROM ledger_events GROUP BY stream),"
    " counted AS (SELECT stream, (sum(size) OVER (ORDER BY stream) - size) * ? / sum(size) OVER () AS number"
    " FROM sizes) SELECT min(stream) FROM counted GROUP BY number ORDER BY number"
)
_COUNT_REFUSALS: Final = "SELECT count(*) FROM rejections"
_PROFITS: Final = (
    "SELECT exchange, account, settle_currency, 1, realized_pnl IS NOT NULL, coalesce(realized_pnl, '0'), fees,"
    " net_pnl IS NOT NULL, coalesce(net_pnl, '0') FROM positions"
)
"""A line a cycle: SQLite has no decimals to sum up."""
_GUARDS: Final = "SELECT name, sql FROM sqlite_schema WHERE type IN ('trigger', 'index')"
_MAX_NID: Final = "SELECT max(nid) FROM ledger_events"
_UPSERT_ROW: Final = (
    f"INSERT INTO {{table}} ({', '.join(STORED)}) VALUES ({', '.join('?' * len(STORED))})"
    f" ON CONFLICT (position_id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in STORED)}"
)
_UPSERT_LINE: Final = (
    f"INSERT INTO {{table}}_orders ({', '.join(OrderLine._fields)}) VALUES (?, ?, ?)"
    " ON CONFLICT (position_id, place) DO UPDATE SET body = excluded.body"
)
_ROW: Final = f"{SQLITE.row('{table}')} WHERE position_id = ?"
_INSERT_REJECTION: Final = (
    f"INSERT INTO rejections ({', '.join(REJECTION_COLUMNS)}) VALUES ({', '.join('?' * len(REJECTION_COLUMNS))})"
)
_LEFTOVERS: Final = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'positions\\_next\\_%' ESCAPE '\\'"
)
_HAS_TABLE: Final = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
_DIFFERING: Final = differing("{table}", "IS NOT")
_DIFFERENCES: Final = (
    "WITH suspects AS (SELECT value FROM json_each(?))"
    f" SELECT count(*) FROM ({differing('{table}', 'IS NOT', 'IN suspects')})"
)


class SQLiteStore(SqlStore):
    """One SQLite file: write-ahead log, every commit synced, one writer at a time, several processes.

    A failed transaction wrote nothing; that a transaction was acknowledged means that it is on the disk.
    """

    dialect = SQLITE
    placeholder = SQLITE.placeholder
    event_columns = _EVENT
    is_remote = False
    names_moments = False

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        """Open the file; `create` makes or migrates the schema, else it must be there.

        Refuses: SchemaMismatch, StoreUnavailable.
        """
        self.settings = settings
        self._connections = Connections(settings, create=create)
        if create:
            self.is_new = len(schema.migrate(self._connections)) == schema.SCHEMA_VERSION
            self.is_outdated = schema.is_outdated(self._connections)
        else:
            schema.require(self._connections)

    def close(self) -> None:
        self._connections.close()

    def snapshot(self, moment: str | None = None, *, as_found: bool = False) -> AbstractContextManager[object]:
        assert moment is None, "a moment of a file has no name"
        return self._connections.snapshot(as_found=as_found)

    def spans(self, count: int) -> list[StreamSpan]:
        if self.settings.is_memory:
            return [ALL_STREAMS]
        firsts = [first for (first,) in self._select(_SPANS, (count,))]
        return [StreamSpan(*ends) for ends in pairwise(["", *firsts[1:], None])]

    def still(self) -> AbstractContextManager[object]:
        return self._connections.still()

    # -- writing ------------------------------------------------------------------------------------------------

    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        before: Mapping[str, PositionRow] = MappingProxyType({}),
        heads: dict[str, str] | None = None,
    ) -> None:
        if not records:
            return
        ends: dict[str, str] = dict(heads or {})

        def append(connection: sqlite3.Connection) -> None:
            for stream, of_stream in groupby(records, lambda record: record.originator_id):
                appended = list(of_stream)
                if stream in ends:
                    self._require_end(connection, StreamEnd.before(appended[0], ends[stream]))
                hashes = chain(ends.get(stream) or self._head(connection, stream), appended)
                for record, hashed in zip(appended, hashes, strict=True):
                    self._insert(connection, record, hashed)
                ends[stream] = hashes[-1]
            _write_rows(connection, "positions", rows, before)

        self._connections.write(append)
        if heads is not None:
            heads.update(ends)

    def _head(self, connection: sqlite3.Connection, stream: str) -> str:
        found = connection.execute(_HEAD, (stream,)).fetchone()
        return found[0] if found else GENESIS

    def _require_end(self, connection: sqlite3.Connection, end: StreamEnd) -> None:
        """Refuse to write behind a hole: the file may hold an earlier copy than the one that was decided on."""
        if end.version and connection.execute(_HAS_END, end).fetchone() is None:
            raise VersionTaken(f"{end.stream} version {end.version} is not the event that this follows")

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
        def write(connection: sqlite3.Connection) -> None:
            restore_events(connection, events, after)
            connection.executemany(_INSERT_REJECTION, map(_rejection_values, rejections))
            _write_rows(connection, "positions", rows, {})

        self._connections.write(write)

    def log_rejection(self, rejection: Rejection) -> None:
        self._connections.write(lambda connection: connection.execute(_INSERT_REJECTION, _rejection_values(rejection)))

    # -- reading ------------------------------------------------------------------------------------------------

    def _select(self, statement: str, values: Any = ()) -> Iterator[tuple[Any, ...]]:
        return self._connections.rows(statement, values)

    _scan = _select

    def _change(self, statement: str, values: Any) -> int:
        return self._connections.write(lambda connection: connection.execute(statement, values).rowcount)

    def _value(self, statement: str, values: Any = ()) -> Any:
        with self._connections.reading() as connection:
            found = connection.execute(statement, values).fetchone()
        return found[0] if found else None

    def as_stored(self, row: PositionRow) -> tuple[Any, ...]:
        return (*_to_columns(row), orders_text(row.orders))

    def load(self, stream: str) -> list[RecordedEvent]:
        since = self._value(_LAST_FLAT, (stream,))
        return [] if since is None else [recorded(row) for row in self._select(_SINCE, (stream, since))]

    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        since = self._value(_OPENING, (stream, cycle))
        if since is None:
            return []
        until = self._value(_NEXT_FLAT, (stream, cycle))
        values = (stream, cycle, since, 2**62 if until is None else until)
        return [recorded(row) for row in self._select(_CYCLE, values)]

    def high_water_mark(self) -> int:
        """The last place in the log: one writer at a time leaves no gaps behind."""
        nid: int | None = self._value(_MAX_NID)
        return nid or 0

    def profit_lines(self) -> Iterator[ProfitLine]:
        for exchange, account, currency, cycles, known, realized, fees, nets_known, net in self._select(_PROFITS):
            yield ProfitLine(
                exchange, account, currency, cycles, known, Decimal(realized), Decimal(fees), nets_known, Decimal(net)
            )

    def settled_refusals(self) -> int:
        """How many refused duplicates there are: one writer at a time leaves no gaps behind."""
        count: int = self._value(_COUNT_REFUSALS)
        return count

    def places_handed_out(self) -> int:
        """The last place: the next one comes after all that are there, whoever gave those."""
        return self.high_water_mark()

    def caution(self) -> Caution | None:
        """What is known of the SQLite that Python came with."""
        return wal_caution()

    def missing_guards(self) -> list[str]:
        """The triggers and unique indexes that the schema has and that do not guard this file."""
        there = {tuple(found) for found in self._select(_GUARDS)}
        return sorted(name for name, text in schema.guards().items() if (name, text) not in there)

    def tracking(self, projection: str) -> SQLiteCheckpoints:
        return SQLiteCheckpoints(self._connections, projection)

    # -- rebuilding ---------------------------------------------------------------------------------------------

    @contextmanager
    def rebuilding(self) -> Iterator[SQLitePositionTable]:
        """A new positions table beside the one that is read.

        What an earlier rebuild left is dropped; if that one is still at work, it notices and gives up.
        """
        table = f"positions_next_{uuid4().hex[:12]}"

        def make(connection: sqlite3.Connection) -> None:
            for (leftover,) in connection.execute(_LEFTOVERS).fetchall():
                connection.execute(f"DROP TABLE {leftover}")
            for statement in schema.beside_ddl(table):
                connection.execute(statement)

        self._connections.write(make)
        try:
            yield SQLitePositionTable(self._connections, table)
        except SchemaMismatch:
            if self._value(_HAS_TABLE, (table,)):
                raise
            raise StoreUnavailable(OVERTAKEN) from None

    def table_beside(self, name: str) -> SQLitePositionTable:
        return SQLitePositionTable(self._connections, name)


class SQLitePositionTable:
    """The positions table that a rebuild fills."""

    def __init__(self, connections: Connections, table: str) -> None:
        self._connections, self._table = connections, table

    @property
    def name(self) -> str:
        """By which other processes find it."""
        return self._table

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""
        statement = _ROW.format(table=self._table)
        with self._connections.reading() as connection:
            found = connection.execute(statement, (f"{stream}#{cycle}",)).fetchone()
        return row_from(found) if found else None

    def add(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have none yet."""
        self.replace(rows)

    def replace(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have one."""
        with self._connections.reading() as connection:
            if connection.in_transaction:
                _write_rows(connection, self._table, rows, {})
                return
        self._connections.write(lambda connection: _write_rows(connection, self._table, rows, {}))

    def differing(self) -> set[str]:
        """The ids of the positions that have another row, or none, in the table that is read."""
        with self._connections.reading() as connection:
            return {position_id for (position_id,) in connection.execute(_DIFFERING.format(table=self._table))}

    def swap(self, last_events: Callable[[], Collection[str]]) -> tuple[int, int]:
        """Lock writers out, apply what they wrote last, and replace the table that is read."""

        def change_places(connection: sqlite3.Connection) -> tuple[int, int]:
            suspects = json.dumps([*last_events()])
            (differences,) = connection.execute(_DIFFERENCES.format(table=self._table), (suspects,)).fetchone()
            (rows,) = connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()
            connection.execute("PRAGMA legacy_alter_table = ON")  # a view finds its table by name; it is not rewritten
            connection.execute(f"DROP INDEX {self._table}_one_open")
            for kind in ("", "_orders"):
                connection.execute(f"DROP TABLE positions{kind}")
                connection.execute(f"ALTER TABLE {self._table}{kind} RENAME TO positions{kind}")
            index = list(schema.positions_ddl("positions"))[-1]
            connection.execute(index)
            look_again(connection)
            return rows, differences

        return self._connections.write(change_places)


def _write_rows(
    connection: sqlite3.Connection, table: str, rows: Iterable[PositionRow], before: Mapping[str, PositionRow]
) -> None:
    written = [*rows]
    try:
        connection.executemany(_UPSERT_ROW.format(table=table), map(_to_columns, written))
    except sqlite3.IntegrityError as error:
        raise SlotTaken(str(error)) from error
    connection.executemany(_UPSERT_LINE.format(table=table), lines_of(written, before))


def _rejection_values(rejection: Rejection) -> tuple[Any, ...]:
    return (timestamp_text(rejection.ts_recorded), *astuple(rejection)[1:])


def _to_columns(row: PositionRow) -> list[Any]:
    values = map(vars(row).__getitem__, STORED)
    return [_COLUMN.get(type(value), _as_it_is)(value) for value in values]


def _as_it_is(value: Any) -> Any:
    return value


_COLUMN: Final[dict[type, Callable[[Any], Any]]] = {Decimal: plain, datetime: timestamp_text, dict: fees_text}
