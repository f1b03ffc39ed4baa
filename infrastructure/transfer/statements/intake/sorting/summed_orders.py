"""Orders that one file sums up and another has fill by fill: only the fills are taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, plain
from infrastructure.transfer.statements.intake.sorting.walked import walked
from infrastructure.transfer.transfer_errors import StatementRefused

_SUMMED: Final = """
SELECT one.rowid, one.place, one.file, one.line, one.quantity, one.order_id, one.buys, one.is_last FROM fills AS one
WHERE one.trade_id = 'order-' || one.order_id AND EXISTS (
    SELECT 1 FROM fills AS other WHERE (other.place, other.order_id, other.buys) = (one.place, one.order_id, one.buys)
        AND other.rowid <> one.rowid)
"""
"""Kinds of files that sum up an order give its only fill such an id."""
_OTHERS: Final = """
SELECT rowid, quantity FROM fills WHERE (place, order_id, buys) = (?, ?, ?) AND rowid <> ? ORDER BY time, number, rowid
"""
_END: Final = "UPDATE fills SET is_last = ? WHERE rowid = ?"
_FORGET: Final = "DELETE FROM fills WHERE rowid = ?"
_FORGET_FEES: Final = "DELETE FROM cash WHERE place = ?1 AND substr(cash_id, 1, length(?2)) = ?2"
"""Where the fees of an order are in several currencies, all but the first are cash beside its sum."""


def take_by_fills(
    database: sqlite3.Connection,
    key_of: Callable[[int], PositionKey],
    refusal: Callable[[int, StatementRefused], StatementRefused],
) -> int:
    """Leave out the sums of orders whose fills are listed, and return how many there were.

    Refuses: StatementRefused where the fills of an order are not all of it.
    """
    count = 0
    for rowid, place, file, line, quantity, order_id, buys, is_last in walked(database, _SUMMED):
        others = database.execute(_OTHERS, (place, order_id, buys, rowid)).fetchall()
        listed = Decimal(0)
        for _, part in others:
            listed = EXACT.add(listed, Decimal(part))
        if listed != Decimal(quantity):
            raise refusal(
                file,
                StatementRefused.at(
                    line,
                    f"order {order_id} of {key_of(place)} was filled {plain(Decimal(quantity))} in all, and its fills "
                    f"in the other files come to {plain(listed)}; give the files of all its fills, or of none",
                ),
            )
        database.execute(_END, (is_last, others[-1][0]))
        database.execute(_FORGET, (rowid,))
        database.execute(_FORGET_FEES, (place, f"{order_id}:order-{order_id}:"))
        count += 1
    return count
