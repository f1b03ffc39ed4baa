"""The legacy table in its database: connecting, finding the table, and reading it with psycopg."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session import connection_info
from infrastructure.event_store.postgres.session.connection_info import KEPT_APART
from infrastructure.legacy.source.copytext import names, values
from infrastructure.legacy.source.layout import is_legacy, missing
from infrastructure.legacy.source.raw import RawRow, UnreadableDump

CONNECT_TIMEOUT_SECONDS: Final = 10
_PREFERRED: Final = ("monitoring", "positions")
_SETTINGS: Final[tuple[LiteralString, ...]] = (
    "SET TIME ZONE 'UTC'",
    "SET DateStyle = 'ISO'",
    "SET IntervalStyle = 'postgres'",
    "SET extra_float_digits = 3",
    "SET bytea_output = 'hex'",
)
_COLUMNS: Final = """
    SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relname = %(name)s
      AND (%(schema)s::text IS NULL OR n.nspname = %(schema)s)
      AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
    GROUP BY n.nspname, c.relname
    ORDER BY n.nspname
"""
_COPY: Final = "COPY (SELECT {columns} FROM {table}) TO STDOUT"


def read_table(url: str, table: str | None = None) -> Iterator[RawRow]:
    """Read the rows of a legacy table as COPY writes them, with times in UTC.

    Shape:   of `table` (schema.name, or just the name); else of monitoring.positions, or of the one table of another
             schema that is named `positions` and has the columns. One transaction, read-only.
    Refuses: StoreUnavailable when the database cannot be reached or refuses, without repeating a password;
             UnreadableDump for an invalid URL, and if there is no such table, or several.
    """
    with connected(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        place, columns = chosen(connection, table)
        yield from _rows(connection, place, columns)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """A connection that reads and writes every value as COPY does, with times in UTC.

    Refuses: as read_table; every error of psycopg in the block becomes StoreUnavailable.
    """
    try:
        words = connection_info.parameters_of(url)
    except ValueError as wrong:
        raise UnreadableDump(
            f"--from is not a database URL: {wrong}; it looks like postgresql://user@host:5432/database, with the "
            f"password in {KEPT_APART}"
        ) from None
    try:
        with psycopg.connect(
            url, connect_timeout=CONNECT_TIMEOUT_SECONDS, client_encoding="UTF8", application_name="position-ledger"
        ) as connection:
            for setting in _SETTINGS:
                connection.execute(setting)
            connection.commit()
            yield connection
    except psycopg.Error as error:
        reason = connection_info.without_secrets(" ".join(str(error).split()), words)
        raise StoreUnavailable(f"the legacy table could not be read: {reason}") from None


def chosen(connection: psycopg.Connection, table: str | None) -> tuple[tuple[str, str], tuple[str, ...]]:
    """The table to read, as schema and name, and its columns. Refuses: UnreadableDump if there is none, or several."""
    schema, name = ("", *(names(table) if table else _PREFERRED[1:]))[-2:]
    found = connection.execute(_COLUMNS, {"name": name, "schema": schema or None}).fetchall()
    tables = {(place, relation): tuple(columns) for place, relation, columns in found}
    if table is None:
        tables = {place: columns for place, columns in tables.items() if is_legacy(columns)} or tables
        if _PREFERRED in tables:
            tables = {_PREFERRED: tables[_PREFERRED]}
    if not tables:
        raise UnreadableDump(f"there is no table {table or name} that this user can see; name it with --table")
    if len(tables) > 1:
        choices = " or ".join(f"--table {'.'.join(place)}" for place in tables)
        raise UnreadableDump(f"there are several tables {name}; choose with {choices}")
    ((place, columns),) = tables.items()
    if lacking := missing(columns):
        raise UnreadableDump(f"{'.'.join(place)} has no column {', '.join(lacking)}")
    if not is_legacy(columns):
        raise UnreadableDump(f"{'.'.join(place)} is the positions table of a ledger, not a legacy one")
    return place, columns


def _rows(connection: psycopg.Connection, place: tuple[str, str], columns: tuple[str, ...]) -> Iterator[RawRow]:
    statement = sql.SQL(_COPY).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)), table=sql.Identifier(*place)
    )
    for number, found in enumerate(copied(connection, statement, ".".join(place)), start=1):
        yield RawRow(number, columns, tuple(found))


def copied(connection: psycopg.Connection, statement: sql.Composed, name: str) -> Iterator[list[str | None]]:
    """The rows of a COPY as text. Refuses: UnreadableDump for a row that is not UTF-8."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for number, line in enumerate(_lines(bytes(block) for block in copy), start=1):
            try:
                yield values(line)
            except UnicodeDecodeError as wrong:
                raise UnreadableDump(f"row {number} of {name} is not UTF-8: {wrong.reason}") from None


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, however the server splits them into blocks."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    assert not rest, "COPY ends its last line"
