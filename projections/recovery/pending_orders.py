"""Orders that a bot has to take care of: those promised whose outcome is not known, and missing stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from domain.identifiers import client_order_id
from domain.json_object import JsonObject
from domain.orders.cycle_orders import covered_by, next_name, stops_at_work
from domain.values import EXACT
from projections.exposure import is_bare
from projections.positions import PositionRow
from projections.recovery.required_orders import PlannedOrders
from projections.recovery.unanswered_orders import due_at

_SENT = frozenset({"entry", "exit", "rollback"})


@dataclass(frozen=True, kw_only=True)
class PendingOrder(JsonObject):
    """An order that was promised, or a stop that is missing: what it must be, and its client order id.

    Units: quantity as the position counts it; `stop_price` exact, to be rounded to the exchange's tick.
    """

    position_id: str
    symbol: str
    role: str
    name: str
    side: str
    quantity: Decimal | None
    client_order_id: str
    reduce_only: bool
    stop_price: Decimal | None = None
    is_missing: bool = False
    """Whether it is a stop that is needed and was never promised."""
    since: datetime
    due_at: datetime | None = None
    """Until when its bot may be at work on it."""
    reason: str | None = None
    """The reason for closing the position, as given when the order was promised."""

    json_keys: ClassVar = (
        "position_id",
        "symbol",
        "role",
        "name",
        "side",
        "quantity",
        "client_order_id",
        "reduce_only",
        "stop_price?",
        "is_missing",
        "since",
        "due_at?",
        "reason?",
    )


def pending_orders(row: PositionRow, planned: PlannedOrders | None) -> Iterator[PendingOrder]:
    """The pending orders of one cycle: those without a known outcome, and the missing stop."""
    for order in row.orders.values():
        is_awaited = order.is_live and (order.room is None or order.room > 0)
        if order.role not in _SENT or not is_awaited or order.client_order_id is None:
            continue
        enters = order.role == "entry"
        yield PendingOrder(
            position_id=row.position_id,
            symbol=row.symbol,
            role=order.role,
            name=order.name,
            side=row.side.opening_order if enters else row.side.closing_order,
            quantity=order.room,
            client_order_id=order.client_order_id,
            reduce_only=not enters,
            reason=None if planned is None else planned.reasons.get(order.client_order_id),
            since=order.opened_at or row.opened_at,
            due_at=None if order.opened_at is None else due_at(order),
        )
    if is_bare(row) and not row.orders.live("rollback"):
        name = next_name(row.orders, "stop")
        yield PendingOrder(
            position_id=row.position_id,
            symbol=row.symbol,
            role="stop",
            name=name,
            side=row.side.closing_order,
            quantity=EXACT.subtract(row.quantity, _covered(row)),
            client_order_id=client_order_id(row.position_id, name, row.intent_id),
            reduce_only=True,
            stop_price=None if planned is None else planned.stop_for(row.side, row.avg_px_open),
            is_missing=True,
            since=row.unprotected_since or row.opened_at,
        )


def _covered(row: PositionRow) -> Decimal:
    """The part of the quantity that working stops cover; the missing stop is for the rest."""
    if row.stray:
        return Decimal(0)
    return covered_by(stops_at_work(row.orders, row.side, row.avg_px_open)) or Decimal(0)
