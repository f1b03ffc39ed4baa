"""The positions table: one row for each cycle, written with the append; its columns, and reading a row back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from domain.aggregate.row import COLUMNS, PositionRow, row_adapter
from domain.aggregate.row_fold import project
from domain.errors import HistoryDamaged
from domain.events import PositionEvent
from domain.faults import faults
from domain.orders.cycle_orders import of_role
from domain.orders.order import Order
from domain.values import plain, total_of

__all__ = [
    "COLUMNS",
    "PositionRow",
    "Project",
    "damaged",
    "fees_text",
    "orders_text",
    "project",
    "requested_in_all",
    "row_from",
]


Project = Callable[[PositionRow | None, PositionEvent], PositionRow]
"""The type of `project`; a caller that has projected an event already can pass its result in this form."""


def orders_text(orders: Mapping[str, Order]) -> str:
    """The orders of a cycle as one JSON text."""
    return f"[{','.join([order.text for order in orders.values()])}]"


def fees_text(fees: dict[str, Decimal]) -> str:
    """Sums by name as one JSON text, for a column: fees by currency, cash by kind."""
    return json.dumps({currency: plain(amount) for currency, amount in sorted(fees.items())}) if fees else "{}"


def requested_in_all(row: PositionRow) -> Decimal | None:
    """The requested quantity of all entry orders of a cycle; None when it is not known for one of them."""
    asked = [order.requested_qty for order in of_role(row.orders, "entry")] or [row.requested_qty]
    return None if None in asked else total_of(each for each in asked if each is not None)


def row_from(values: Sequence[Any]) -> PositionRow:
    """Parse a row from its values in the order of COLUMNS.

    Refuses: HistoryDamaged when they are no valid row.
    """
    columns = dict(zip(COLUMNS, values, strict=True))
    try:
        for name in ("fees_other", "cash"):
            columns[name] = json.loads(columns[name])
        columns["orders"] = {order["name"]: order for order in json.loads(columns["orders"])}
        return row_adapter().validate_python(columns)
    except (ValueError, TypeError, LookupError) as cause:
        raise damaged(columns["position_id"], cause) from cause


def damaged(position_id: str, cause: Exception) -> HistoryDamaged:
    """The error for a stored row that cannot be parsed, with the reason."""
    why = faults(cause) if isinstance(cause, ValidationError) else cause
    return HistoryDamaged(
        f"the row of {position_id} in the positions table cannot be read: {why}. Look whether its events hold with "
        "`position-ledger history`, and mend it with `position-ledger rebuild`"
    )
