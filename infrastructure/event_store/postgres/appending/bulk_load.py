"""Writing many events into PostgreSQL at once: appended, or restored exactly as another ledger recorded them."""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Self

from psycopg import errors

from domain.errors import StoreUnavailable
from domain.rejection import Rejection
from infrastructure.event_store.postgres.appending import append
from infrastructure.event_store.postgres.appending.event_columns import EVENT_NAMES
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.event_store.records import EventRecord, RecordedEvent
from infrastructure.event_store.sql.order_lines import STORED, OrderLine, lines_of
from infrastructure.event_store.vocabulary.append_conflicts import VersionTaken, dropped
from infrastructure.event_store.vocabulary.stored_rejection import REJECTION_COLUMNS, rejection_values
from projections.positions import PositionRow

LOCK_POSITIONS: Final = "LOCK TABLE positions, positions_orders IN ROW EXCLUSIVE MODE"
"""Taken before the writers' lock, in the order of the append and of a rebuild's swap, so that none can deadlock."""
_LOCK_WRITERS_OUT: Final = "SELECT pg_catalog.pg_advisory_xact_lock(%s, %s)"
_LOCK_FOLLOWERS_OUT: Final = "SELECT pg_catalog.pg_advisory_xact_lock_shared(%s, %s)"
_LAST: Final = "SELECT coalesce(pg_catalog.max(nid), 0) FROM ledger_events"
_GO_ON_AFTER: Final = "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('ledger_events', 'nid'), %s)"
_COPY_EVENTS: Final = f"COPY ledger_events (nid, {EVENT_NAMES}) FROM STDIN"
_APPEND_EVENTS: Final = f"COPY ledger_events ({EVENT_NAMES}) FROM STDIN"
_KNOWN_ROWS: Final = "SELECT position_id FROM positions WHERE position_id = ANY(%s)"
_COPY_ROWS: Final = f"COPY positions ({', '.join(STORED)}) FROM STDIN"
_COPY_LINES: Final = f"COPY positions_orders ({', '.join(OrderLine._fields)}) FROM STDIN"
_ID_OF_ROW: Final = STORED.index("position_id")
_ID_OF_LINE: Final = OrderLine._fields.index("position_id")
_SPECIAL: Final = re.compile(r"[\\\t\n\r]")
_SPELLED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
"""The characters that COPY's text format escapes."""
_COPY_REJECTIONS: Final = f"COPY rejections ({', '.join(REJECTION_COLUMNS)}) FROM STDIN"


class BulkAppend(NamedTuple):
    """Many events, and the rows and orders that they change, as text."""

    events: bytes
    """In the text format of COPY."""
    rows: list[list[str | None]]
    lines: list[list[str]]

    @classmethod
    def of(cls, prepared: append.PreparedAppend) -> Self:
        """The texts of a prepared append."""
        return cls(
            _copied(map(append.event_values, prepared.records, prepared.hashes)),
            [*map(append.row_values, prepared.rows)],
            [*map(append.line_values, prepared.lines)],
        )

    def packed(self) -> bytes:
        """Serialize it for `unpacked`."""
        return marshal.dumps(tuple(self))

    @classmethod
    def unpacked(cls, content: bytes) -> Self:
        """Read what `packed` wrote."""
        return cls(*marshal.loads(content))  # noqa: S302 - this program made it a moment ago


def append_many(connection: Connection, lock: int, bulk: BulkAppend) -> None:
    """Append events in the open transaction, with the rows and orders that they change.

    A conflict with another writer is a unique violation, which passes through.
    Refuses: SchemaMismatch when a trigger drops events.
    """
    connection.execute(_LOCK_FOLLOWERS_OUT, (APPEND_LOCK, lock))
    _copy_events(connection, _APPEND_EVENTS, bulk.events)
    _write_rows(connection, bulk.rows, bulk.lines)


def restore(
    connection: Connection,
    lock: int,
    events: Sequence[RecordedEvent],
    *,
    after: int,
    rows: Sequence[PositionRow],
    rejections: Sequence[Rejection],
) -> None:
    """Write events, rows and rejections in the open transaction; the next event gets the nid after the last of them.

    Refuses: VersionTaken unless the log ends at `after`; StoreUnavailable for a role that does not own the ledger;
             SchemaMismatch when a trigger drops events.
    A unique violation passes through.
    """
    connection.execute(LOCK_POSITIONS)
    connection.execute(_LOCK_WRITERS_OUT, (APPEND_LOCK, lock))
    (last,) = connection.execute(_LAST).fetchone() or (0,)
    if last != after:
        raise VersionTaken(f"the log ends at nid {last}, not at {after}")
    if events:
        _go_on_after(connection, events[-1].id)
    _copy_events(connection, _COPY_EVENTS, _copied(map(_restored_values, events)))
    _write_rows(connection, [*map(append.row_values, rows)], [*map(append.line_values, lines_of(rows, {}))])
    _copy(connection, _COPY_REJECTIONS, _copied(map(rejection_values, rejections)))


def _restored_values(event: RecordedEvent) -> tuple[str | None, ...]:
    return str(event.id), *append.event_values(EventRecord(*event[1:5], event.columns), event.hash)


def _go_on_after(connection: Connection, nid: int) -> None:
    try:
        connection.execute(_GO_ON_AFTER, (nid,))
    except errors.InsufficientPrivilege as missing:
        raise StoreUnavailable(
            "only the owner of a ledger can import into it, because only the owner may set its next nid; "
            "nothing was written. Connect as the role that ran `init`"
        ) from missing


def _write_rows(connection: Connection, rows: Sequence[Sequence[str | None]], lines: Sequence[Sequence[str]]) -> None:
    """Replace the rows of cycles that went on, then add those of new cycles, whose slots are free only by then."""
    found = connection.execute(_KNOWN_ROWS, ([row[_ID_OF_ROW] for row in rows],)).fetchall()
    known = {position_id for (position_id,) in found}
    with connection.cursor() as cursor:
        gone_on = (row for row in rows if row[_ID_OF_ROW] in known)
        cursor.executemany(append.row_statement("positions"), gone_on)
        changed = (line for line in lines if line[_ID_OF_LINE] in known)
        cursor.executemany(append.line_statement("positions"), changed)
    _copy(connection, _COPY_ROWS, _copied(row for row in rows if row[_ID_OF_ROW] not in known))
    _copy(connection, _COPY_LINES, _copied(line for line in lines if line[_ID_OF_LINE] not in known))


def _copy_events(connection: Connection, statement: str, text: bytes) -> None:
    asked = text.count(b"\n")
    if (written := _copy(connection, statement, text)) != asked:  # a trigger may drop a row without an error
        raise dropped("the log", asked, written)


def _copy(connection: Connection, statement: str, text: bytes) -> int:
    with connection.cursor() as cursor:
        with cursor.copy(statement.encode()) as copy:
            copy.write(text)
        return cursor.rowcount


def _copied(records: Iterable[Sequence[str | None]]) -> bytes:
    """Records in the text format of COPY."""
    return "".join(["\t".join(map(_cell, record)) + "\n" for record in records]).encode()


def _cell(text: str | None) -> str:
    if text is None:
        return "\\N"
    return text if _SPECIAL.search(text) is None else text.translate(_SPELLED)
