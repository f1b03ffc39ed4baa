"""The orders of a cycle, a line each in a table beside that of positions: an append writes those that it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from projections.positions import COLUMNS, PositionRow

STORED: Final = tuple(name for name in COLUMNS if name != "orders")
"""The columns that the table of positions has itself."""


class OrderLine(NamedTuple):
    """One order of a cycle."""

    position_id: str
    place: int
    """In which order they came."""
    body: str
    """The order as JSON."""


def lines_of(rows: Iterable[PositionRow], before: Mapping[str, PositionRow]) -> list[OrderLine]:
    """The lines of the orders that are not as they were; all of a cycle of which nobody says how it was."""
    return [
        OrderLine(row.position_id, place, order.text)
        for row in rows
        for place, order in enumerate(row.orders.values())
        if row.position_id not in before or before[row.position_id].orders.get(order.name) is not order
    ]


def differing(table: str, where: str = "") -> str:
    """The question for the ids whose row or lines are others, or missing, in one pair of tables of the two.

    By names, for a table that waits to be rebuilt has a column more.
    """
    asked = []
    for names, kind in ((STORED, ""), (OrderLine._fields, "_orders")):
        columns = ", ".join(names)
        read, made = (f"SELECT {columns} FROM {name}{kind}{where}" for name in ("positions", table))
        asked.append(
            f"SELECT position_id FROM (SELECT * FROM ({read} EXCEPT {made}) AS gone"
            f" UNION ALL SELECT * FROM ({made} EXCEPT {read}) AS new) AS differing"
        )
    return " UNION ".join(asked)
