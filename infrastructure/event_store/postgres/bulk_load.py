"""Writing many events into PostgreSQL at once: appended, or restored as they were recorded elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

from psycopg import errors

from domain.errors import StoreUnavailable
from domain.rejection import Rejection
from domain.values import timestamp_text
from infrastructure.event_store.port import VersionTaken
from infrastructure.event_store.postgres import append
from infrastructure.event_store.postgres.locks import APPEND_LOCK
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.sql.order_lines import STORED, OrderLine, lines_of
from projections.positions import PositionRow

_REJECTION_COLUMNS: Final = tuple(column.name for column in fields(Rejection))
LOCK_POSITIONS: Final = "LOCK TABLE positions, positions_orders IN ROW EXCLUSIVE MODE"
"""Taken before the writers' lock, as the append does, so that a rebuild's swap cannot be met the other way round."""
_LOCK_WRITERS_OUT: Final = "SELECT pg_catalog.pg_advisory_xact_lock(%s, %s)"
_LOCK_FOLLOWERS_OUT: Final = "SELECT pg_catalog.pg_advisory_xact_lock_shared(%s, %s)"
_LAST: Final = "SELECT coalesce(pg_catalog.max(nid), 0) FROM ledger_events"
_GO_ON_AFTER: Final = "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('ledger_events', 'nid'), %s)"
_COPY_EVENTS: Final = (
    "COPY ledger_events (nid, stream, version, type, payload, hash, command_id, intent_id, cycle, mark, ts_recorded)"
    " FROM STDIN"
)
_APPEND_EVENTS: Final = f"COPY ledger_events ({', '.join(name for name, _ in append.EVENT_COLUMNS)}) FROM STDIN"
_KNOWN_ROWS: Final = "SELECT position_id FROM positions WHERE position_id = ANY(%s)"
_COPY_ROWS: Final = f"COPY positions ({', '.join(STORED)}) FROM STDIN"
_COPY_LINES: Final = f"COPY positions_orders ({', '.join(OrderLine._fields)}) FROM STDIN"
_COPY_REJECTIONS: Final = f"COPY rejections ({', '.join(_REJECTION_COLUMNS)}) FROM STDIN"


def append_many(connection: Connection, lock: int, prepared: append.PreparedAppend) -> None:
    """Append events in the transaction that is open, with the rows and orders that they lead to.

    Whoever writes beside it is met as a unique violation, which passes through.
    """
    connection.execute(_LOCK_FOLLOWERS_OUT, (APPEND_LOCK, lock))
    _copy(connection, _APPEND_EVENTS, map(append.event_values, prepared.records, prepared.hashes))
    _write_rows(connection, prepared.rows, prepared.lines)


def restore(
    connection: Connection,
    lock: int,
    events: Sequence[RecordedEvent],
    *,
    after: int,
    rows: Sequence[PositionRow],
    rejections: Sequence[Rejection],
) -> None:
    """Write events, rows and refusals in the transaction that is open; the log goes on after the last event.

    Refuses: VersionTaken unless the log ends at `after`; StoreUnavailable for a role that does not own the ledger.
    A unique violation passes through.
    """
    connection.execute(LOCK_POSITIONS)
    connection.execute(_LOCK_WRITERS_OUT, (APPEND_LOCK, lock))
    (last,) = connection.execute(_LAST).fetchone() or (0,)
    if last != after:
        raise VersionTaken(f"the log ends at nid {last}, not at {after}")
    if events:
        _go_on_after(connection, events[-1].id)
    _copy(
        connection, _COPY_EVENTS, ((*event[:4], event.state.decode(), event.hash, *event.columns) for event in events)
    )
    _write_rows(connection, rows, lines_of(rows, {}))
    texts = ((timestamp_text(each.ts_recorded), *list(vars(each).values())[1:]) for each in rejections)
    _copy(connection, _COPY_REJECTIONS, texts)


def _go_on_after(connection: Connection, nid: int) -> None:
    try:
        connection.execute(_GO_ON_AFTER, (nid,))
    except errors.InsufficientPrivilege as missing:
        raise StoreUnavailable(
            "only the owner of a ledger can import into it, for places in the log are handed out by the database; "
            "nothing was written. Connect as the role that ran `position-ledger init`"
        ) from missing


def _write_rows(connection: Connection, rows: Sequence[PositionRow], lines: Sequence[OrderLine]) -> None:
    """Replace the rows of cycles that went on, then add those of new ones, for which their slots are free by then."""
    found = connection.execute(_KNOWN_ROWS, ([row.position_id for row in rows],)).fetchall()
    known = {position_id for (position_id,) in found}
    gone_on = [row for row in rows if row.position_id in known]
    new = [row for row in rows if row.position_id not in known]
    with connection.cursor() as cursor:
        cursor.executemany(append.row_statement("positions"), map(append.row_values, gone_on))
        changed = (append.line_values(line) for line in lines if line.position_id in known)
        cursor.executemany(append.line_statement("positions"), changed)
    _copy(connection, _COPY_ROWS, map(append.row_values, new))
    _copy(connection, _COPY_LINES, (line for line in lines if line.position_id not in known))


def _copy(connection: Connection, statement: str, records: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for record in records:
            copy.write_row(record)
