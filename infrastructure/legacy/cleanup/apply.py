"""Changing rows of a legacy table in its database, in one transaction, if none of them was changed meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from domain.errors import LedgerError, OutcomeUnknown, StoreUnavailable
from infrastructure.legacy.cleanup.backup import restoring
from infrastructure.legacy.cleanup.plan import RowChange
from infrastructure.legacy.source.layout import Layout
from infrastructure.legacy.source.legacy_database import chosen, connected, copied
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow, UnreadableDump

LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '10s'"
_KIND: Final = "SELECT relkind::text FROM pg_class WHERE oid = %s::regclass"
_TYPES: Final = (
    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
)
_COPY: Final = "COPY (SELECT tableoid::text, ctid::text, {columns} FROM {table}) TO STDOUT"
_LOCKED: Final = "SELECT {columns} FROM {table} WHERE tableoid::text = %s AND ctid = %s::tid FOR UPDATE"
_UPDATE: Final = (
    "UPDATE {table} SET {news} WHERE tableoid::text = %s AND ctid = %s::tid AND {status} IS NOT DISTINCT FROM %s"
)
_WRITTEN: Final = ("status", "reason", "closed")
_IDENTITY: Final = ("id", "symbol", "exchange", "opened")
_TABLES: Final = ("r", "p")
_LENGTH: Final = re.compile(r"character varying\((\d+)\)")


class TableChanged(LedgerError):
    """A row was changed since it was read; nothing was done."""


class LiveTable:
    """A legacy table in its database, which may be changed."""

    def __init__(self, connection: psycopg.Connection, table: str | None) -> None:
        """Find the table, as `read_table` does. Refuses: UnreadableDump, also for a view."""
        self._connection = connection
        self.place, self.columns = chosen(connection, table)
        self.name = ".".join(self.place)
        self._table, self._layout = sql.Identifier(*self.place), Layout.of(self.columns)
        quoted = self._table.as_string(connection)
        (kind,) = connection.execute(_KIND, (quoted,)).fetchone() or ("",)
        if kind not in _TABLES:
            raise UnreadableDump(f"{self.name} is no table but a view of one; name the table itself with --table")
        self._types: dict[str, str] = dict(connection.execute(_TYPES, (quoted,)).fetchall())
        self._places: dict[int, tuple[str | None, str | None]] = {}
        connection.commit()

    @classmethod
    @contextmanager
    def at(cls, url: str, table: str | None) -> Iterator[Self]:
        """Connect until the end of the block. Refuses: StoreUnavailable, UnreadableDump."""
        with connected(url) as connection:
            yield cls(connection, table)

    def rows(self) -> Iterator[RawRow]:
        """Every row as text, in one snapshot; remembers the place of each row."""
        columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        statement = sql.SQL(_COPY).format(columns=columns, table=self._table)
        with self._connection.transaction():
            for number, (relation, place, *found) in enumerate(copied(self._connection, statement, self.name), start=1):
                self._places[number] = (relation, place)
                yield RawRow(number, self.columns, tuple(found))

    @property
    def restore(self) -> str:
        """The statement that undoes `apply` with the rows of a backup."""
        identity = [column for meaning in _IDENTITY if (column := self._column(meaning))]
        return restoring(self.place, list(self._written()), identity, self._column("reason"))

    def apply(
        self, changes: Sequence[RowChange], now: datetime, zone: tzinfo | None, before: Callable[[], None]
    ) -> None:
        """Lock the rows, call `before` (which writes a backup), and change the rows, in one transaction.

        Refuses: TableChanged when one of them, or one that a change rests on, was changed; then nothing was done.
        OutcomeUnknown when the connection was lost during the commit.
        """
        news = [self._news(change, now, zone) for change in changes]
        try:
            with self._connection.transaction():
                self._connection.execute(LOCK_TIMEOUT)
                for row in _each_once(changes):
                    self._lock(row)
                before()
                for change, written in zip(changes, news, strict=True):
                    self._update(change, written)
        except psycopg.Error as error:
            reason = str(error).strip().partition("\n")[0]
            if self._connection.closed:
                raise OutcomeUnknown(
                    f"the connection to {self.name} was lost ({reason}), so the rows may be changed or not, all of "
                    "them or none: run it again to see"
                ) from None
            raise StoreUnavailable(f"{self.name} could not be changed: {reason}; nothing was done") from None

    def _lock(self, row: LegacyRow) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        statement = sql.SQL(_LOCKED).format(columns=columns, table=self._table)
        with self._connection.cursor() as cursor:
            cursor.execute(statement, self._places[row.raw.line])
            found = _texts(cursor)
        if found != [row.raw.values]:
            raise TableChanged(
                f"row {row.name} of {self.name} changed since it was looked at; nothing was done: run it again"
            )

    def _update(self, change: RowChange, news: dict[str, Any]) -> None:
        status = self._status
        assignments = sql.SQL(", ").join(
            sql.SQL("{name} = {value}").format(name=sql.Identifier(name), value=sql.Placeholder()) for name in news
        )
        statement = sql.SQL(_UPDATE).format(table=self._table, news=assignments, status=sql.Identifier(status))
        seen = change.row.raw.as_dict()[status]
        done = self._connection.execute(statement, (*news.values(), *self._places[change.row.raw.line], seen))
        if done.rowcount != 1:
            raise TableChanged(f"row {change.row.name} of {self.name} could not be changed ({done.rowcount} rows were)")

    def _written(self) -> dict[str, str]:
        """The columns that a change writes, with their meanings; a table may lack some of them."""
        found = {column: meaning for meaning in _WRITTEN if (column := self._column(meaning))}
        return found | {name: "updated" for name in self.columns if name.lower() == "updated_at"}

    def _column(self, meaning: str) -> str | None:
        places = self._layout.places[meaning]
        return self.columns[places[0]] if places else None

    @property
    def _status(self) -> str:
        column = self._column("status")
        assert column is not None, "no table is taken without it"
        return column

    def _news(self, change: RowChange, now: datetime, zone: tzinfo | None) -> dict[str, Any]:
        """The new values of a row by column."""
        news: dict[str, Any] = {}
        for column, meaning in self._written().items():
            match meaning:
                case "status":
                    news[column] = change.status.value
                case "reason":
                    news[column] = _fitted(change.exit_reason, self._types[column])
                case "closed" if change.row.closed_at is not None:
                    continue
                case _:
                    news[column] = self._time(column, now, zone)
        return news

    def _time(self, column: str, now: datetime, zone: tzinfo | None) -> datetime:
        if not self._types[column].endswith("without time zone"):
            return now
        if zone is None:
            raise UnreadableDump(f"{column} names no zone; say with --timezone what its times are in")
        return now.astimezone(zone).replace(tzinfo=None)


def _texts(cursor: psycopg.Cursor[Any]) -> list[tuple[str | None, ...]]:
    """The values of a result as text, unchanged: as COPY writes them, without its escapes."""
    answer = cursor.pgresult
    assert answer is not None, "it was asked something"
    return [
        tuple(
            None if (value := answer.get_value(line, column)) is None else bytes(value).decode()
            for column in range(answer.nfields)
        )
        for line in range(answer.ntuples)
    ]


def _each_once(changes: Sequence[RowChange]) -> list[LegacyRow]:
    """Every row that is changed, or that a change rests on, in the order of the table, so that no locks deadlock."""
    rows = {row.raw.line: row for change in changes for row in (change.row, *change.beside)}
    return [rows[line] for line in sorted(rows)]


def _fitted(text: str, kind: str) -> str:
    """A reason, cut to the length of its column; the backup and the report have it in full."""
    limit = _LENGTH.fullmatch(kind)
    if limit is None or len(text) <= int(limit[1]):
        return text
    return text[: int(limit[1]) - 1] + "…"
