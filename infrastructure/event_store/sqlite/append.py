"""Writing an append into SQLite: events after the ones that they follow, and the rows and orders that they change."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import length_hint
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from domain.values import Instant, Leg, Number, Side, Source, Status, plain, timestamp_text
from infrastructure.event_store.hash_chain import chained_on
from infrastructure.event_store.records import EventRecord, ReadyAppend, StreamEnd
from infrastructure.event_store.sql.order_lines import STORED, OrderLine, lines_of, stored_values
from infrastructure.event_store.vocabulary.append_conflicts import IntentTaken, SlotTaken, VersionTaken, dropped
from projections.positions import PositionRow, fees_text

_INSERT_EVENT: Final = (
    "INSERT INTO ledger_events (stream, version, type, payload, hash, command_id, intent_id, cycle, mark, ts_recorded)"
    " VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), ?, nullif(?, ''), ?)"
)
"""An absent value is passed as an empty text, and bytes as text: for any value that is neither number nor text,
Python looks for an adapter, which takes longer than to store it."""
_HAS_VERSION: Final = "SELECT 1 FROM ledger_events WHERE stream = ? AND version = ?"
_HAS_END: Final = f"{_HAS_VERSION} AND hash = ?"


@lru_cache(maxsize=4)
def _upserts(table: str) -> tuple[str, str]:
    """The statements for a row of a positions table, and for an order beside it: long ones, that are made once."""
    names, assigned = ", ".join(STORED), ", ".join(f"{name} = excluded.{name}" for name in STORED)
    row = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(STORED))})"
    line = f"INSERT INTO {table}_orders ({', '.join(OrderLine._fields)}) VALUES (?, ?, ?)"
    return (
        f"{row} ON CONFLICT (position_id) DO UPDATE SET {assigned}",
        f"{line} ON CONFLICT (position_id, place) DO UPDATE SET body = excluded.body",
    )


Values = Sequence[Any]
"""The parameters of a statement, in the order of its columns."""


def write_events(connection: sqlite3.Connection, follows: Iterable[StreamEnd], events: Sequence[Values]) -> None:
    """Write events in the open transaction.

    Refuses: VersionTaken, also when an event that they follow is missing: the file may be an older copy than the one
             on which the command was decided; IntentTaken; SchemaMismatch when a trigger drops events.
    """
    for end in follows:
        if end.version and connection.execute(_HAS_END, end).fetchone() is None:
            raise VersionTaken(f"{end.stream} version {end.version} is not the event that this append follows")
    left = iter(events)
    try:
        written = connection.executemany(_INSERT_EVENT, left).rowcount
    except sqlite3.IntegrityError as error:
        event = events[len(events) - length_hint(left) - 1]
        taken = connection.execute(_HAS_VERSION, event[:2]).fetchone()
        raise (VersionTaken if taken else IntentTaken)(f"{event[0]}: {error}") from error
    if events and written != len(events):  # a trigger may drop a row without an error
        raise dropped(events[0][0], len(events), written)


def write_rows(
    connection: sqlite3.Connection, table: str, rows: Iterable[PositionRow], before: Mapping[str, PositionRow]
) -> None:
    """Write rows, and those of their orders that changed since `before`. Refuses: SlotTaken."""
    written = [*rows]
    write_values(connection, table, map(row_values, written), lines_of(written, before))


def write_values(connection: sqlite3.Connection, table: str, rows: Iterable[Values], lines: Iterable[Values]) -> None:
    """Write rows and orders that are parameters already. Refuses: SlotTaken."""
    upsert_row, upsert_line = _upserts(table)
    try:
        connection.executemany(upsert_row, rows)
    except sqlite3.IntegrityError as error:
        raise SlotTaken(str(error)) from error
    connection.executemany(upsert_line, lines)


def made_ready(
    records: Sequence[EventRecord],
    rows: Iterable[PositionRow],
    before: Mapping[str, PositionRow],
    heads: dict[str, str],
) -> ReadyAppend:
    """Prepare an append as parameters, to be written later; `heads` is updated to the new ends."""
    written = [*rows]
    hashes, follows = chained_on(heads, records)
    lines = [tuple(line) for line in lines_of(written, before)]
    content = [*map(event_values, records, hashes)], [*map(row_values, written)], lines
    return ReadyAppend(records[0], follows, marshal.dumps(content))


def write_ready(connection: sqlite3.Connection, ready: ReadyAppend) -> None:
    """Write a prepared append in the open transaction. Refuses: VersionTaken, IntentTaken, SlotTaken."""
    events, rows, lines = marshal.loads(ready.content)  # noqa: S302 - this program made it a moment ago
    write_events(connection, ready.follows, events)
    write_values(connection, "positions", rows, lines)


def event_values(record: EventRecord, hashed: str) -> Values:
    """The parameters of an event, in the order of its columns."""
    stream, version, topic, state, (command_id, intent_id, cycle, mark, ts_recorded) = record
    mark = "" if mark is None else str.__str__(mark)
    return stream, version, topic, state.decode(), hashed, command_id, intent_id or "", cycle, mark, ts_recorded


def row_values(row: PositionRow) -> list[Any]:
    """The parameters of a row, in the order of its columns, without its orders."""
    values = [*stored_values(row)]
    for place, written in _written():
        value = values[place]
        if value is not None:
            values[place] = written(value)
    return values


_COLUMN: Final[dict[Any, Callable[[Any], Any]]] = {
    Number: plain,
    Instant: timestamp_text,
    bool: int,
    dict[str, Number]: fees_text,
    **dict.fromkeys((Leg, Side, Status, Source), str.__str__),
}


@cache
def _written() -> list[tuple[int, Callable[[Any], Any]]]:
    """The columns that are not written as they are, by their places: to ask each value for its type takes longer."""
    hints, found = get_type_hints(PositionRow, include_extras=True), []
    for place, name in enumerate(STORED):
        inner = get_args(hints[name])
        kind = inner[0] if NoneType in inner else hints[name]
        if kind in _COLUMN:
            found.append((place, _COLUMN[kind]))
    return found
