"""The writing half of the store on PostgreSQL: appends, and finding out what became of one whose answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from types import MappingProxyType
from typing import Final, NoReturn

import psycopg
from psycopg import errors

from domain.errors import HistoryDamaged
from domain.rejection import Rejection
from infrastructure.event_store.hash_chain import chained_on
from infrastructure.event_store.postgres.appending import append, bulk_load
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK
from infrastructure.event_store.postgres.session.connections import Backend, Connection, Connections, is_lost
from infrastructure.event_store.postgres.session.pool import PoolTimeout
from infrastructure.event_store.postgres.session.poolers import MARK_IN_FORCE
from infrastructure.event_store.postgres.session.prepared import execute
from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.event_store.postgres.session.session_settings import settle_seconds
from infrastructure.event_store.postgres.session.watchdog import WatchedConnection, done_within, waited_for
from infrastructure.event_store.records import EventRecord, ReadyAppend, RecordedEvent, StreamEnd
from infrastructure.event_store.sql.order_lines import lines_of
from infrastructure.event_store.sql.sql_store import SqlStore
from infrastructure.event_store.vocabulary.append_conflicts import (
    AppendInDoubt,
    IntentTaken,
    SlotTaken,
    UnsettledAppend,
    VersionTaken,
    dropped,
)
from infrastructure.event_store.vocabulary.stored_rejection import REJECTION_COLUMNS
from infrastructure.settings import Settings
from projections.positions import PositionRow

_HEADS: Final = (
    "SELECT DISTINCT ON (stream) stream, hash FROM ledger_events WHERE stream = ANY(%s) ORDER BY stream, version DESC"
)
_AT: Final = f"SELECT {MARK_IN_FORCE}, (SELECT command_id FROM ledger_events WHERE stream = %s AND version = %s)"
_COUNT_ENDS: Final = (
    "SELECT pg_catalog.count(*) FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::bigint[]),"
    " pg_catalog.unnest(%s::text[])) AS known (stream, version, hash) JOIN ledger_events USING (stream, version, hash)"
)
_COMMIT_HERE: Final = "SELECT pg_catalog.pg_logical_emit_message(true, 'position-ledger'::text, ''::text)"
"""An empty commit: it returns when every standby that this server waits for has all earlier commits."""
_INSERT_REJECTION: Final = (
    f"INSERT INTO rejections ({', '.join(REJECTION_COLUMNS)})"
    f" SELECT given.* FROM (VALUES ({', '.join(['%s'] * len(REJECTION_COLUMNS))})) AS given"
    f" WHERE pg_catalog.pg_advisory_xact_lock_shared(%s, %s) IS NOT NULL AND {append.IS_OURS}"
    f" AND {MARK_IN_FORCE} IS NOT DISTINCT FROM %s"
)
_OF_NO_PRIMARY: Final = (errors.QueryCanceled, errors.LockNotAvailable, errors.ReadOnlySqlTransaction)
"""Errors of a server that cannot commit: it became a standby, or it waits for a standby that has another primary."""
_AT_ONCE_MAX: Final = 8
_NOTIFY: Final = "SELECT pg_catalog.pg_notify(%s::text, ''::text)"


class AppendingStore(SqlStore):
    """A store that appends with one round trip and one commit, and raises AppendInDoubt when the outcome is unknown."""

    settings: Settings
    _lock: int
    """The part of the advisory lock's key that tells this ledger from others in the database."""
    _connections: Connections

    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        before: Mapping[str, PositionRow] = MappingProxyType({}),
        heads: dict[str, str] | None = None,
    ) -> None:
        """Append events and write the rows that they change: one statement, one round trip, one commit.

        Refuses: as the port says, and AppendInDoubt when the outcome of the append is not known.
        """
        if not records:
            return
        ends: dict[str, str] = dict(heads) if heads is not None else self._heads(records)
        hashes, follows = chained_on(ends, records)
        known = [end for end in follows if end.version and heads is not None]
        prepared = append.PreparedAppend(records, hashes, known, rows, lines_of(rows, before))
        if max(len(records), len(prepared.lines)) > _AT_ONCE_MAX:
            bulk = bulk_load.BulkAppend.of(prepared)
            self._append(records, lambda connection: self._append_in_parts(connection, known, bulk))
        else:
            self._append(records, lambda connection: self._append_at_once(connection, prepared))
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
        hashes, follows = chained_on(heads, records)
        prepared = append.PreparedAppend(records, hashes, rows=rows, lines=lines_of(rows, before))
        return ReadyAppend(records[0], follows, bulk_load.BulkAppend.of(prepared).packed())

    def append_ready(self, ready: ReadyAppend) -> None:
        bulk = bulk_load.BulkAppend.unpacked(ready.content)
        known = [end for end in ready.follows if end.version]
        self._append([ready.first], lambda connection: self._append_in_parts(connection, known, bulk))

    def _heads(self, records: Sequence[EventRecord]) -> dict[str, str]:
        return dict(self._connections.rows(_HEADS, ([record.originator_id for record in records],)))

    def _append(self, records: Sequence[EventRecord], write: Callable[[WatchedConnection], None]) -> None:
        connection: WatchedConnection | None = None
        try:
            try:
                connection = self._connections.borrow()
                connection.warnings.clear()
                write(connection)
                if connection.warnings:
                    raise self._doubt(records, connection, f"the server warned: {connection.warnings[0]}")
                self._connections.appended(connection)
            finally:
                if connection is not None:
                    self._connections.give_back(connection)
        except errors.UniqueViolation as conflict:
            _raise_conflict(conflict)
        except (psycopg.Error, PoolTimeout) as error:
            if connection is not None and is_lost(connection):
                raise self._doubt(records, connection, "the connection was lost") from error
            if connection is not None and isinstance(error, _OF_NO_PRIMARY):
                self._connections.distrust(connection)
            raise explained(error, self.settings) from None

    def _doubt(self, records: Sequence[EventRecord], connection: WatchedConnection, reason: str) -> AppendInDoubt:
        """The error for an append that the server did not confirm, or confirmed with a warning.

        A commit whose wait for a standby is cancelled is confirmed with a warning: the event is on this server alone.
        """
        self._connections.distrust(connection, f"{reason} during an append")
        return AppendInDoubt(records, self._connections.backend(connection), settle_seconds(self.settings), reason)

    def _append_at_once(self, connection: WatchedConnection, prepared: append.PreparedAppend) -> None:
        records, _, follows, rows, lines = prepared
        statement = append.statement(
            len(records),
            len(rows),
            self._lock,
            lines=len(lines),
            follows=len(follows),
            notify=self.settings.notify,
            is_pooled=connection.mark is not None,
        )
        try:
            result = execute(connection, statement, append.parameters(prepared, connection.mark))
        except errors.DivisionByZero as partly:
            raise dropped(records[0].originator_id, len(records), 0) from partly
        if result.get_value(0, 0) == b"0":
            if connection.mark is not None and result.get_value(0, 1) != connection.mark.encode():
                raise self._connections.left_session_mode()
            self._connections.require_version(connection)
            self._require_ends(connection, follows)
            raise dropped(records[0].originator_id, len(records), 0)

    @staticmethod
    def _require_ends(connection: Connection, follows: Sequence[StreamEnd]) -> None:
        """Refuses: VersionTaken unless every end that the events follow is in the log."""
        ends = [[*column] for column in zip(*follows, strict=True)]
        if ends and connection.execute(_COUNT_ENDS, ends).fetchone() != (len(follows),):
            raise VersionTaken(
                "not all the events that this append follows are in the log: "
                + ", ".join(f"{end.stream} version {end.version}" for end in follows)
            )

    def _append_in_parts(
        self, connection: WatchedConnection, follows: Sequence[StreamEnd], bulk: bulk_load.BulkAppend
    ) -> None:
        """Append a batch in several statements of one transaction; each wait for the server has the whole timeout."""
        with waited_for(connection, self.settings.timeout_seconds), connection.transaction():
            self._connections.require_own_settings(connection)
            connection.execute(bulk_load.LOCK_POSITIONS)
            self._connections.require_version(connection)
            self._require_ends(connection, follows)
            bulk_load.append_many(connection, self._lock, bulk)
            if self.settings.notify:
                connection.execute(_NOTIFY, (append.channel(self._lock),))

    def restore(
        self,
        events: Sequence[RecordedEvent],
        *,
        after: int,
        rows: Sequence[PositionRow],
        rejections: Sequence[Rejection],
    ) -> None:
        with self._connections.walk() as connection:
            self._connections.require_version(connection)
            try:
                bulk_load.restore(connection, self._lock, events, after=after, rows=rows, rejections=rejections)
            except errors.UniqueViolation as conflict:
                _raise_conflict(conflict)

    def settle(self, append: UnsettledAppend, seconds: float) -> bool | None:
        """Whether an append was made durably; None while this is not known, or the backend may still work on it.

        An event that is found may be on this server alone, and be lost with it; and a server that has been replaced by
        another one without knowing it finds nothing. Neither of these can commit, so an empty commit is tried: without
        it the answer is None.
        Refuses: VersionTaken when another event has its version; StoreUnavailable.
        """
        assert isinstance(append.backend, Backend), "this store raised the doubt"
        with self._connections.fresh() as connection, done_within(connection, seconds):
            is_over = self._connections.is_over(connection, append.backend)
            mark, found = connection.execute(_AT, (append.stream, append.version)).fetchone() or (None, None)
            if mark != connection.mark:
                raise self._connections.left_session_mode()
            if found not in (None, append.command_id):
                raise VersionTaken(str(append))
            if found is None and not is_over:
                return None
            connection.warnings.clear()
            connection.execute(_COMMIT_HERE)
            return None if connection.warnings else found is not None

    def keeps(self, end: StreamEnd) -> bool | None:
        """Whether an event is in the log, and on every standby that this server waits for.

        None when the standbys do not confirm it: the event may be on this server alone, or on all but this one.
        """
        with self._connections.apart() as connection:
            found = connection.execute(_COUNT_ENDS, [[column] for column in end]).fetchone()
            connection.warnings.clear()
            connection.execute(_COMMIT_HERE)
            return None if connection.warnings else found == (1,)

    def log_rejection(self, rejection: Rejection) -> None:
        """Record a refused duplicate, outside the snapshot that its thread may be in."""
        values = (rejection.ts_recorded, *astuple(rejection)[1:], APPEND_LOCK, self._lock)
        with self._connections.apart() as connection:
            written = connection.execute(_INSERT_REJECTION, (*values, connection.mark)).rowcount
            if not written:
                self._connections.require_own_settings(connection)
                self._connections.require_version(connection)
                if connection.mark is not None:
                    raise self._connections.left_session_mode()


def _raise_conflict(conflict: errors.UniqueViolation) -> NoReturn:
    """Raise the error that belongs to the constraint which was violated."""
    match conflict.diag.constraint_name:
        case "ledger_events_pkey":
            raise VersionTaken(str(conflict)) from conflict
        case "ledger_events_intent":
            raise IntentTaken(str(conflict)) from conflict
        case "ledger_events_nid":
            raise HistoryDamaged(
                "the database handed out a place in the log that is taken, so its sequence stands behind the log, as "
                "after a restore of some tables or a failover to a subscriber; nothing was written. Stop the bots, and "
                "let its owner say where it ends: "
                "SELECT pg_catalog.setval('ledger_events_nid_seq', pg_catalog.max(nid)) FROM ledger_events"
            ) from conflict
        case _:
            raise SlotTaken(str(conflict)) from conflict
