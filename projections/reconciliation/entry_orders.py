"""Finding the entry order of a cycle among the orders that rest at an exchange."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.values import Status
from projections.account_snapshot import OrderReport
from projections.positions import PositionRow

ENTERING: Final = (Status.PENDING_ENTRY, Status.ENTRY_PLACED)
"""The statuses in which an entry order may rest without a fill."""


def entry_order(row: PositionRow, orders: Iterable[OrderReport] | None) -> OrderReport | None:
    """The order with an id of a cycle's entry; None if there is none."""
    ours = {row.exchange_order_id, row.client_order_id} - {None}
    for order in orders or ():
        if order.key.symbol == row.symbol and ours & {order.order_id, order.client_order_id}:
            return order
    return None


def may_rest(row: PositionRow, orders: Iterable[OrderReport] | None) -> bool:
    """Whether the entry order of a cycle that is being entered rests there, or an order that may be it."""
    orders, opens = tuple(orders or ()), row.side.opening_order
    return row.status in ENTERING and (
        entry_order(row, orders) is not None
        or any(each.key.symbol == row.symbol and each.side == opens and not each.reduce_only for each in orders)
    )
