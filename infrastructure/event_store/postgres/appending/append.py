"""The append: one statement that takes the writers' lock, inserts the events and writes the row and its orders.

A writer holds a shared advisory lock until its transaction ends; writers never wait for each other because of it. The
WHERE condition of the insert takes the lock, and only a selected event gets a nid. So a follower that gets the
exclusive lock for an instant knows that every event below the last nid is visible.

Nothing is written once a later version of this software has migrated the ledger: an earlier one decides by other rules,
and folds rows otherwise.

Events are written only after the event on which they were decided: the same condition asks for the hash of the event
before the first new one of each stream. That hash is missing when a failover or a restore lost events which this
process remembers. The version alone would then be free, and the stream would have a permanent gap.

The row is written from the result of the insert of the events. So a conflict of versions is found before a conflict of
rows, and no row is written without its events. Each parameter is text with a cast, so that one prepared statement
serves every combination of None and of number sizes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

from domain.values import Leg, Side, Source, Status, plain, timestamp_text
from infrastructure.event_store.postgres.appending.event_columns import EVENT_COLUMNS, EVENT_NAMES
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK
from infrastructure.event_store.postgres.schema import SCHEMA_VERSION
from infrastructure.event_store.postgres.session.poolers import MARK_IN_FORCE
from infrastructure.event_store.records import EventRecord, StreamEnd
from infrastructure.event_store.sql.order_lines import STORED, OrderLine, stored_values
from projections.positions import PositionRow, fees_text, orders_text

_ROW_TYPES: Final = {
    **dict.fromkeys(STORED, "text"),
    **dict.fromkeys(("cycle", "version"), "bigint"),
    **dict.fromkeys(
        (
            "protected",
            "stop_confirmed",
            "stop_locks_profit",
            "outcome_unknown",
            "rollback_failed",
            "late_fill",
            "inverse",
            "stray",
        ),
        "boolean",
    ),
    **dict.fromkeys(
        (
            "quantity",
            "requested_qty",
            "filled_qty",
            "avg_px_open",
            "signal_price",
            "stop_price",
            "realized_pnl",
            "fees",
            "avg_px_close",
            "stop_quantity",
            "contract_size",
            "residual_qty",
            "net_pnl",
        ),
        "numeric",
    ),
    **dict.fromkeys(("opened_at", "activated_at", "closed_at", "updated_at", "unprotected_since"), "timestamptz"),
}


IS_OURS: Final = f"NOT EXISTS (SELECT FROM ledger_schema WHERE version > {SCHEMA_VERSION}::integer)"
"""Whether no later version of this software has migrated the ledger."""
_REPLACING: Final = "ON CONFLICT (position_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in STORED if name != "position_id"
)
_REPLACING_LINE: Final = "ON CONFLICT (position_id, place) DO UPDATE SET body = excluded.body"


def _casts(kinds: Iterable[str]) -> str:
    return "(" + ", ".join(f"%s::{kind}" for kind in kinds) + ")"


_EVENT_CASTS: Final = _casts(kind for _, kind in EVENT_COLUMNS)
_END_CASTS: Final = _casts(("text", "bigint", "text"))
_ROW_CASTS: Final = _casts(_ROW_TYPES[name] for name in STORED)
_LINE_CASTS: Final = _casts(("text", "bigint", "text"))
_LINE_NAMES: Final = ", ".join(OrderLine._fields)


@cache
def row_statement(table: str) -> bytes:
    """The statement that inserts or replaces one row of a positions table."""
    return f"INSERT INTO {table} ({', '.join(STORED)}) VALUES {_ROW_CASTS} {_REPLACING}".encode()


@cache
def line_statement(table: str) -> bytes:
    """The statement that inserts or replaces one order beside a positions table."""
    return f"INSERT INTO {table}_orders ({_LINE_NAMES}) VALUES {_LINE_CASTS} {_REPLACING_LINE}".encode()


@cache
def statement(
    events: int, rows: int, lock: int, *, lines: int = 0, follows: int = 0, notify: bool, is_pooled: bool = False
) -> bytes:
    """The statement that appends so many events, rows and orders, with PostgreSQL's own placeholders ($1, $2 …).

    `follows` is how many streams continue after an event that must exist; if one is missing, nothing is written.
    `is_pooled` asks as well for the mark of the session, a parameter after those ends.
    Shape: one row with the number of events that were written, all or none, and of a pooled session the mark that was
    in force. Where a trigger drops some of them, the statement divides by zero on purpose, so that nothing is written.
    """
    event_values = ", ".join([_EVENT_CASTS] * events)
    chosen = f"SELECT event.* FROM (VALUES {event_values}) AS event"
    under_lock = f"WHERE pg_catalog.pg_advisory_xact_lock_shared({APPEND_LOCK}, {lock}) IS NOT NULL AND {IS_OURS}"
    under_lock += f" AND EXISTS (SELECT FROM ledger_events WHERE (stream, version, hash) = {_END_CASTS})" * follows
    under_lock += f" AND {MARK_IN_FORCE} = %s::text" * is_pooled
    parts = [f"WITH appended AS (INSERT INTO ledger_events ({EVENT_NAMES}) {chosen} {under_lock} RETURNING nid)"]
    if rows:
        parts.append(f"kept AS ({_from_appended('positions', ', '.join(STORED), [_ROW_CASTS] * rows)} {_REPLACING})")
    if lines:
        written = _from_appended("positions_orders", _LINE_NAMES, [_LINE_CASTS] * lines)
        parts.append(f"ordered AS ({written} {_REPLACING_LINE})")
    mark = f", {MARK_IN_FORCE}" if is_pooled else ""
    hint = f", pg_catalog.pg_notify('{channel(lock)}', '')" if notify else ""
    written = f"pg_catalog.count(*) / CASE WHEN pg_catalog.count(*) IN (0::bigint, {events}::bigint) THEN 1::bigint"
    text = ", ".join(parts) + f" SELECT {written} ELSE 0::bigint END{mark}{hint} FROM appended"
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", text).encode()


def _from_appended(table: str, names: str, values: list[str]) -> str:
    return (
        f"INSERT INTO {table} ({names}) SELECT given.*"
        f" FROM (SELECT pg_catalog.count(*) FROM appended) AS first (events),"
        f" (VALUES {', '.join(values)}) AS given ({names}) WHERE first.events > 0::bigint"
    )


def channel(lock: int) -> str:
    """The NOTIFY channel of this ledger."""
    return f"ledger_events_{lock + 2**31}"


class PreparedAppend(NamedTuple):
    """An append in one statement: events with their hashes, the ends that they follow, and changed rows and orders."""

    records: Sequence[EventRecord]
    hashes: Sequence[str]
    follows: Sequence[StreamEnd] = ()
    rows: Sequence[PositionRow] = ()
    lines: Sequence[OrderLine] = ()


def parameters(prepared: PreparedAppend, mark: str | None = None) -> list[bytes | None]:
    """The parameters of the statement, as text in UTF-8; `mark` is that of a pooled session."""
    values: list[bytes | None] = []
    for record, hashed in zip(prepared.records, prepared.hashes, strict=True):
        values += _encoded(event_values(record, hashed))
    for end in prepared.follows:
        values += (end.stream.encode(), b"%d" % end.version, end.hash.encode())
    if mark is not None:
        values.append(mark.encode())
    for row in prepared.rows:
        values += [None if value is None else _BYTES[type(value)](value) for value in stored_values(row)]
    for line in prepared.lines:
        values += _encoded(line_values(line))
    return values


def _encoded(texts: Iterable[str | None]) -> list[bytes | None]:
    return [None if text is None else text.encode() for text in texts]


def event_values(record: EventRecord, hashed: str) -> tuple[str | None, ...]:
    """An event as text, in the order of its columns."""
    stream, version, topic, state, (command_id, intent_id, cycle, mark, ts_recorded) = record
    return stream, str(version), topic, state.decode(), hashed, command_id, intent_id, str(cycle), mark, ts_recorded


def row_values(row: PositionRow) -> list[str | None]:
    """A row as text, in the order of its columns, without its orders."""
    values = stored_values(row)
    return [value if value is None or type(value) is str else _TEXT[type(value)](value) for value in values]


def as_stored(row: PositionRow) -> tuple[Any, ...]:
    """The columns of a row as the driver returns them, with its orders as one text."""
    values = stored_values(row)
    return (*[fees_text(value) if type(value) is dict else value for value in values], orders_text(row.orders))


def line_values(line: OrderLine) -> list[str]:
    """An order as text, in the order of its columns."""
    return [line.position_id, str(line.place), line.body]


_TEXT: Final[dict[type, Callable[[Any], str]]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: plain,
    datetime: timestamp_text,
    dict: fees_text,
    **dict.fromkeys((Leg, Side, Status, Source), str.__str__),
}
_BYTES: Final[dict[type, Callable[[Any], bytes]]] = {
    bool: {True: b"true", False: b"false"}.__getitem__,
    int: b"%d".__mod__,
    Decimal: lru_cache(maxsize=8192)(lambda value: plain(value).encode()),
    datetime: lru_cache(maxsize=4096)(lambda value: timestamp_text(value).encode()),
    dict: lambda value: fees_text(value).encode(),
    **dict.fromkeys((str, Leg, Side, Status, Source), str.encode),
}
"""Encodes the same text directly as bytes, which is faster: a row is most of what an append sends."""
