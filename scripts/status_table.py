"""The table of open positions: the same columns, words and orders for every command that lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from projections.formatting import aged, date_and_time, for_eyes
from projections.health.ledger_status import StatusLine
from scripts.output import Table

SORTS: Final = {
    "worst": "what is critical first, then what is unprotected, then the oldest",
    "age": "what is as it is for longest",
    "symbol": "by key",
}


def in_order(lines: Sequence[StatusLine], order: str) -> Sequence[StatusLine]:
    """Sort lines, which come with the worst first, in one of the orders of SORTS."""
    if order == "age":
        return sorted(lines, key=lambda line: (line.since, line.row.position_id))
    if order == "symbol":
        return sorted(lines, key=lambda line: (line.row.stream, line.row.cycle))
    return lines


def status_table(lines: Sequence[StatusLine]) -> Table:
    """The open positions as a table; the most important columns are on the left."""
    return Table(
        "Open now",
        ("how", "position", "state", "age", "side", "held", "entry", "stop", "status", "opened", "next"),
        [_cells(line) for line in lines],
        frozenset({"age", "held", "entry", "stop"}),
    )


def _cells(line: StatusLine) -> tuple[object, ...]:
    row = line.row
    return (
        line.severity.value,
        row.position_id,
        line.state,
        aged(line.age),
        row.side.value,
        for_eyes(row.quantity),
        for_eyes(row.avg_px_open) if row.quantity else "",
        for_eyes(row.stop_price) if row.stop_confirmed and row.stop_price is not None else "none",
        row.status.value,
        date_and_time(row.opened_at),
        line.next or "",
    )
