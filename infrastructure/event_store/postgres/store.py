"""The store on PostgreSQL. Statements that SQLite does not share are at the top of this module, or in `appending/`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

from psycopg import errors, sql

from domain.errors import SchemaMismatch, StoreUnavailable
from infrastructure.event_store.checkpoints import OVERTAKEN
from infrastructure.event_store.postgres import grants, guards, index_lookups, schema
from infrastructure.event_store.postgres.appending import append
from infrastructure.event_store.postgres.appending.appending_store import AppendingStore
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK, FILL_LOCK, lock_key
from infrastructure.event_store.postgres.checkpoints import PostgresCheckpoints
from infrastructure.event_store.postgres.listener import Listener
from infrastructure.event_store.postgres.lock_holders import lock_holders
from infrastructure.event_store.postgres.positions_table import PostgresPositionTable
from infrastructure.event_store.postgres.replication.standing import standing
from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.replica import ReplicaKind
from infrastructure.event_store.sql.dialect import POSTGRES
from infrastructure.event_store.sql.sql_store import recorded
from infrastructure.event_store.vocabulary.caution import Caution, Standing
from infrastructure.event_store.vocabulary.places import CyclePlace, StreamReach, StreamSpan
from infrastructure.event_store.vocabulary.storage import Storage
from infrastructure.event_store.vocabulary.tallies import ProfitLine
from infrastructure.event_store.wakeups import Wakeups
from infrastructure.settings import Settings
from projections.positions import PositionRow

_EVENT: Final = (
    "nid, stream, version, type, payload, hash, command_id, intent_id, cycle, mark,"
    """ pg_catalog.to_char(ts_recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
)
"""The server writes the time in our spelling: to do that in Python costs more than any other column."""
_SINCE_FLAT: Final = (
    f"SELECT {_EVENT} FROM ledger_events WHERE stream = %(stream)s AND version >= (SELECT version FROM ledger_events"
    " WHERE stream = %(stream)s AND mark = 'flat' ORDER BY cycle DESC LIMIT 1)"
    " AND version <= (SELECT 9223372036854775807) ORDER BY version"
)
"""The upper bound is a subquery, whose value the planner does not know: for a range it expects a few rows and uses the
index. For a half-open range it expects a third of the stream and, in a table of few streams, reads the whole table."""
_CYCLE: Final = (
    f"SELECT {_EVENT} FROM ledger_events WHERE stream = %(stream)s AND cycle = %(cycle)s AND version >= (SELECT version"
    " FROM ledger_events WHERE stream = %(stream)s AND cycle = %(cycle)s AND mark IN ('flat', 'beside'))"
    " AND version < coalesce((SELECT version FROM ledger_events WHERE stream = %(stream)s AND cycle > %(cycle)s"
    " AND mark = 'flat' ORDER BY cycle LIMIT 1), 9223372036854775807)"
    f" UNION SELECT {_EVENT} FROM ledger_events WHERE stream = %(stream)s AND cycle = %(cycle)s AND mark = 'late'"
    " ORDER BY version"
)
_CYCLES: Final = (
    "SELECT e.* FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::bigint[])) AS p (stream, cycle)"
    f" CROSS JOIN LATERAL ({_CYCLE.replace('%(stream)s', 'p.stream').replace('%(cycle)s', 'p.cycle')}) AS e"
)
_FOLLOWING: Final = (
    "SELECT e.* FROM ROWS FROM (pg_catalog.unnest(%(streams)s::text[]), pg_catalog.unnest(%(cycles)s::bigint[]),"
    " pg_catalog.unnest(%(after)s::bigint[])) AS p (stream, cycle, after) CROSS JOIN LATERAL"
    f" (SELECT {_EVENT} FROM (SELECT * FROM ledger_events AS l WHERE l.stream = p.stream AND l.version > p.after"
    " ORDER BY l.version LIMIT %(reach)s) AS near WHERE near.cycle > p.cycle AND type = ANY(%(kinds)s)"
    " LIMIT %(limit)s) AS e"
)
"""The inner limit keeps the planner from fetching and sorting all events within reach before it takes the first."""
_GONE_ON: Final = (
    "SELECT DISTINCT e.stream, e.cycle FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::bigint[]),"
    " pg_catalog.unnest(%s::bigint[])) AS reach (stream, version, cycle) JOIN ledger_events AS e"
    " ON e.stream = reach.stream AND e.version > reach.version AND e.cycle BETWEEN 1 AND reach.cycle"
)
_SPANS: Final = (
    "WITH sizes AS (SELECT stream, pg_catalog.count(*)::numeric AS size FROM ledger_events GROUP BY stream),"
    " counted AS (SELECT stream, pg_catalog.trunc((pg_catalog.sum(size) OVER (ORDER BY stream) - size) * %s::numeric"
    " / pg_catalog.sum(size) OVER ()) AS number FROM sizes)"
    " SELECT pg_catalog.min(stream) FROM counted GROUP BY number ORDER BY number"
)
_SHARE_SNAPSHOT: Final = (
    "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true)"
)
"""A process that shares its snapshot keeps the transaction open and idle while others read: it must not time out."""
_MAX_NID: Final = "SELECT pg_catalog.max(nid), pg_catalog.pg_is_in_recovery() FROM ledger_events"
_PROFITS: Final = (
    "SELECT exchange, account, settle_currency, pg_catalog.count(*), pg_catalog.count(realized_pnl),"
    " coalesce(pg_catalog.sum(realized_pnl), 0), pg_catalog.sum(fees), pg_catalog.count(net_pnl),"
    " coalesce(pg_catalog.sum(net_pnl), 0) FROM positions GROUP BY exchange, account, settle_currency"
)
_COUNT_REFUSALS: Final = "SELECT pg_catalog.count(*), pg_catalog.pg_is_in_recovery() FROM rejections"
_HANDED_OUT: Final = (
    "SELECT CASE WHEN pg_catalog.has_sequence_privilege(places::regclass::oid, 'SELECT')"
    " THEN coalesce(pg_catalog.pg_sequence_last_value(places::regclass), 0) END"
    " FROM pg_catalog.pg_get_serial_sequence('ledger_events', 'nid') AS places"
)
_READ_ONLY: Final = "SELECT pg_catalog.current_setting('default_transaction_read_only') = 'on'"
_FED: Final = (
    "SELECT pg_catalog.pg_is_in_recovery(), EXISTS (SELECT FROM pg_subscription_rel"
    " WHERE srrelid = pg_catalog.to_regclass('ledger_events')::oid)"
)
_EXCLUSIVE: Final = "SELECT pg_catalog.pg_advisory_xact_lock(%s, %s)"
_WAIT_IN_TURN: Final = (
    "SELECT pg_catalog.set_config('lock_timeout', %s, true), pg_catalog.set_config('statement_timeout', '0', true),"
    " pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true)"
)
"""Its transaction stays open and idle while the table is filled, and must not time out."""
_KEEP_POSITIONS: Final = "LOCK TABLE positions, positions_orders IN ACCESS SHARE MODE"
"""Locked before the snapshot begins: it fixes rows, but not table names, and a rebuild renames another table to it."""
_LOCK_PATIENCE: Final = "SET LOCAL lock_timeout = '100ms'"
_TURN_SECONDS: Final = 0.05
_TURN_SECONDS_MAX: Final = 0.4


class PostgresStore(AppendingStore):
    """A ledger in a schema of a PostgreSQL database: an append is one round trip and commit, without a table lock."""

    dialect = POSTGRES
    event_columns = _EVENT
    is_remote = True

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        """Open the database; `create` creates or migrates the schema, otherwise it must exist.

        Refuses: SchemaMismatch, StoreUnavailable.
        """
        self.settings = settings
        self._lock = lock_key(settings)
        self._connections = Connections(settings)
        try:
            if create:
                self.is_new = len(schema.migrate(self._connections)) == schema.SCHEMA_VERSION
                self.is_outdated = schema.is_outdated(self._connections)
                if self.is_new:
                    with self._connections.reading() as connection:
                        self.siblings = schema.siblings(connection, settings)
            else:
                schema.require(self._connections)
            self._connections.schema_version = schema.SCHEMA_VERSION
        except BaseException:
            self._connections.close()
            raise

    def close(self) -> None:
        self._connections.close()

    @contextmanager
    def snapshot(self, moment: str | None = None, *, as_found: bool = False) -> Iterator[None]:
        del as_found  # PostgreSQL refuses invalid text, so none can be stored
        with self._connections.walk("ISOLATION LEVEL REPEATABLE READ, READ ONLY") as connection:
            if moment is not None:
                connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(moment))
            connection.execute(_KEEP_POSITIONS)
            yield

    def spans(self, count: int) -> list[StreamSpan]:
        firsts = [first for (first,) in self._connections.rows(_SPANS, (count,))]
        return [StreamSpan(*ends) for ends in pairwise(["", *firsts[1:], None])]

    def moment(self) -> str:
        name: str = self._value(_SHARE_SNAPSHOT)
        return name

    # -- reading ------------------------------------------------------------------------------------------------

    def as_stored(self, row: PositionRow) -> tuple[Any, ...]:
        return append.as_stored(row)

    def load(self, stream: str) -> list[RecordedEvent]:
        return [recorded(row) for row in self._connections.rows(_SINCE_FLAT, {"stream": stream})]

    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        return [recorded(row) for row in self._connections.rows(_CYCLE, {"stream": stream, "cycle": cycle})]

    def load_cycles(self, places: Sequence[CyclePlace]) -> Iterator[RecordedEvent]:
        streams, cycles = [place.stream for place in places], [place.cycle for place in places]
        return map(recorded, self._connections.rows(_CYCLES, (streams, cycles)))

    def gone_on(self, reaches: Sequence[StreamReach]) -> Iterator[CyclePlace]:
        columns = [[*column] for column in zip(*reaches, strict=True)]
        return (CyclePlace(*place) for place in self._connections.rows(_GONE_ON, columns)) if columns else iter(())

    def following(
        self, places: Sequence[CyclePlace], kinds: Sequence[str], *, reach: int, limit: int
    ) -> Iterator[RecordedEvent]:
        streams, cycles, after = map(list, zip(*places, strict=True))
        asked = {"streams": streams, "cycles": cycles, "after": after, "kinds": list(kinds), "limit": limit}
        return map(recorded, self._connections.rows(_FOLLOWING, {**asked, "reach": reach}))

    def high_water_mark(self) -> int:
        """The last nid of the log, before which no event can appear any more.

        Every writer holds the shared lock from before it gets a nid until its transaction ends, so a process with the
        exclusive lock sees every event that ever got one. It holds that lock for an instant. Writers queue behind the
        request for it, so it is requested for short times, with longer and longer pauses for the writers.
        Refuses: StoreUnavailable on a standby, or when a writer does not finish in time.
        """
        return self._settled(_MAX_NID)

    def profit_lines(self) -> Iterator[ProfitLine]:
        """One line for each account and currency; or for each cycle, where there is no positions table."""
        if not self._has_positions():
            return map(ProfitLine.of, self.rows())
        return map(ProfitLine._make, self._connections.rows(_PROFITS))

    def _has_positions(self) -> bool:
        """Whether there is a positions table here; a subscriber has none."""
        return True

    def settled_refusals(self) -> int | None:
        """How many refused duplicates there are; a process that adds one holds the writers' lock as well."""
        return self._settled(_COUNT_REFUSALS)

    def replica_kind(self) -> ReplicaKind | None:
        """How this server gets its data from another one; None for a primary."""
        ((is_standby, is_subscriber),) = self._connections.rows(_FED)
        if is_standby:
            return ReplicaKind.STANDBY
        return ReplicaKind.SUBSCRIBER if is_subscriber else None

    def places_handed_out(self) -> int | None:
        """The last nid that the sequence has assigned; None where this role may not read it."""
        place: int | None = self._value(_HANDED_OUT)
        return place

    def caution(self) -> Caution | None:
        """A warning about foreign objects on its tables, or else about others who may create objects beside them."""
        return guards.strangers_caution(self._connections) or grants.makers_caution(self._connections)

    def obstacle(self) -> Caution | None:
        """A primary that takes no writes: it was set read-only, or somebody keeps locks that a writer waits for."""
        if self.replica_kind() is not None:
            return None
        if not self._value(_READ_ONLY):
            return lock_holders(self._connections)
        return Caution(
            "nothing can be recorded: its transactions are read-only (default_transaction_read_only)",
            "make room if its disk was full, then ALTER DATABASE or ROLE … RESET default_transaction_read_only, as the "
            "owner, and connect anew",
        )

    def replication(self) -> Standing | None:
        with self._connections.reading() as connection:
            found = standing(connection)
        return Standing(found.says, found.caution)

    def broken_guards(self) -> dict[str, str]:
        return guards.broken(self._connections)

    def storage(self) -> Storage:
        return index_lookups.storage(self._connections)

    def _settled(self, last: str) -> int:
        deadline, turn_seconds = time.monotonic() + self.settings.timeout_seconds, _TURN_SECONDS
        while True:
            try:
                with self._connections.transaction() as connection:
                    connection.execute(_LOCK_PATIENCE)
                    connection.execute(_EXCLUSIVE, (APPEND_LOCK, self._lock))
                    found = connection.execute(last.encode()).fetchone()
            except StoreUnavailable as busy:
                if not isinstance(busy.__context__, errors.LockNotAvailable):
                    raise
                if time.monotonic() > deadline:
                    holders = lock_holders(self._connections)
                    raise StoreUnavailable(
                        f"{self.settings.shown}: an append is unfinished for {self.settings.timeout_seconds:g} s, so "
                        "it is not known yet what will stand in the log; ask again"
                        + ("" if holders is None else f"; {holders}")
                    ) from busy
                time.sleep(turn_seconds)
                turn_seconds = min(2 * turn_seconds, _TURN_SECONDS_MAX)
                continue
            assert found is not None, "an aggregate has one row"
            if found[1]:
                raise StoreUnavailable(
                    f"{self.settings.shown} became a standby, where the log may still have gaps; connect again to read "
                    "it there, or read it on the primary (target_session_attrs=read-write)"
                )
            return found[0] or 0

    def wakeups(self) -> Wakeups:
        """The wait for new events: for a notification, where this ledger notifies (`?notify=1`), else for a poll."""
        if self.settings.notify:
            return Listener(self._connections, append.channel(self._lock))
        return super().wakeups()

    def tracking(self, projection: str) -> PostgresCheckpoints:
        return PostgresCheckpoints(self._connections, projection)

    # -- rebuilding ---------------------------------------------------------------------------------------------

    def fill_once(self, fill: Callable[[], object]) -> None:
        """Fill it under an advisory lock, beside which writers go on."""
        timeout = self.settings.timeout_seconds
        with self._connections.alone() as connection, connection.transaction():
            try:
                connection.execute(_WAIT_IN_TURN, (str(round(timeout * 1000)),))
                connection.execute(_EXCLUSIVE, (FILL_LOCK, self._lock))
            except errors.LockNotAvailable:
                raise StoreUnavailable(
                    f"{self.settings.shown}: another process fills the positions table of an earlier version, and was "
                    f"not done within {timeout:g} s; nothing was changed. Try again, or wait longer with "
                    "?timeout=SECONDS"
                ) from None
            if schema.is_outdated(self._connections):
                try:
                    fill()
                except StoreUnavailable as refused:
                    if isinstance(refused.__context__, errors.InsufficientPrivilege):
                        raise schema.owner_fills(self.settings) from None
                    raise

    @contextmanager
    def rebuilding(self) -> Iterator[PostgresPositionTable]:
        """A new positions table beside the one that is read; what an earlier rebuild left behind is dropped."""
        table = PostgresPositionTable(self._connections)
        table.create()
        try:
            yield table
        except SchemaMismatch:
            if table.is_there():
                raise
            raise StoreUnavailable(OVERTAKEN) from None

    def table_beside(self, name: str) -> PostgresPositionTable:
        return PostgresPositionTable(self._connections, name)
