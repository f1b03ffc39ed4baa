"""The store on PostgreSQL. Every statement that it uses stands at the top of this module, or in `append.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from itertools import pairwise
from typing import Any, Final, NoReturn

import psycopg
from psycopg import RawCursor, errors, sql
from psycopg_pool import PoolTimeout

from domain.errors import StoreUnavailable
from domain.values import OPEN_STATUSES, timestamp_text
from infrastructure.event_store.hash_chain import GENESIS, chained
from infrastructure.event_store.port import (
    ALL_STREAMS,
    AppendInDoubt,
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
from infrastructure.event_store.postgres import append, bulk_load, schema
from infrastructure.event_store.postgres.checkpoints import PostgresCheckpoints
from infrastructure.event_store.postgres.positions_table import PostgresPositionTable
from infrastructure.event_store.postgres.session.connections import (
    Backend,
    Connection,
    Connections,
    explained,
    is_lost,
    settle_seconds,
)
from infrastructure.event_store.postgres.session.prepared import execute
from infrastructure.event_store.postgres.session.watchdog import WatchedConnection, waited_for
from infrastructure.event_store.records import EventRecord, IndexColumns, RecordedEvent
from infrastructure.settings import Settings
from projections.positions import COLUMNS, PositionRow, row_from

_EVENT: Final = (
    "nid, stream, version, type, payload, hash, command_id, intent_id, cycle, mark,"
    """ to_char(ts_recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
)
"""The time is written by the server the way we write times: for us it is the most expensive column of all."""
_HEADS: Final = (
    "SELECT DISTINCT ON (stream) stream, hash FROM ledger_events WHERE stream = ANY(%s) ORDER BY stream, version DESC"
)
_CYCLE_OF_INTENT: Final = "SELECT cycle FROM ledger_events WHERE stream = %s AND intent_id = %s"
_SINCE_FLAT: Final = (
    f"SELECT {_EVENT} FROM ledger_events WHERE stream = %(stream)s AND version >= (SELECT version FROM ledger_events"
    " WHERE stream = %(stream)s AND mark = 'flat' ORDER BY cycle DESC LIMIT 1)"
    " AND version <= (SELECT 9223372036854775807) ORDER BY version"
)
"""The upper bound is one that the planner cannot see through: for a range it expects a few rows and takes the index,
where for a half-open one it expects a third of the stream and, in a table of few streams, reads all of it."""
_CYCLE: Final = (
    f"SELECT {_EVENT} FROM ledger_events WHERE stream = %(stream)s AND cycle = %(cycle)s AND version >= (SELECT version"
    " FROM ledger_events WHERE stream = %(stream)s AND cycle = %(cycle)s AND mark IN ('flat', 'beside'))"
    " AND version < coalesce((SELECT version FROM ledger_events WHERE stream = %(stream)s AND cycle > %(cycle)s"
    " AND mark = 'flat' ORDER BY cycle LIMIT 1), 9223372036854775807)"
    f" UNION SELECT {_EVENT} FROM ledger_events WHERE stream = %(stream)s AND cycle = %(cycle)s AND mark = 'late'"
    " ORDER BY version"
)
_SPANS: Final = (
    "SELECT min(stream) FROM (SELECT stream, trunc((sum(count(*)) OVER (ORDER BY stream) - count(*)) * %s"
    " / sum(count(*)) OVER ()) AS number FROM ledger_events GROUP BY stream) AS counted GROUP BY number ORDER BY number"
)
_SHARE_SNAPSHOT: Final = "SELECT pg_export_snapshot(), set_config('idle_in_transaction_session_timeout', '0', true)"
"""Whoever shares a snapshot keeps its transaction open, and asks nothing while others read."""
_AT: Final = "SELECT command_id FROM ledger_events WHERE stream = %s AND version = %s"
_COUNT: Final = "SELECT count(*) FROM ledger_events"
_MAX_NID: Final = "SELECT max(nid), pg_is_in_recovery() FROM ledger_events"
_ROWS: Final = f"SELECT {', '.join(COLUMNS)} FROM positions"
_OPEN: Final = ", ".join(f"'{status.value}'" for status in sorted(OPEN_STATUSES))
_REJECTION_COLUMNS: Final = tuple(column.name for column in fields(Rejection))
_INSERT_REJECTION: Final = (
    f"INSERT INTO rejections ({', '.join(_REJECTION_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_REJECTION_COLUMNS))})"
)
_REJECTIONS: Final = f"SELECT {', '.join(_REJECTION_COLUMNS)} FROM rejections"
_EXCLUSIVE: Final = "SELECT pg_advisory_xact_lock(%s, %s)"
_FETCH_ROWS: Final = 2_000
_AT_ONCE_MAX: Final = 8
_LOCK_POSITIONS: Final = "LOCK TABLE positions IN ROW EXCLUSIVE MODE"
"""Taken before the writers' lock, as the append does, so that a rebuild's swap cannot be met the other way round."""
_LOCK_PATIENCE: Final = "SET LOCAL lock_timeout = '100ms'"
_TURN_SECONDS: Final = 0.05
_TURN_SECONDS_MAX: Final = 0.4


class PostgresStore(Store):
    """A schema of a PostgreSQL database: one round trip and one commit an append, no table lock, no PL/pgSQL in it."""

    placeholder = "%s"
    is_remote = True

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        """Open the database; `create` makes or migrates the schema, else it must be there.

        Refuses: SchemaMismatch, StoreUnavailable.
        """
        self.settings, self.is_outdated = settings, False
        self._lock = schema.lock_key(settings)
        self._connections = Connections(settings)
        try:
            if create:
                self.is_outdated = schema.is_outdated_by(schema.migrate(self._connections))
            else:
                schema.require(self._connections)
        except BaseException:
            self._connections.close()
            raise

    def close(self) -> None:
        """Let go of every connection."""
        self._connections.close()

    @contextmanager
    def snapshot(self, moment: str | None = None) -> Iterator[None]:
        """Let everything that this thread reads be of one moment, or of the moment of a snapshot elsewhere."""
        with self._connections.walk("ISOLATION LEVEL REPEATABLE READ, READ ONLY") as connection:
            if moment is not None:
                connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(moment))
            yield

    def spans(self, count: int) -> list[StreamSpan]:
        """All streams, in about so many spans with as many events each."""
        firsts = [first for (first,) in self._select(_SPANS, (count,))]
        return [StreamSpan(*ends) for ends in pairwise(["", *firsts[1:], None])]

    def moment(self) -> str:
        """What another process calls the snapshot that this thread is in."""
        name: str = self._value(_SHARE_SNAPSHOT)
        return name

    # -- writing ------------------------------------------------------------------------------------------------

    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        heads: dict[str, str] | None = None,
    ) -> None:
        """Append events and write the rows they lead to: one statement, one round trip, one commit.

        Refuses: also AppendInDoubt when the connection was lost, and nobody knows what became of the append.
        """
        if not records:
            return
        ends: dict[str, str] = dict(heads) if heads is not None else self._heads(records)
        hashes: list[str] = []
        for record in records:
            stream = record.originator_id
            end = chained(ends.get(stream, GENESIS), stream, record.originator_version, record.topic, record.state)
            ends[stream] = end
            hashes.append(end)
        self._append(records, hashes, rows)
        if heads is not None:
            heads.update(ends)

    def _heads(self, records: Sequence[EventRecord]) -> dict[str, str]:
        return dict(self._select(_HEADS, ([record.originator_id for record in records],)))

    def _append(self, records: Sequence[EventRecord], hashes: Sequence[str], rows: Sequence[PositionRow]) -> None:
        connection: WatchedConnection | None = None
        try:
            connection = self._connections.borrow()
            try:
                if len(records) > _AT_ONCE_MAX:
                    self._append_in_parts(connection, records, hashes, rows)
                else:
                    self._append_at_once(connection, records, hashes, rows)
            finally:
                self._connections.give_back(connection)
        except errors.UniqueViolation as conflict:
            _tell_apart(conflict)
        except (psycopg.Error, PoolTimeout) as error:
            if connection is not None and is_lost(connection):
                backend = self._connections.backend(connection)
                raise AppendInDoubt(records[0], backend, settle_seconds(self.settings)) from error
            raise explained(error, self.settings) from error

    def _append_at_once(
        self,
        connection: WatchedConnection,
        records: Sequence[EventRecord],
        hashes: Sequence[str],
        rows: Sequence[PositionRow],
    ) -> None:
        statement = append.statement(len(records), len(rows), self._lock, notify=self.settings.notify)
        execute(connection, statement, append.parameters(records, hashes, rows))

    def _append_in_parts(
        self,
        connection: Connection,
        records: Sequence[EventRecord],
        hashes: Sequence[str],
        rows: Sequence[PositionRow],
    ) -> None:
        """A batch is one wait, however many statements: it has the whole timeout for it."""
        with (
            waited_for(connection, self.settings.timeout_seconds),
            connection.transaction(),
            RawCursor(connection) as raw,
            connection.cursor() as cursor,
        ):
            cursor.execute(_LOCK_POSITIONS)
            each = append.statement(1, 0, self._lock, notify=self.settings.notify)
            pairs = zip(records, hashes, strict=True)
            parameters = (append.parameters([record], [hashed], ()) for record, hashed in pairs)
            raw.executemany(each, parameters)
            cursor.executemany(append.row_statement("positions"), map(append.row_values, rows))

    def restore(
        self,
        events: Sequence[RecordedEvent],
        *,
        after: int,
        rows: Sequence[PositionRow],
        rejections: Sequence[Rejection],
    ) -> None:
        """Write events as they were recorded elsewhere, the rows they lead to, and refusals, in one transaction."""
        with self._connections.walk() as connection:
            try:
                bulk_load.restore(connection, self._lock, events, after=after, rows=rows, rejections=rejections)
            except errors.UniqueViolation as conflict:
                _tell_apart(conflict)

    def settle(self, doubt: AppendInDoubt) -> bool | None:
        """Whether an append in doubt was made; None while the backend that was asked may still be at it.

        Refuses: VersionTaken when somebody else's event stands there; StoreUnavailable.
        """
        with self._connections.fresh() as connection:
            assert isinstance(doubt.backend, Backend), "this store raised it"
            is_over = self._connections.is_over(connection, doubt.backend)
            found = connection.execute(_AT, (doubt.stream, doubt.version)).fetchone()
        if found is not None:
            if found[0] != doubt.command_id:
                raise VersionTaken(f"{doubt.stream} version {doubt.version}")
            return True
        return False if is_over else None

    def log_rejection(self, rejection: Rejection) -> None:
        """Keep a refused duplicate, for good."""
        values = (timestamp_text(rejection.ts_recorded), *astuple(rejection)[1:])
        with self._connections.reading() as connection:
            connection.execute(_INSERT_REJECTION, values)

    # -- reading ------------------------------------------------------------------------------------------------

    def _select(self, statement: str, values: Any = None) -> Iterator[tuple[Any, ...]]:
        with self._connections.reading() as connection:
            found = connection.execute(statement.encode(), values).fetchall()
        yield from found

    def _stream(self, statement: str, values: Any = None) -> Iterator[tuple[Any, ...]]:
        """Rows of a question that may have millions, in batches from a cursor on the server."""
        with self._connections.walk() as connection, connection.cursor(name="ledger_scan") as cursor:
            cursor.execute(statement.encode(), values)
            while rows := cursor.fetchmany(_FETCH_ROWS):
                yield from rows

    def _value(self, statement: str, values: Any = None) -> Any:
        return next(self._select(statement, values), (None,))[0]

    def load(self, stream: str) -> list[RecordedEvent]:
        """The events of a stream since it was last flat."""
        return [_recorded(row) for row in self._select(_SINCE_FLAT, {"stream": stream})]

    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        """The events of one cycle, late ones included."""
        return [_recorded(row) for row in self._select(_CYCLE, {"stream": stream, "cycle": cycle})]

    def cycle_of_intent(self, stream: str, intent_id: str) -> int | None:
        """The cycle that an intent opened."""
        cycle: int | None = self._value(_CYCLE_OF_INTENT, (stream, intent_id))
        return cycle

    def log(self, *, after: int = 0, as_of: AsOf | None = None, limit: int | None = None) -> Iterator[RecordedEvent]:
        """All events in the order in which they were recorded; to be followed, as far as they are settled."""
        moment = AsOf(nid=self.high_water_mark()) if as_of is None else as_of
        conditions, values = until(moment, "%s")
        yield from self.select([*conditions, "nid > %s"], [*values, after], "nid", limit)

    def high_water_mark(self) -> int:
        """The place in the log below which nothing can appear any more.

        Every writer holds the shared lock from before it is given a place until its transaction has ended, so
        whoever holds the exclusive lock sees all that was ever given a place. It is held for an instant. Writers
        queue behind whoever waits for it, so it is waited for in short turns, with longer and longer ones for them.
        Refuses: StoreUnavailable on a standby, or when some writer does not come to an end in time.
        """
        deadline, turn_seconds = time.monotonic() + self.settings.timeout_seconds, _TURN_SECONDS
        while True:
            try:
                with self._connections.transaction() as connection:
                    connection.execute(_LOCK_PATIENCE)
                    connection.execute(_EXCLUSIVE, (schema.APPEND_LOCK, self._lock))
                    found = connection.execute(_MAX_NID).fetchone()
            except StoreUnavailable as busy:
                if not isinstance(busy.__cause__, errors.LockNotAvailable):
                    raise
                if time.monotonic() > deadline:
                    raise StoreUnavailable(
                        f"{self.settings.shown}: an append is unfinished for {self.settings.timeout_seconds:g} s, so "
                        "nobody knows yet what will stand in the log; ask again"
                    ) from busy
                time.sleep(turn_seconds)
                turn_seconds = min(2 * turn_seconds, _TURN_SECONDS_MAX)
                continue
            assert found is not None, "an aggregate has one row"
            if found[1]:
                raise StoreUnavailable(
                    f"{self.settings.shown} is a standby, where the log may still have gaps; read it on the primary "
                    "(target_session_attrs=read-write)"
                )
            return found[0] or 0

    def listening(self) -> Connection:
        """A connection that hears of appends, if this ledger notifies (`?notify=1`). Refuses: StoreUnavailable."""
        return self._connections.listening(append.channel(self._lock))

    def select(
        self, conditions: Sequence[str], values: Sequence[Any], order: str, limit: int | None = None
    ) -> Iterator[RecordedEvent]:
        """Events that meet all conditions, in an order of columns."""
        statement = f"SELECT {_EVENT} FROM ledger_events{where(conditions)} ORDER BY {order}"
        if limit is not None:
            statement += f" LIMIT {limit:d}"
        read = self._stream if limit is None else self._select
        return map(_recorded, read(statement, values))

    def rows(self, *, open_only: bool = False, position_id: str | None = None) -> Iterator[PositionRow]:
        """Rows of the positions table, oldest position first."""
        conditions = [f"(status IN ({_OPEN}) OR stray)"] if open_only else []
        values = []
        if position_id is not None:
            conditions.append("position_id = %s")
            values.append(position_id)
        select = self._select if conditions else self._stream
        for row in select(f"{_ROWS}{where(conditions)} ORDER BY opened_at, position_id", values):
            yield row_from(row)

    def rows_by_stream(self, span: StreamSpan = ALL_STREAMS) -> Iterator[PositionRow]:
        """Rows of the positions table in the order of `streams`."""
        conditions, values = compared(span.conditions(), self.placeholder)
        statement = f"{_ROWS}{where(conditions)} ORDER BY stream, cycle"
        with self._connections.reading() as connection, connection.cursor(name="ledger_rows") as cursor:
            cursor.itersize = _FETCH_ROWS
            for row in cursor.execute(statement.encode(), values):
                yield row_from(row)

    def select_rejections(self, conditions: Sequence[str], values: Sequence[Any]) -> Iterator[Rejection]:
        """Refused duplicates that meet all conditions, oldest first."""
        for row in self._select(f"{_REJECTIONS}{where(conditions)} ORDER BY id", values):
            yield Rejection(**dict(zip(_REJECTION_COLUMNS, row, strict=True)))

    def tracking(self, projection: str) -> PostgresCheckpoints:
        """The cursors and rows of a projection that follows the log."""
        return PostgresCheckpoints(self._connections, projection)

    def count_events(self) -> int:
        """How many events there are."""
        count: int = self._value(_COUNT)
        return count

    # -- rebuilding ---------------------------------------------------------------------------------------------

    @contextmanager
    def rebuilding(self) -> Iterator[PostgresPositionTable]:
        """A new positions table beside the one that is read; whatever an earlier attempt left is dropped."""
        table = PostgresPositionTable(self._connections)
        table.create()
        yield table


def _tell_apart(conflict: errors.UniqueViolation) -> NoReturn:
    match conflict.diag.constraint_name:
        case "ledger_events_pkey":
            raise VersionTaken(str(conflict)) from conflict
        case "ledger_events_intent":
            raise IntentTaken(str(conflict)) from conflict
        case _:
            raise SlotTaken(str(conflict)) from conflict


def _recorded(row: Sequence[Any]) -> RecordedEvent:
    nid, stream, version, topic, payload, hashed, command_id, intent_id, cycle, mark, ts_recorded = row
    columns = IndexColumns(command_id, intent_id, cycle, mark, ts_recorded)
    return RecordedEvent(nid, stream, version, topic, payload.encode(), hashed, columns)
