"""A bot of the old kind, re-enacted: it writes rows, and finds out from an index what it should have asked."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, LiteralString, Self

import psycopg
from psycopg import sql

from infrastructure.legacy.shadow.capture.trigger import Watched

TABLE = Watched.read("monitoring.positions")
_MADE: Final[LiteralString] = """
    CREATE SCHEMA IF NOT EXISTS {schema};
    CREATE TABLE {table} (
        id bigint PRIMARY KEY, signal_id bigint, symbol varchar(20), exchange varchar(50), side varchar(10),
        quantity numeric(20,8), entry_price numeric(20,8), current_price numeric(20,8), pnl numeric(20,8),
        unrealized_pnl numeric, has_stop_loss boolean DEFAULT false, stop_loss_price numeric(20,8),
        trailing_activated boolean DEFAULT false, status varchar(20) DEFAULT 'OPEN',
        opened_at timestamptz DEFAULT clock_timestamp(), closed_at timestamptz, updated_at timestamptz,
        created_at timestamp DEFAULT now(), exit_reason text, exchange_order_id text
    );
    CREATE UNIQUE INDEX idx_unique_active_position ON {table} (symbol, exchange) WHERE status = 'active'
"""
APT: Final[dict[str, Any]] = {
    "symbol": "APTUSDT",
    "exchange": "binance",
    "side": "short",
    "quantity": "61.8",
    "entry_price": "3.2333",
}


class OldBot:
    """One connection of it; every write is a transaction, unless it says `begin`."""

    def __init__(self, url: str, table: Watched = TABLE) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._table = table

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def make_table(self) -> None:
        self._do(sql.SQL(_MADE).format(table=self._table.identifier(), schema=sql.Identifier(self._table.schema)))

    def install(self) -> None:
        self._connection.execute(self._table.install().encode())

    def drop(self) -> None:
        self._connection.execute(self._table.drop().encode())

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def roll_back(self) -> None:
        self._connection.execute("ROLLBACK")

    def insert(self, row_id: int, **row: Any) -> None:
        columns = {"id": row_id, **row}
        statement = sql.SQL("INSERT INTO {table} ({names}) VALUES ({values})").format(
            table=self._table.identifier(),
            names=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(map(sql.Literal, columns.values())),
        )
        self._do(statement)

    def update(self, row_id: int, **changes: Any) -> None:
        pairs = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in changes.items()]
        statement = sql.SQL("UPDATE {table} SET {pairs} WHERE id = {id}").format(
            table=self._table.identifier(), pairs=sql.SQL(", ").join(pairs), id=sql.Literal(row_id)
        )
        self._do(statement)

    def delete(self, row_id: int) -> None:
        self._do(sql.SQL("DELETE FROM {} WHERE id = {}").format(self._table.identifier(), sql.Literal(row_id)))

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(question.encode()).fetchall()

    def _do(self, statement: sql.Composed) -> None:
        self._connection.execute(statement)

    # -- its days -----------------------------------------------------------------------------------------------

    def opens(self, row_id: int, signal: int, order: str, **row: Any) -> None:
        """The old way in: `active`, then `entry_placed` with the order, then three seconds of sleep."""
        self.insert(row_id, signal_id=signal, status="active", **row)
        self.update(row_id, status="entry_placed", exchange_order_id=order)

    def protects(self, row_id: int, stop: str) -> None:
        self.update(row_id, has_stop_loss=True, stop_loss_price=stop, status="active")

    def sights(self, row_id: int, **row: Any) -> None:
        """What its synchroniser does about a position at the exchange that no active row explains."""
        self.insert(row_id, status="active", **row)
