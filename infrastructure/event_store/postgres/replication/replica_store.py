"""The store on a replica: everything is read up to the nid that a follower on the primary has reached.

On a replica events become visible in the order of their commits, so an event may appear after one with a higher nid. A
follower on the primary knows below which nid none can appear any more, because it holds the writers' lock for an
instant. It commits its checkpoint after every event below it, so a replica that shows the checkpoint shows all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from domain.errors import HistoryDamaged, StoreUnavailable
from domain.rejection import Rejection
from infrastructure.event_store.postgres.checkpoints import PostgresCheckpoints
from infrastructure.event_store.postgres.positions_table import PostgresPositionTable
from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.event_store.records import EventRecord, ReadyAppend, RecordedEvent
from infrastructure.event_store.replica import ReplicaKind, ReplicaPlace
from infrastructure.event_store.sql.sql_connections import Result
from infrastructure.event_store.sql.stream_order import ids_within, in_stream_order
from infrastructure.event_store.sql.unread_row import UnreadableRow, UnreadRow
from infrastructure.event_store.vocabulary.caution import Standing
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, AsOf, StreamSpan
from infrastructure.settings import Settings
from infrastructure.struct_json.projection_text import ProjectionText
from projections.listed_row import Listed
from projections.positions import PositionRow
from projections.projection import STATISTICS

FOLLOW: Final = "projections --follow"
TABLES: Final = ("ledger_events", "rejections", "projections", "projection_rows", "projection_skips")
"""The tables of one subscription; `positions` is not among them, because a rebuild replaces it by another table."""

_PLACE: Final = (
    "SELECT (SELECT nid FROM projections WHERE name = %s AND is_read), (SELECT pg_catalog.max(nid) FROM ledger_events)"
)
_AROUND: Final = (
    "SELECT (SELECT ts_recorded FROM ledger_events WHERE nid <= %(nid)s ORDER BY nid DESC LIMIT 1),"
    " (SELECT pg_catalog.count(*) FROM ledger_events WHERE nid > %(nid)s),"
    " (SELECT pg_catalog.count(*) FROM projection_skips WHERE projection = %(name)s AND nid <= %(nid)s)"
)
_LAG_OF_STANDBY: Final = (
    "SELECT CASE WHEN NOT EXISTS (SELECT FROM pg_stat_wal_receiver) THEN NULL"
    " WHEN pg_catalog.pg_last_wal_replay_lsn() >= pg_catalog.pg_last_wal_receive_lsn() THEN interval '0'"
    " ELSE greatest(pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp(), interval '0') END"
)
_LAG_OF_SUBSCRIBER: Final = (
    "SELECT CASE WHEN latest_end_lsn >= received_lsn THEN interval '0'"
    " ELSE greatest(pg_catalog.clock_timestamp() - last_msg_send_time, interval '0') END"
    " FROM pg_stat_subscription WHERE relid IS NULL AND pid IS NOT NULL AND received_lsn IS NOT NULL"
    " AND subid = (SELECT srsubid FROM pg_subscription_rel WHERE srrelid = 'ledger_events'::regclass::oid LIMIT 1)"
)
_SUBSCRIBED: Final = (
    "SELECT name FROM pg_catalog.unnest(%s::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_subscription_rel"
    " WHERE srrelid = pg_catalog.to_regclass(name)::oid AND srsubstate = 'r' AND srsubid ="
    " (SELECT srsubid FROM pg_subscription_rel WHERE srrelid = 'ledger_events'::regclass::oid LIMIT 1))"
)
_LAST_ARRIVED: Final = "SELECT coalesce(pg_catalog.max(nid), 0) FROM ledger_events"
_FACTS: Final = (
    "SELECT position_id, row FROM projection_rows WHERE projection = %s AND generation ="
    " (SELECT generation FROM projections WHERE name = %s AND is_read)"
)
_IS_OPEN: Final = " AND ended_at IS NULL"
_IS_STRAY: Final = " AND pg_catalog.json_extract_path_text(row::json, 'position', 'stray') = 'true'"
_OLDEST_FIRST: Final = (
    " ORDER BY pg_catalog.json_extract_path_text(row::json, 'position', 'opened_at')::timestamptz, position_id"
)


class PostgresReplica(PostgresStore):
    """A ledger on a standby or a subscriber; when it is promoted, this store works as on a primary."""

    def __init__(self, settings: Settings, kind: ReplicaKind) -> None:
        """Open a database that has a ledger. Refuses: SchemaMismatch, StoreUnavailable."""
        super().__init__(settings, create=False)
        self._kind = kind

    # -- where it stands ----------------------------------------------------------------------------------------

    @contextmanager
    def settled(self) -> Iterator[ReplicaPlace | None]:
        with self.snapshot():
            yield self._place()

    def _place(self) -> ReplicaPlace | None:
        nid = self._nid()
        if nid is None:
            return None
        ((recorded_at, arrived, left_out),) = self._connections.rows(_AROUND, {"nid": nid, "name": STATISTICS.name})
        lag = self._value(_LAG_OF_STANDBY if self._kind is ReplicaKind.STANDBY else _LAG_OF_SUBSCRIBER)
        return ReplicaPlace(self._kind, nid, recorded_at, arrived, left_out, lag)

    def _nid(self) -> int | None:
        """The settled place; None when this server is no longer a replica."""
        if self.replica_kind() is None:
            return None
        where = self.settings.shown
        if self._kind is ReplicaKind.SUBSCRIBER:
            missing = [name for (name,) in self._connections.rows(_SUBSCRIBED, ([*TABLES],))]
            if missing:
                raise StoreUnavailable(
                    f"{where} cannot be read as a replica: {', '.join(missing)} did not arrive by the subscription "
                    f"that brings ledger_events. Publish {', '.join(TABLES)} together, and refresh the subscription"
                )
        ((nid, last),) = self._connections.rows(_PLACE, (STATISTICS.name,))
        if nid is None or (not nid and last):
            raise StoreUnavailable(
                f"{where} is a {self._kind.value}, where the log may still have gaps, and no follower on its primary "
                f"has said yet up to which place it has none. Run `{FOLLOW}` with the URL of the primary, and leave it "
                "running"
            )
        if nid > (last or 0):
            raise HistoryDamaged(
                f"{where}: a follower has come to nid {nid}, but the log ends at {last or 0} here; look with "
                "`position-ledger verify`"
            )
        place: int = nid
        return place

    def high_water_mark(self) -> int:
        nid = self._nid()
        return super().high_water_mark() if nid is None else nid

    def settled_refusals(self) -> int | None:
        """None on a replica: no follower records how far the refusals are settled."""
        return super().settled_refusals() if self.replica_kind() is None else None

    def visible(self, as_of: AsOf | None) -> AsOf | None:
        nid = self._nid()
        if nid is None:
            return as_of
        asked = as_of or AsOf()
        return replace(asked, nid=nid if asked.nid is None else min(nid, asked.nid))

    # -- reading ------------------------------------------------------------------------------------------------

    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        nid = self._nid()
        return [event for event in super().load_cycle(stream, cycle) if nid is None or event.id <= nid]

    def rows(
        self, *, open_only: bool = False, strays_only: bool = False, position_id: str | None = None
    ) -> Iterator[PositionRow]:
        """Rows of the statistics projection, which stand at the settled place; the positions table does not."""
        if self._nid() is None:
            yield from super().rows(open_only=open_only, strays_only=strays_only, position_id=position_id)
            return
        conditions, values = self._compared({" AND position_id =": position_id})
        statement = _FACTS + "".join(conditions) + _IS_OPEN * open_only + _IS_STRAY * strays_only + _OLDEST_FIRST
        for found in self._connections.scan(statement, (STATISTICS.name, STATISTICS.name, *values)):
            row = _row(*found)
            if isinstance(row, UnreadableRow):
                raise HistoryDamaged(f"the row of {row.position_id} cannot be read: {row.reason}")
            if row.status.is_open or row.stray or not open_only:
                yield row

    def listed(self, *, open_only: bool = False) -> Iterator[Listed]:
        return super().listed(open_only=open_only) if self._nid() is None else self.rows(open_only=open_only)

    def rows_by_stream(self, span: StreamSpan = ALL_STREAMS) -> Iterator[PositionRow | UnreadableRow | UnreadRow]:
        """On a standby the rows of the positions table; on a subscriber, which has none, those of the projection."""
        if self._has_positions():
            return super().rows_by_stream(span)
        conditions, values = ids_within(span, self.dialect)
        statement = " AND ".join([_FACTS, *conditions]) + " ORDER BY position_id"
        found = self._connections.scan(statement, (STATISTICS.name, STATISTICS.name, *values))
        return in_stream_order(_row(*each) for each in found)

    def lines_without_row(self) -> Iterator[tuple[str, int]]:
        """Those of a standby; a subscriber has no positions table."""
        return super().lines_without_row() if self._has_positions() else iter(())

    def lines_out_of_place(self) -> Iterator[str]:
        """Those of a standby; a subscriber has no positions table."""
        return super().lines_out_of_place() if self._has_positions() else iter(())

    def streams(self, span: StreamSpan = ALL_STREAMS) -> Iterator[RecordedEvent]:
        """All events; on a subscriber up to the settled place, at which its rows stand."""
        if self._has_positions():
            return super().streams(span)
        bounds = {**span.conditions(), "nid <=": self._nid()}
        return self.select(bounds, "stream, version")

    def places_handed_out(self) -> int | None:
        """The last nid that was assigned; on a subscriber, which assigns none, the last one that arrived."""
        if self._has_positions():
            return super().places_handed_out()
        place: int = self._value(_LAST_ARRIVED)
        return place

    def _has_positions(self) -> bool:
        return self.replica_kind() is not ReplicaKind.SUBSCRIBER

    def unverifiable(self) -> list[str]:
        if self._has_positions():
            return super().unverifiable()
        return [
            "the positions table, and the places that the database hands out: a subscriber is sent neither",
            f"events after nid {self._nid()}: a follower on the primary has not come further",
        ]

    def replication(self) -> Standing | None:
        return super().replication() if self.replica_kind() is None else None

    # -- never written ------------------------------------------------------------------------------------------

    def require_primary(self) -> None:
        kind = self.replica_kind()
        if kind is None:
            return
        where = "its primary: all hosts in the URL, with target_session_attrs=read-write"
        raise StoreUnavailable(
            f"{self.settings.shown} is a {kind.value}, and nothing is decided there, for what its primary recorded may "
            "not have arrived yet; nothing was written. Ask "
            f"{where if kind is ReplicaKind.STANDBY else 'the server that publishes to it'}"
        )

    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        before: Mapping[str, PositionRow] = MappingProxyType({}),
        heads: dict[str, str] | None = None,
    ) -> None:
        self.require_primary()
        super().insert_events(records, rows=rows, before=before, heads=heads)

    def append_ready(self, ready: ReadyAppend) -> None:
        self.require_primary()
        super().append_ready(ready)

    def restore(
        self,
        events: Sequence[RecordedEvent],
        *,
        after: int,
        rows: Sequence[PositionRow],
        rejections: Sequence[Rejection],
    ) -> None:
        self.require_primary()
        super().restore(events, after=after, rows=rows, rejections=rejections)

    def log_rejection(self, rejection: Rejection) -> None:
        self.require_primary()
        super().log_rejection(rejection)

    def tracking(self, projection: str) -> PostgresCheckpoints:
        return _ReplicaCheckpoints(self._connections, projection, self.require_primary)

    @contextmanager
    def rebuilding(self) -> Iterator[PostgresPositionTable]:
        self.require_primary()
        with super().rebuilding() as table:
            yield table


class _ReplicaCheckpoints(PostgresCheckpoints):
    def __init__(self, connections: Connections, projection: str, require_primary: Callable[[], None]) -> None:
        super().__init__(connections, projection)
        self._require_primary = require_primary

    def _write(self, work: Callable[[Any], Result]) -> Result:
        self._require_primary()
        return super()._write(work)


def _row(position_id: str, text: str) -> PositionRow | UnreadableRow:
    try:
        return ProjectionText(STATISTICS.rows).read(text).position
    except ValueError as cause:
        return UnreadableRow(position_id.partition("#")[0], position_id, " ".join(str(cause).split())[:200])
