"""The orders of a cycle, a line each in a table beside that of positions: an append writes those that it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from msgspec.structs import astuple

from domain.orders.cycle_orders import NO_ORDERS
from projections.positions import COLUMNS, PositionRow

STORED: Final = COLUMNS[:-1]
"""The columns that the table of positions has itself: all but the orders, which come last."""


class OrderLine(NamedTuple):
    """One order of a cycle."""

    position_id: str
    place: int
    """In which order they came."""
    body: str
    """The order as JSON."""


def stored_values(row: PositionRow) -> tuple[Any, ...]:
    """What a row has in those columns."""
    return astuple(row)[:-1]


def lines_of(rows: Iterable[PositionRow], before: Mapping[str, PositionRow]) -> list[OrderLine]:
    """The lines of the orders that are not as they were; all of a cycle of which nobody says how it was."""
    known = {position_id: row.orders for position_id, row in before.items()}
    return [
        OrderLine(row.position_id, place, order.text)
        for row in rows
        for place, order in row.orders.changed_since(known.get(row.position_id, NO_ORDERS))
    ]


def differing(table: str, is_other: str, among: str = "") -> str:
    """The question for the ids whose row or lines are others, or missing, in one pair of tables of the two.

    By names, for a table that waits to be rebuilt has a column more; `is_other` is how the database compares what may
    be NULL, and `among` a condition on the id. Each is looked up in the other table by its key: an EXCEPT would sort
    or hash all columns of both, twice.
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
