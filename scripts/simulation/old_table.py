"""The table of the old bot: a position is a row, and a unique index is meant to prevent a second one."""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg

from domain.values import plain
from infrastructure.event_store.postgres.session.session_settings import connection_arguments
from infrastructure.settings import Settings

FIRST_ROW: Final = 2548
OVER_ACTIVE: Final = ("active",)
"""The statuses that the first index covered; a row in `entry_placed` was not covered."""
OVER_OPEN: Final = ("active", "entry_placed", "pending_sl", "pending_entry")
"""The statuses that the index covers since the fix."""

_COLUMNS: Final = (
    "id", "signal_id", "symbol", "exchange", "side", "quantity", "entry_price", "status", "exit_reason",
    "exchange_order_id",
)  # fmt: skip
_TABLE: Final = """
    CREATE TABLE positions (
        id {identity}, signal_id text, symbol varchar(20) NOT NULL, exchange varchar(50) NOT NULL,
        side varchar(10) NOT NULL, quantity {number} NOT NULL, entry_price {number}, status varchar(20) NOT NULL,
        exit_reason varchar(500), exchange_order_id varchar(100)
    )
"""
_INDEX: Final = "CREATE UNIQUE INDEX idx_unique_active_position ON positions (symbol, exchange) WHERE status IN {among}"
_INSERT: Final = (
    "INSERT INTO positions (signal_id, symbol, exchange, side, quantity, entry_price, status, exchange_order_id)"
    " VALUES (:signal_id, :symbol, :exchange, :side, :quantity, :entry_price, :status, :exchange_order_id) RETURNING id"
)
_SET: Final = (
    "UPDATE positions SET status = :status, exit_reason = coalesce(:exit_reason, exit_reason),"
    " exchange_order_id = coalesce(:exchange_order_id, exchange_order_id), quantity = coalesce(:quantity, quantity),"
    " entry_price = coalesce(:entry_price, entry_price) WHERE id = :id"
)
_ROWS: Final = f"SELECT {', '.join(_COLUMNS)} FROM positions ORDER BY id"
_OF_KEY: Final = (
    f"SELECT {', '.join(_COLUMNS)} FROM positions WHERE symbol = :symbol AND exchange = :exchange ORDER BY id"
)
_NAMED = re.compile(r":(\w+)")


class IndexViolation(Exception):
    """The unique index refused a row."""


@dataclass(frozen=True, kw_only=True)
class OldRow:
    """A row of the old table; it has only the present state, no history."""

    id: int | None = None
    signal_id: str | None = None
    symbol: str
    exchange: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    status: str
    exit_reason: str | None = None
    exchange_order_id: str | None = None

    def __str__(self) -> str:
        """The row on one line."""
        order = f"order {self.exchange_order_id}" if self.exchange_order_id else "no order id"
        return f"row {self.id}: {self.side} {self.quantity} @ {self.entry_price}, {order}, {self.status}"


class OldTable:
    """One connection to the table; threads may use it one after the other, not at the same time."""

    def __init__(self, settings: Settings) -> None:
        self._database = _SQLite(settings) if settings.kind == "sqlite" else _Postgres(settings)

    def create(self, among: Sequence[str]) -> None:
        """Create the table, with a unique index over the rows that have one of these statuses."""
        for statement in (*self._database.preparations, _TABLE, _INDEX):
            words = statement.replace("{among}", "(" + ", ".join(f"'{status}'" for status in among) + ")")
            for name, kind in self._database.kinds.items():
                words = words.replace(f"{{{name}}}", kind)
            self._database.run(words, {})

    def insert(self, row: OldRow) -> int:
        """Insert a row, and return its id. Refuses: IndexViolation."""
        ((row_id,),) = self._database.run(_INSERT, _texts(vars(row)))
        return int(row_id)

    def update(self, row_id: int, status: str, **news: Any) -> None:
        """Set the status and other columns of a row; columns that are not given stay. Refuses: IndexViolation."""
        nothing = dict.fromkeys(("exit_reason", "exchange_order_id", "quantity", "entry_price"))
        self._database.run(_SET, _texts({**nothing, **news, "id": row_id, "status": status}))

    def rows(self, symbol: str | None = None, exchange: str | None = None) -> list[OldRow]:
        """All rows, or those of a symbol and exchange in exactly this spelling; oldest first."""
        statement = _ROWS if symbol is None else _OF_KEY
        return [_row(values) for values in self._database.run(statement, {"symbol": symbol, "exchange": exchange})]

    @contextmanager
    def locked(self, symbol: str, exchange: str) -> Iterator[None]:
        """A transaction that keeps out other processes that lock the same spelling of a symbol and exchange."""
        self._database.run(self._database.begin, {})
        try:
            if self._database.lock:
                self._database.run(self._database.lock, {"key": zlib.crc32(f"{symbol}_{exchange}".encode())})
            yield
        except BaseException:
            self._database.run("ROLLBACK", {})
            raise
        self._database.run("COMMIT", {})

    def close(self) -> None:
        """Close the connection to the database."""
        self._database.close()


class _SQLite:
    """The table in a file; it has what `_Postgres` has, which says what each is."""

    preparations = (
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE begin_ids (id INTEGER PRIMARY KEY AUTOINCREMENT)",  # creates the table sqlite_sequence
        f"INSERT INTO sqlite_sequence (name, seq) VALUES ('positions', {FIRST_ROW - 1})",
        "DROP TABLE begin_ids",
    )
    kinds: Final = {"identity": "INTEGER PRIMARY KEY AUTOINCREMENT", "number": "TEXT"}
    begin: Final = "BEGIN IMMEDIATE"
    lock: Final = ""

    def __init__(self, settings: Settings) -> None:
        where = settings.where if settings.is_memory else str(Path(settings.where).resolve())
        self._connection = sqlite3.connect(
            where, timeout=settings.timeout_seconds, isolation_level=None, check_same_thread=False
        )

    def run(self, statement: str, values: dict[str, Any]) -> list[Sequence[Any]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.IntegrityError as violation:
            raise IndexViolation(str(violation)) from None

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    """The table on a server.

    Shape: `preparations` are run before the table is created, and `kinds` are the types of its columns. `begin` begins
           a transaction that reads before it writes, and `lock` keeps others out of it; empty if `begin` does so.
    """

    kinds: Final = {
        "identity": f"bigint GENERATED ALWAYS AS IDENTITY (START {FIRST_ROW}) PRIMARY KEY",
        "number": "numeric(20, 8)",
    }
    begin: Final = "BEGIN"
    lock: Final = "SELECT pg_advisory_xact_lock(:key)"

    def __init__(self, settings: Settings) -> None:
        self.preparations: tuple[str, ...] = (f'CREATE SCHEMA "{settings.schema}"',)
        self._connection = psycopg.connect(**connection_arguments(settings), autocommit=True)

    def run(self, statement: str, values: dict[str, Any]) -> list[Sequence[Any]]:
        try:
            cursor = self._connection.execute(_NAMED.sub(r"%(\1)s", statement).encode(), values)
        except psycopg.errors.UniqueViolation as violation:
            raise IndexViolation(str(violation).partition("\n")[0]) from None
        return list(cursor.fetchall()) if cursor.description else []

    def close(self) -> None:
        self._connection.close()


def _texts(values: dict[str, Any]) -> dict[str, Any]:
    """Numbers as text, which both databases accept, and neither rounds."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _row(values: Sequence[Any]) -> OldRow:
    columns = dict(zip(_COLUMNS, values, strict=True))
    for name in ("quantity", "entry_price"):
        columns[name] = Decimal(plain(Decimal(columns[name])))
    return OldRow(**columns)
