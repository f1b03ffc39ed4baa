"""Profits that one file states for fills in another file: they are compared, and never recorded."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from itertools import groupby
from typing import Final

from domain.identifiers import PositionKey
from domain.values import plain, total_of
from infrastructure.transfer.statements.intake.sorting.walked import walked
from infrastructure.transfer.statements.statement_report import StatementTally

_HAS_ANY: Final = "SELECT 1 FROM profits LIMIT 1"
_INDEXES: Final = """
CREATE INDEX profits_trade ON profits (place, trade_id);
CREATE INDEX IF NOT EXISTS fills_trade ON fills (place, trade_id);
"""
_FORGET_REPEATED: Final = """
DELETE FROM profits WHERE EXISTS (SELECT 1 FROM profits AS first WHERE first.rowid < profits.rowid
AND (first.file < profits.file OR first.profit_id IS NOT NULL) AND first.trade_id IS profits.trade_id
AND first.profit_id IS profits.profit_id AND (first.place, first.time, first.profit) = (profits.place, profits.time,
profits.profit))
"""
_OF_FILLS: Final = """
SELECT profits.place, profits.trade_id, fills.rowid, fills.profit, profits.profit, profits.line
FROM profits JOIN fills ON fills.place = profits.place AND fills.trade_id = profits.trade_id
ORDER BY profits.place, profits.trade_id, fills.rowid, profits.rowid
"""
_GIVE: Final = "UPDATE fills SET profit = ? WHERE rowid = ?"
_TAKE_AWAY: Final = "DELETE FROM profits WHERE place = ? AND trade_id = ?"


def state_profits(database: sqlite3.Connection, key_of: Callable[[int], PositionKey], tally: StatementTally) -> None:
    """Give fills the profits that another file states for them; where both state one, they are compared.

    A profit without a fill is kept, and is compared with all that its key earned.
    """
    if database.execute(_HAS_ANY).fetchone() is None:
        return
    database.executescript(_INDEXES)
    database.execute(_FORGET_REPEATED)
    found = walked(database, _OF_FILLS)
    for (place, trade_id), rows in groupby(found, lambda row: (row[0], row[1])):
        profits = list(rows)
        if len({row[2] for row in profits}) > 1:
            continue  # it is not known which fill they belong to
        _, _, rowid, by_fill, _, line = profits[0]
        profit = total_of(Decimal(row[4]) for row in profits)
        if by_fill is None:
            database.execute(_GIVE, (str(profit), rowid))
        elif Decimal(by_fill) != profit:
            tally.found(
                f"{key_of(place)}: trade {trade_id} says a profit of {plain(Decimal(by_fill))}, line {line:,} says "
                f"{plain(profit)}"
            )
        database.execute(_TAKE_AWAY, (place, trade_id))
