"""The three layers of protection of the system that the ledger replaces, written from its description.

A lock and a query before the insert (L1), a unique index over the open statuses (L2), and another query before the row
becomes active (L3); every statement is a round trip, as it was there. Other indexes, if it had any, are left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import psycopg

from infrastructure.event_store.postgres.session.session_settings import connection_arguments
from infrastructure.settings import Settings
from scripts.benchmarks import lifecycle as facts

_OPEN: Final = "('active', 'entry_placed', 'pending_sl', 'pending_entry')"
_CREATE: Final = (
    """
    CREATE TABLE positions (
        id bigserial PRIMARY KEY, signal_id bigint, trade_id bigint, symbol varchar(20) NOT NULL,
        exchange varchar(50) NOT NULL, side varchar(10) NOT NULL, quantity numeric(20, 8) NOT NULL,
        entry_price numeric(20, 8), current_price numeric(20, 8), stop_loss_price numeric(20, 8),
        stop_loss numeric(20, 8), take_profit_price numeric(20, 8), pnl numeric(20, 8), unrealized_pnl numeric,
        pnl_percentage numeric(20, 8), leverage numeric(10, 2), has_stop_loss boolean DEFAULT false,
        has_trailing_stop boolean DEFAULT false, trailing_activated boolean DEFAULT false,
        status varchar(20) NOT NULL DEFAULT 'OPEN', opened_at timestamptz DEFAULT now(), closed_at timestamptz,
        updated_at timestamptz DEFAULT now(), created_at timestamp DEFAULT now(), exit_reason varchar(50),
        exchange_order_id varchar(100)
    )
    """,
    f"CREATE UNIQUE INDEX idx_unique_active_position ON positions (symbol, exchange) WHERE status IN {_OPEN}",
)
_LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"
_LOOK: Final = f"SELECT id, status FROM positions WHERE symbol = %s AND exchange = %s AND status IN {_OPEN} LIMIT 1"
_INSERT: Final = (
    "INSERT INTO positions (signal_id, symbol, exchange, side, quantity, entry_price, status)"
    " VALUES (%s, %s, %s, %s, %s, %s, 'pending_entry') RETURNING id"
)
_PLACED: Final = (
    "UPDATE positions SET status = 'entry_placed', exchange_order_id = %s, quantity = %s, entry_price = %s,"
    " updated_at = now() WHERE id = %s"
)
_OTHER: Final = (
    "SELECT id FROM positions WHERE symbol = %s AND exchange = %s AND status = 'active' AND id <> %s LIMIT 1"
)
_ACTIVE: Final = (
    "UPDATE positions SET status = 'active', stop_loss_price = %s, has_stop_loss = true, updated_at = now()"
    " WHERE id = %s"
)
_CLOSED: Final = (
    "UPDATE positions SET status = 'closed', exit_reason = 'stop', closed_at = now(), updated_at = now()"
    " WHERE symbol = ANY(%s) AND exchange = %s AND status = 'active'"
)


@dataclass(frozen=True)
class ThreeLayers:
    """The old table in a schema of its own."""

    settings: Settings
    name: str = "three layers"

    def create(self) -> None:
        """Make the schema."""
        with psycopg.connect(**connection_arguments(self.settings), autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{self.settings.schema}"'.encode())
            for statement in _CREATE:
                connection.execute(statement.encode())

    def runner(self) -> ThreeLayersRunner:
        """Connect."""
        return ThreeLayersRunner(self.settings)


class ThreeLayersRunner:
    """One connection, every statement prepared."""

    def __init__(self, settings: Settings) -> None:
        """Connect with the same arguments and the same durability as the ledger."""
        self._connection = psycopg.connect(**connection_arguments(settings), autocommit=True)
        self._signal = 0

    def _execute(self, statement: str, *values: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(statement.encode(), values, prepare=True)

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """BEGIN, lock, SELECT, INSERT, COMMIT; UPDATE; SELECT, UPDATE."""
        self._signal += 1
        key = (symbol, facts.EXCHANGE)
        self._execute("BEGIN")
        self._execute(_LOCK, zlib.crc32("_".join(key).encode()))
        assert self._execute(_LOOK, *key).fetchone() is None, "nobody holds the symbol"
        inserted = self._execute(
            _INSERT, self._signal, *key, "long", Decimal(facts.QUANTITY), Decimal(facts.SIGNAL_PRICE)
        ).fetchone()
        self._execute("COMMIT")
        assert inserted is not None, "the row has an id"
        yield
        self._execute(_PLACED, facts.ENTRY_ORDER, Decimal(facts.QUANTITY), Decimal(facts.ENTRY_PRICE), inserted[0])
        yield
        assert self._execute(_OTHER, *key, inserted[0]).fetchone() is None, "nobody holds the symbol"
        self._execute(_ACTIVE, Decimal(facts.STOP_PRICE), inserted[0])
        yield

    def finish(self, symbols: Sequence[str]) -> None:
        """Close them all in one statement."""
        self._execute(_CLOSED, list(symbols), facts.EXCHANGE)

    def close(self) -> None:
        """Close the connection to the database."""
        self._connection.close()
