"""The orders of a cycle, one line for each in a table of their own: an append writes only the lines that it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from msgspec.structs import astuple

from domain.orders.cycle_orders import NO_ORDERS
from projections.positions import COLUMNS, PositionRow

STORED: Final = COLUMNS[:-1]
"""The columns of the positions table itself: all but the orders, which come last."""


class OrderLine(NamedTuple):
    """One order of a cycle."""

    position_id: str
    place: int
    """Its number among the orders of the cycle: 0, 1, 2 … as they came."""
    body: str
    """The order as JSON."""


def stored_values(row: PositionRow) -> tuple[Any, ...]:
    """The values of a row in those columns."""
    return astuple(row)[:-1]


def lines_of(rows: Iterable[PositionRow], before: Mapping[str, PositionRow]) -> list[OrderLine]:
    """The lines of the orders that changed since `before`; all lines of a cycle that is not in it."""
    known = {position_id: row.orders for position_id, row in before.items()}
    return [
        OrderLine(row.position_id, place, order.text)
        for row in rows
        for place, order in row.orders.changed_since(known.get(row.position_id, NO_ORDERS))
    ]


def differing(table: str, is_other: str, among: str = "") -> str:
    """The query for the position ids whose row or order lines differ between the positions table and `table`.

    It names the columns, because a table that waits for a rebuild has one column more. `is_other` is how the database
    compares values that may be NULL; `among` is a condition on the id. Each row is looked up in the other table by its
    key: an EXCEPT would sort or hash all columns of both tables, twice.
    """
    asked = []
    for names, key, kind in ((STORED, ("position_id",), ""), (OrderLine._fields, ("position_id", "place"), "_orders")):
        same = " AND ".join(f"made.{name} = kept.{name}" for name in key)
        others = " OR ".join(f"made.{name} {is_other} kept.{name}" for name in names if name not in key)
        tables = {"kept": f"positions{kind} AS kept", "made": f"{table}{kind} AS made"}
        for one, other, differs in (("kept", "made", f" OR {others}"), ("made", "kept", "")):
            condition = f"({other}.position_id IS NULL{differs})" + (f" AND {one}.position_id {among}" if among else "")
            asked.append(
                f"SELECT {one}.position_id FROM {tables[one]} LEFT JOIN {tables[other]} ON {same} WHERE {condition}"
            )
    return " UNION ".join(asked)
