"""The old way of working, re-enacted on a table of its own: rows for events, and an index that came too late."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

_TABLE: Final = """
CREATE TABLE positions (
    id INTEGER PRIMARY KEY, signal_id TEXT, symbol TEXT, exchange TEXT, side TEXT, quantity TEXT, entry_price TEXT,
    status TEXT, exit_reason TEXT, exchange_order_id TEXT
)
"""
_INDEX: Final = "CREATE UNIQUE INDEX idx_unique_active_position ON positions (symbol, exchange) WHERE status = 'active'"
_INSERT: Final = (
    "INSERT INTO positions (id, signal_id, symbol, exchange, side, quantity, entry_price, status, exchange_order_id)"
    " VALUES (:id, :signal_id, :symbol, :exchange, :side, :quantity, :entry_price, :status, :exchange_order_id)"
)
_SET_STATUS: Final = "UPDATE positions SET status = ?, exit_reason = ? WHERE id = ?"
_ROWS: Final = (
    "SELECT id, signal_id, symbol, exchange, side, quantity, entry_price, status, exchange_order_id FROM positions"
    " ORDER BY id"
)


@dataclass(frozen=True)
class OldRow:
    """A row of the old table: where it stands is all that it knows."""

    id: int
    signal_id: str | None
    symbol: str
    exchange: str
    side: str
    quantity: str
    entry_price: str
    status: str
    exchange_order_id: str | None = None

    def __str__(self) -> str:
        """Show the row on one line."""
        order = f"order {self.exchange_order_id}" if self.exchange_order_id else "no order id"
        return f"row {self.id}: {self.side} {self.quantity} @ {self.entry_price}, {order}, {self.status}"


class OldTable:
    """The table with its partial unique index, which cannot see a row while it is `entry_placed`."""

    def __init__(self) -> None:
        """Make an empty table in memory."""
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(_TABLE)
        self._connection.execute(_INDEX)

    def insert(self, row: OldRow) -> None:
        """Open a position the old way."""
        self._connection.execute(_INSERT, vars(row))

    def set_status(self, row_id: int, status: str, exit_reason: str | None = None) -> str | None:
        """Move a row on; the answer is the index's complaint, when there is one."""
        try:
            self._connection.execute(_SET_STATUS, (status, exit_reason, row_id))
        except sqlite3.IntegrityError as violation:
            return str(violation)
        return None

    def rows(self) -> list[OldRow]:
        """All rows."""
        return [OldRow(*values) for values in self._connection.execute(_ROWS)]

    def close(self) -> None:
        """Drop the table."""
        self._connection.close()
