"""The floor: how long the database itself takes for the appends of a lifecycle that was decided beforehand.

The ledger's own statements are sent from one bare connection. What they say was worked out once by the domain; from
one lifecycle to the next only the name of the stream changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import psycopg

from infrastructure.event_store.hash_chain import chained_on
from infrastructure.event_store.postgres.appending import append
from infrastructure.event_store.postgres.appending.locks import lock_key
from infrastructure.event_store.postgres.session.session_settings import connection_arguments
from infrastructure.event_store.records import EventRecord
from infrastructure.event_store.sql.order_lines import STORED, OrderLine, lines_of
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from projections.positions import PositionRow
from scripts.benchmarks import lifecycle as facts
from scripts.benchmarks.contestants.ledger_contestant import LedgerRunner

_SYMBOL: Final = "FLOORUSDT"
_SQLITE_EVENT: Final = (
    "INSERT INTO ledger_events (stream, version, type, payload, hash, command_id, intent_id, cycle, mark, ts_recorded)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SQLITE_ROW: Final = (
    f"INSERT INTO positions ({', '.join(STORED)}) VALUES ({', '.join('?' * len(STORED))})"
    f" ON CONFLICT (position_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in STORED)}"
)
_SQLITE_LINE: Final = (
    "INSERT INTO positions_orders (position_id, place, body) VALUES (?, ?, ?)"
    " ON CONFLICT (position_id, place) DO UPDATE SET body = excluded.body"
)

Value = str | int | None


@dataclass(frozen=True)
class Decided:
    """One append, ready to be written: events, their hashes, and the row."""

    records: list[EventRecord]
    hashes: list[str]
    row: PositionRow
    lines: list[OrderLine]

    @property
    def prepared(self) -> append.PreparedAppend:
        """The append as PostgreSQL takes it."""
        return append.PreparedAppend(self.records, self.hashes, rows=[self.row], lines=self.lines)


class _RecordingStore(SQLiteStore):
    """A store in memory that records its appends."""

    def __init__(self) -> None:
        super().__init__(Settings("sqlite", ":memory:"))
        self.appends: list[Decided] = []

    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        before: Mapping[str, PositionRow] = MappingProxyType({}),
        heads: dict[str, str] | None = None,
    ) -> None:
        """Record an append, and make it."""
        hashes, _ = chained_on(dict(heads or {}), records)
        self.appends.append(Decided([*records], hashes, rows[0], lines_of(rows, before)))
        super().insert_events(records, rows=rows, before=before, heads=heads)


def decided() -> list[Decided]:
    """The three appends of one lifecycle, as the ledger makes them."""
    store = _RecordingStore()
    runner = LedgerRunner(PositionLedger(store))
    for _ in runner.lifecycle(_SYMBOL):
        pass
    runner.close()
    return store.appends


class Renamed:
    """The values of a statement, with another symbol in place of the recorded one."""

    def __init__(self, values: Sequence[Value]) -> None:
        self._values = list(values)
        names = {_SYMBOL, f"{_SYMBOL}.{facts.EXCHANGE}", f"{_SYMBOL}.{facts.EXCHANGE}#1", f"{_SYMBOL}-1"}
        self._places = [
            (place, value) for place, value in enumerate(values) if isinstance(value, str) and value in names
        ]

    def of(self, symbol: str) -> list[Value]:
        """The values for a symbol."""
        values = self._values.copy()
        for place, value in self._places:
            values[place] = value.replace(_SYMBOL, symbol)
        return values


@dataclass(frozen=True)
class BareDatabase:
    """An empty ledger that no ledger code writes to."""

    settings: Settings
    name: str = "floor"

    def create(self) -> None:
        """Make the schema."""
        open_store(self.settings).close()

    def runner(self) -> BarePostgres | BareSQLite:
        """Connect."""
        return BareSQLite(self.settings) if self.settings.kind == "sqlite" else BarePostgres(self.settings)


class BarePostgres:
    """One autocommit connection, one prepared statement a save."""

    def __init__(self, settings: Settings) -> None:
        self._connection = psycopg.connect(**connection_arguments(settings), autocommit=True)
        lock = lock_key(settings)
        self._appends = [
            (
                append.statement(len(each.records), 1, lock, lines=len(each.lines), notify=False),
                Renamed([None if value is None else value.decode() for value in append.parameters(each.prepared)]),
            )
            for each in decided()
        ]
        self._streams = 0

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """Three statements; each lifecycle is a stream of its own."""
        self._streams += 1
        name = f"{self._streams}{symbol}"
        for statement, values in self._appends:
            psycopg.RawCursor(self._connection).execute(statement, values.of(name), prepare=True).fetchone()
            yield

    def finish(self, symbols: Sequence[str]) -> None:
        """Do nothing: no stream is met again."""

    def close(self) -> None:
        """Close the connection to the database."""
        self._connection.close()


class BareSQLite:
    """One connection, set up as the store sets up its own."""

    def __init__(self, settings: Settings) -> None:
        self._connection = sqlite3.connect(settings.where, timeout=settings.timeout_seconds, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._appends = [
            (
                list(map(_renamed_event, each.records, each.hashes)),
                Renamed(_sqlite_row(each.row)),
                list(map(Renamed, each.lines)),
            )
            for each in decided()
        ]
        self._streams = 0

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """Three transactions; each lifecycle is a stream of its own."""
        self._streams += 1
        name = f"{self._streams}{symbol}"
        ask: Any = self._connection.execute
        for events, row, lines in self._appends:
            ask("BEGIN IMMEDIATE")
            for values in events:
                ask(_SQLITE_EVENT, values.of(name))
            ask(_SQLITE_ROW, row.of(name))
            for values in lines:
                ask(_SQLITE_LINE, values.of(name))
            ask("COMMIT")
            yield

    def finish(self, symbols: Sequence[str]) -> None:
        """Do nothing: no stream is met again."""

    def close(self) -> None:
        """Close the connection to the database."""
        self._connection.close()


def _renamed_event(record: EventRecord, hashed: str) -> Renamed:
    command_id, intent_id, cycle, mark, ts_recorded = record.columns
    stream, version = str(record.originator_id), str(record.originator_version)
    payload = record.state.decode()
    return Renamed(
        (stream, version, record.topic, payload, hashed, command_id, intent_id, str(cycle), mark, ts_recorded)
    )


def _sqlite_row(row: PositionRow) -> list[Value]:
    known = (getattr(row, name) for name in STORED)
    texts = append.row_values(row)
    return [int(value) if isinstance(value, bool) else text for value, text in zip(known, texts, strict=True)]
