"""News of stops and targets: what they closed is recorded, and a cycle that holds nothing any more is closed."""

from __future__ import annotations

from typing import Final

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.orders.order import Order
from domain.values import Status
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_orders import ExchangeOrder, OrderState
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.steps.order_fills import followed, withdrawn
from infrastructure.trading.steps.protecting import stop_names, stops_cancelled
from projections.positions import PositionRow

_REASONS: Final = {"stop": "stop_loss", "target": "take_profit", "exit": "exit"}


def stops_heard(ctx: FlowContext, position_id: str, *, may_close: bool = True) -> Flow[PositionRow]:
    """Look up the stops and targets on record: record what they filled, and one that has ended as lost.

    A cycle that holds nothing afterwards is closed if it `may_close`: nobody else has an order of it under way.
    """
    row = yield from ctx.row(position_id)
    for ours in (*row.orders.live("stop"), *row.orders.live("target")):
        if ours.exchange_order_id is None:
            continue
        order = yield from ctx.order(row.symbol, ours.exchange_order_id)
        if order is None or order.state is OrderState.OPEN:
            continue
        reason = _REASONS[ours.role]
        if order.filled_qty:
            row = yield from _filled(ctx, position_id, order, reason, may_close=may_close)
        if row.status.is_open and row.orders[ours.name].is_live:
            yield from ctx.tell(
                c.LoseStopLoss if ours.role == "stop" else o.LoseTakeProfit,
                position_id=position_id,
                exchange_order_id=ours.exchange_order_id,
                reason=f"{ctx.exchange} says that it is {order.state}",
            )
            yield from ctx.note(f"{ours.name} {ours.exchange_order_id} is {order.state}")
    return (yield from ctx.row(position_id))


def all_stops_heard(ctx: FlowContext, position_id: str, *, may_close: bool = True) -> Flow[PositionRow]:
    """The same where more is gone than they explain: by a stop of which a process was killed before it told of it."""
    row = yield from stops_heard(ctx, position_id, may_close=may_close)
    for untold in stop_names(row):
        if not row.quantity or (order := (yield from ctx.named(row.symbol, untold))) is None:
            break
        if order.filled_qty and order.state is not OrderState.OPEN:
            row = yield from _filled(ctx, position_id, order, _REASONS["stop"], may_close=may_close)
    return row


def _filled(
    ctx: FlowContext, position_id: str, order: ExchangeOrder, reason: str, *, may_close: bool
) -> Flow[PositionRow]:
    yield from followed(ctx, position_id, order, "exit", reason=reason)
    return (yield from (closed_when_empty(ctx, position_id, reason) if may_close else ctx.row(position_id)))


def closed_when_empty(ctx: FlowContext, position_id: str, reason: str | None = None) -> Flow[PositionRow]:
    """Close a cycle that holds nothing any more, and cancel its stops and what is left of its entry orders.

    A rollback is not closed here: it ends by its own proof. Without a `reason`, the role of the last closing order is
    the reason.
    """
    row = yield from ctx.row(position_id)
    if _is_empty(row):
        row = yield from withdrawn(ctx, position_id, "entry")
    if _is_empty(row):
        why = reason or next(
            (_REASONS[each.role] for each in reversed([*row.orders.values()]) if _closes(each)), "exit"
        )
        yield from stops_cancelled(ctx, position_id)
        yield from ctx.tell(c.Close, position_id=position_id, exit_reason=why)
        yield from ctx.note(f"closed: {why}")
        row = yield from ctx.row(position_id)
    return row


def _is_empty(row: PositionRow) -> bool:
    is_open = row.status.is_open and row.status is not Status.ROLLING_BACK
    return is_open and not row.quantity and bool(row.filled_qty)


def _closes(order: Order) -> bool:
    return order.role in _REASONS and bool(order.filled_qty)
