"""The store on SQLite. Statements that PostgreSQL does not share are at the top of this module."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from itertools import chain, pairwise
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

from domain.errors import HistoryDamaged, SchemaMismatch, StoreUnavailable
from domain.rejection import Rejection
from domain.values import recorded_number, total_of
from infrastructure.event_store.checkpoints import OVERTAKEN
from infrastructure.event_store.hash_chain import GENESIS, chained_on
from infrastructure.event_store.records import EventRecord, ReadyAppend, RecordedEvent
from infrastructure.event_store.sql.conditions import until, where
from infrastructure.event_store.sql.dialect import SQLITE
from infrastructure.event_store.sql.order_lines import differing
from infrastructure.event_store.sql.schema_guards import not_there
from infrastructure.event_store.sql.sql_store import SqlStore, recorded
from infrastructure.event_store.sql.stored_row import stored_row
from infrastructure.event_store.sqlite import append, schema, unconfirmed
from infrastructure.event_store.sqlite.bulk_load import restore_events
from infrastructure.event_store.sqlite.checkpoints import SQLiteCheckpoints
from infrastructure.event_store.sqlite.compat_view import look_again
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.event_store.sqlite.file_cautions import file_caution
from infrastructure.event_store.vocabulary.append_conflicts import UnsettledAppend
from infrastructure.event_store.vocabulary.caution import Caution
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, AsOf, CyclePlace, StreamReach, StreamSpan
from infrastructure.event_store.vocabulary.storage import Storage
from infrastructure.event_store.vocabulary.stored_rejection import REJECTION_COLUMNS, rejection_values
from infrastructure.event_store.vocabulary.tallies import ProfitLine
from infrastructure.settings import Settings
from projections.positions import PositionRow, orders_text

_EVENT: Final = (
    "nid, stream, version, type, CAST(payload AS BLOB), hash, command_id, intent_id, cycle, mark, ts_recorded"
)
_HEAD: Final = "SELECT hash FROM ledger_events WHERE stream = ? ORDER BY version DESC LIMIT 1"
_LAST_FLAT: Final = "SELECT version FROM ledger_events WHERE stream = ? AND mark = 'flat' ORDER BY cycle DESC LIMIT 1"
_SINCE: Final = f"SELECT {_EVENT} FROM ledger_events WHERE stream = ? AND version >= ? ORDER BY version"
_OPENING: Final = "SELECT version FROM ledger_events WHERE stream = ? AND cycle = ? AND mark IN ('flat', 'beside')"
_NEXT_FLAT: Final = (
    "SELECT version FROM ledger_events WHERE stream = ? AND cycle > ? AND mark = 'flat' ORDER BY cycle LIMIT 1"
)
_CYCLE: Final = (
    f"SELECT {_EVENT} FROM ledger_events WHERE nid IN (SELECT nid FROM ledger_events WHERE stream = ?1 AND cycle = ?2"
    " AND version >= ?3 AND version < ?4 UNION ALL SELECT nid FROM ledger_events WHERE stream = ?1 AND cycle = ?2"
    " AND mark = 'late') ORDER BY version"
)
"""Found first and sorted afterwards: to get each of the two parts in order, SQLite would read the whole stream."""
_FOLLOWING: Final = (
    f"SELECT {_EVENT} FROM ledger_events WHERE stream = ? AND cycle > ? AND version > ? AND version <= ?"
    " AND type IN (SELECT value FROM json_each(?)) ORDER BY version LIMIT ?"
)
_GONE_ON: Final = (
    "SELECT DISTINCT e.stream, e.cycle FROM json_each(?) AS reach CROSS JOIN ledger_events AS e"
    " ON e.stream = json_extract(reach.value, '$[0]') AND e.version > json_extract(reach.value, '$[1]')"
    " AND e.cycle BETWEEN 1 AND json_extract(reach.value, '$[2]')"
)
_REACHES: Final = (
    "WITH RECURSIVE keys (stream) AS (SELECT min(stream) FROM ledger_events UNION ALL"
    " SELECT (SELECT min(stream) FROM ledger_events AS e WHERE e.stream > keys.stream) FROM keys"
    " WHERE stream IS NOT NULL) SELECT stream,"
    " (SELECT version FROM ledger_events AS e{where} ORDER BY version DESC LIMIT 1),"
    " (SELECT cycle FROM ledger_events AS e{where} AND mark IS NOT NULL ORDER BY cycle DESC LIMIT 1)"
    " FROM keys WHERE stream IS NOT NULL"
)
"""Reads each stream backwards from its end until the moment; otherwise SQLite would read every event."""
_SPANS: Final = (
    "WITH sizes AS (SELECT stream, count(*) AS size FROM ledger_events GROUP BY stream),"
    " counted AS (SELECT stream, (sum(size) OVER (ORDER BY stream) - size) * ? / sum(size) OVER () AS number"
    " FROM sizes) SELECT min(stream) FROM counted GROUP BY number ORDER BY number"
)
_COUNT_REFUSALS: Final = "SELECT count(*) FROM rejections"
_PROFITS: Final = (
    "SELECT exchange, account, settle_currency, count(*), count(realized_pnl), group_concat(realized_pnl),"
    " group_concat(fees), count(net_pnl), group_concat(net_pnl) FROM positions"
    " GROUP BY exchange, account, settle_currency"
)
"""Lists of the numbers, because SQLite cannot sum up decimals."""
_SOUND: Final = "PRAGMA integrity_check"
_GUARDS: Final = "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'index') AND sql IS NOT NULL"
_TRIGGERS: Final = (
    "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN (SELECT name FROM sqlite_schema"
    " WHERE type = 'table') ORDER BY name"
)
_MAX_NID: Final = "SELECT max(nid) FROM ledger_events"
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

    A failed transaction wrote nothing; an acknowledged one is on the disk.
    """

    dialect = SQLITE
    event_columns = _EVENT
    is_remote = False
    names_moments = False
    takes_writers_at_once = False
    _connections: Connections

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        """Open the file; `create` creates or migrates the schema, otherwise it must exist.

        Refuses: SchemaMismatch, StoreUnavailable.
        """
        self.settings = settings
        self._connections = Connections(settings, create=create)
        if create:
            self.is_new = len(schema.migrate(self._connections)) == schema.SCHEMA_VERSION
            self.is_outdated = schema.is_outdated(self._connections)
        else:
            schema.require(self._connections)
        self._connections.schema_version = schema.SCHEMA_VERSION

    def close(self) -> None:
        self._connections.close()

    def snapshot(self, moment: str | None = None, *, as_found: bool = False) -> AbstractContextManager[object]:
        assert moment is None, "a moment of a file has no name"
        return self._connections.snapshot(as_found=as_found)

    def spans(self, count: int) -> list[StreamSpan]:
        if self.settings.is_memory:
            return [ALL_STREAMS]
        firsts = [first for (first,) in self._connections.rows(_SPANS, (count,))]
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
        given: dict[str, str] = dict(heads or {})

        def write(connection: sqlite3.Connection) -> dict[str, str]:
            ends = dict(given)
            for record in records:
                if record.originator_id not in ends:
                    ends[record.originator_id] = self._head(connection, record.originator_id)
            hashes, follows = chained_on(ends, records)
            known = [end for end in follows if end.stream in given]
            append.write_events(connection, known, [*map(append.event_values, records, hashes)])
            append.write_rows(connection, "positions", rows, before)
            return ends

        ends = unconfirmed.append(self._connections, records, write)
        if heads is not None:
            heads.update(ends)

    def ready(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow],
        before: Mapping[str, PositionRow],
        heads: dict[str, str],
    ) -> ReadyAppend:
        return append.made_ready(records, rows, before, heads)

    def append_ready(self, ready: ReadyAppend) -> None:
        unconfirmed.append(self._connections, [ready.first], lambda connection: append.write_ready(connection, ready))

    def settle(self, append: UnsettledAppend, seconds: float) -> bool | None:
        del seconds  # it waits for the write lock, and that has its timeout
        return unconfirmed.is_made(self._connections, append)

    def _head(self, connection: sqlite3.Connection, stream: str) -> str:
        found = connection.execute(_HEAD, (stream,)).fetchone()
        return found[0] if found else GENESIS

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
            connection.executemany(_INSERT_REJECTION, map(rejection_values, rejections))
            append.write_rows(connection, "positions", rows, {})

        self._connections.write(write)

    def log_rejection(self, rejection: Rejection) -> None:
        values = rejection_values(rejection)
        self._connections.write(lambda connection: connection.execute(_INSERT_REJECTION, values), alone=True)

    # -- reading ------------------------------------------------------------------------------------------------

    def as_stored(self, row: PositionRow) -> tuple[Any, ...]:
        return (*append.row_values(row), orders_text(row.orders))

    def load(self, stream: str) -> list[RecordedEvent]:
        since = self._value(_LAST_FLAT, (stream,))
        return [] if since is None else [recorded(row) for row in self._connections.rows(_SINCE, (stream, since))]

    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        since = self._value(_OPENING, (stream, cycle))
        if since is None:
            return []
        until = self._value(_NEXT_FLAT, (stream, cycle))
        values = (stream, cycle, since, 2**62 if until is None else until)
        return [recorded(row) for row in self._connections.rows(_CYCLE, values)]

    def load_cycles(self, places: Sequence[CyclePlace]) -> Iterator[RecordedEvent]:
        return chain.from_iterable(self.load_cycle(place.stream, place.cycle) for place in places)

    def reaches(self, as_of: AsOf) -> Iterator[StreamReach]:
        conditions, values = self._compared(until(self.visible(as_of)))
        statement = _REACHES.format(where=where(["e.stream = keys.stream", *conditions]))
        for stream, version, cycle in self._connections.rows(statement, values * 2):
            if version is not None:
                yield StreamReach(stream, version, cycle or 0)

    def gone_on(self, reaches: Sequence[StreamReach]) -> Iterator[CyclePlace]:
        return (CyclePlace(*place) for place in self._connections.rows(_GONE_ON, (json.dumps(reaches),)))

    def following(
        self, places: Sequence[CyclePlace], kinds: Sequence[str], *, reach: int, limit: int
    ) -> Iterator[RecordedEvent]:
        for stream, cycle, after in places:
            values = (stream, cycle, after, after + reach, json.dumps(kinds), limit)
            yield from map(recorded, self._connections.rows(_FOLLOWING, values))

    def high_water_mark(self) -> int:
        """The last nid of the log: with one writer at a time nothing can appear before it later."""
        nid: int | None = self._value(_MAX_NID)
        return nid or 0

    def profit_lines(self) -> Iterator[ProfitLine]:
        found = self._connections.rows(_PROFITS)
        for exchange, account, currency, cycles, known, realized, fees, nets_known, net in found:
            sums = (_summed(realized), _summed(fees), nets_known, _summed(net))
            yield ProfitLine(exchange, account, currency, cycles, known, *sums)

    def settled_refusals(self) -> int:
        """How many refused duplicates there are: with one writer at a time none can appear before the last."""
        count: int = self._value(_COUNT_REFUSALS)
        return count

    def places_handed_out(self) -> int:
        """The last nid in the log: SQLite assigns the next one after it."""
        return self.high_water_mark()

    def caution(self) -> Caution | None:
        """A warning about foreign triggers on its tables, or else about its file."""
        return self._foreign_triggers() or file_caution(self.settings)

    def _foreign_triggers(self) -> Caution | None:
        ours = schema.guards()
        found = [f"{name} on {table}" for name, table in self._connections.rows(_TRIGGERS) if name not in ours]
        if not found:
            return None
        return Caution(
            f"trigger {', '.join(found)}: no ledger makes that, and it may change or drop what is recorded",
            "find out who made it, and DROP TRIGGER it; then `position-ledger verify`",
        )

    def broken_guards(self) -> dict[str, str]:
        found = {name: (kind, text) for kind, name, text in self._connections.rows(_GUARDS)}
        broken = not_there(schema.guards(), ((name, text) for name, (_, text) in found.items()))
        return {
            name: f"BEGIN IMMEDIATE; DROP {found[name][0].upper()} {name}; {made}; COMMIT" if name in found else made
            for name, made in broken.items()
        }

    def storage(self) -> Storage:
        return Storage([words for (words,) in self._connections.rows(_SOUND) if words != "ok"])

    def tracking(self, projection: str) -> SQLiteCheckpoints:
        return SQLiteCheckpoints(self._connections, projection)

    # -- rebuilding ---------------------------------------------------------------------------------------------

    def fill_once(self, fill: Callable[[], object]) -> None:
        """Fill it in one transaction: the write lock is all that processes have in common which share a file."""

        def write(_: sqlite3.Connection) -> None:
            if schema.is_outdated(self._connections):
                fill()

        self._connections.write(write)

    @contextmanager
    def rebuilding(self) -> Iterator[SQLitePositionTable]:
        """A new positions table beside the one that is read.

        The table of an earlier rebuild is dropped; if that rebuild is still running, it notices this and stops.
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
        """The name by which other processes find it."""
        return self._table

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""
        statement = _ROW.format(table=self._table)
        with self._connections.reading() as connection:
            found = connection.execute(statement, (f"{stream}#{cycle}",)).fetchone()
        return stored_row(found) if found else None

    def add(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have none yet."""
        self.replace(rows)

    def replace(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have one."""
        self._connections.write(lambda each: append.write_rows(each, self._table, rows, {}))

    def differing(self) -> set[str]:
        """The position ids whose row differs from the one in the table that is read, or is missing in either."""
        with self._connections.reading() as connection:
            return {position_id for (position_id,) in connection.execute(_DIFFERING.format(table=self._table))}

    def swap(self, last_events: Callable[[], Collection[str]]) -> tuple[int, int]:
        """Lock writers out, apply what they wrote last, and replace the table that is read."""

        def change_places(connection: sqlite3.Connection) -> tuple[int, int]:
            suspects = json.dumps([*last_events()])
            (differences,) = connection.execute(_DIFFERENCES.format(table=self._table), (suspects,)).fetchone()
            (rows,) = connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()
            connection.execute("PRAGMA legacy_alter_table = ON")  # renaming must not rewrite views, which go by name
            for kind in ("one_open", "strays"):
                connection.execute(f"DROP INDEX {self._table}_{kind}")
            for kind in ("", "_orders"):
                connection.execute(f"DROP TABLE positions{kind}")
                connection.execute(f"ALTER TABLE {self._table}{kind} RENAME TO positions{kind}")
            for index in list(schema.positions_ddl("positions"))[1:]:
                connection.execute(index)
            look_again(connection)
            return rows, differences

        return self._connections.write(change_places)


def _summed(numbers: str | None) -> Decimal:
    """What numbers come to that stand side by side; None stands for none. Refuses: HistoryDamaged."""
    try:
        return total_of(map(recorded_number, numbers.split(","))) if numbers else Decimal(0)
    except ValueError as cause:
        raise HistoryDamaged(
            "an amount in the positions table is no number; `position-ledger verify` names its row, and "
            "`position-ledger rebuild` mends it"
        ) from cause
