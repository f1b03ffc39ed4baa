"""Cancelling an order, and making sure that it is no longer open."""

from __future__ import annotations

from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import NoAnswer
from infrastructure.trading.exchange_orders import ExchangeOrder, OrderState
from infrastructure.trading.flow_context import FlowContext


def cancelled(ctx: FlowContext, order: ExchangeOrder | None) -> Flow[ExchangeOrder | None]:
    """Cancel what is left of an order that is open.

    Shape: the order as it stands afterwards; None where there is none. Refuses: NoAnswer, when it stays open.
    """
    if order is None or order.state is not OrderState.OPEN:
        return order
    left = yield from ctx.cancel(order.symbol, order)
    if left is not None and left.state is OrderState.OPEN:
        raise NoAnswer(f"order {order.order_id} is still open at {ctx.exchange}, though it was to be cancelled")
    yield from ctx.note(f"cancelled {order.order_id}")
    return left
