"""The order that opens a position, among those that rest at an exchange."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.values import Status
from projections.account_snapshot import OrderReport
from projections.positions import PositionRow

ENTERING: Final = (Status.PENDING_ENTRY, Status.ENTRY_PLACED)
"""Statuses in which it may rest, and nothing be filled."""


def entry_order(row: PositionRow, orders: Iterable[OrderReport] | None) -> OrderReport | None:
    """The one that says that it is the entry of a cycle."""
    ours = {row.exchange_order_id, row.client_order_id} - {None}
    for order in orders or ():
        if order.key.symbol == row.symbol and ours & {order.order_id, order.client_order_id}:
            return order
    return None


def may_rest(row: PositionRow, orders: Iterable[OrderReport] | None) -> bool:
    """Whether a cycle that is being entered has its order there, or one that may be it."""
    orders, opens = tuple(orders or ()), row.side.opening_order
    return row.status in ENTERING and (
        entry_order(row, orders) is not None
        or any(each.key.symbol == row.symbol and each.side == opens and not each.reduce_only for each in orders)
    )
