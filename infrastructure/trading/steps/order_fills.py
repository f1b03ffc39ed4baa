"""Following an order until it has ended, and recording its fills one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.commands.base import Command
from domain.orders.order import Order
from domain.values import EXACT, is_yet_to_come, plain, timestamp_text, total_of
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import NoAnswer
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderState
from infrastructure.trading.flow_context import FlowContext, symbol_of
from infrastructure.trading.steps.cancelling import cancelled
from infrastructure.trading.steps.lookup import shown
from projections.positions import PositionRow

ENDED: Final = {
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
}
_FILLS_POLLS: Final = 6
"""How often the fills of an ended order are polled for; after that the order's own total is used."""

Meanwhile = Callable[[], Flow[None]]


def followed(
    ctx: FlowContext,
    position_id: str,
    order: ExchangeOrder,
    role: Literal["entry", "exit"],
    *,
    reason: str | None = None,
    meanwhile: Meanwhile | None = None,
) -> Flow[ExchangeOrder]:
    """Record every fill of an order until it has ended; what is left after `fill_seconds` is cancelled.

    Shape:   the order as it ended, with the fills that the exchange shows recorded. `meanwhile` runs after new fills.
    Refuses: NoAnswer, when the exchange stays silent.
    """
    symbol, told, is_cancelled = symbol_of(position_id), set[str](), False
    deadline = (yield from ctx.monotonic()) + ctx.rules.fill_seconds
    attempt = waited = 0
    while True:
        filled, news = yield from fills_told(ctx, position_id, order, role, told=told, reason=reason)
        if news and meanwhile is not None:
            yield from meanwhile()
        is_told = filled >= order.filled_qty and (filled > 0 or order.state is not OrderState.FILLED)
        if order.state is not OrderState.OPEN and is_told:
            return order
        if order.state is not OrderState.OPEN:
            if waited >= _FILLS_POLLS:
                return _as_far_as_stated(ctx, order)
            waited += 1
        elif not is_cancelled and (yield from ctx.monotonic()) >= deadline:
            yield from ctx.note(f"{plain(filled)} of order {order.order_id} filled in time; the rest is cancelled")
            order, is_cancelled = (yield from ctx.cancel(symbol, order)) or order, True
            continue
        yield from ctx.wait(ctx.rules.pause(attempt))
        attempt = 0 if news else attempt + 1
        found = yield from ctx.order(symbol, order.order_id)
        if found is None and attempt > _FILLS_POLLS:
            raise NoAnswer(f"{ctx.exchange} no longer shows order {order.order_id}, which it acknowledged")
        order = found or order


def _as_far_as_stated(ctx: FlowContext, order: ExchangeOrder) -> ExchangeOrder:
    """An ended order whose fills are not shown: its own total is used. Refuses: NoAnswer when it states none."""
    if order.state is OrderState.FILLED and not order.filled_qty:
        raise NoAnswer(f"{ctx.exchange} says that order {order.order_id} is filled, and shows nothing of it")
    return order


def all_fills(ctx: FlowContext, symbol: str, order: ExchangeOrder) -> Flow[Sequence[ExchangeFill]]:
    """The fills of an ended order: polled for until they add up to its total, or else those that are shown."""
    for attempt in range(_FILLS_POLLS):
        fills = yield from ctx.fills(symbol, order)
        if total_of(fill.quantity for fill in fills) >= order.filled_qty:
            break
        yield from ctx.wait(ctx.rules.pause(attempt))
    return fills


def fills_told(
    ctx: FlowContext,
    position_id: str,
    order: ExchangeOrder,
    role: Literal["entry", "exit"],
    *,
    told: set[str] | None = None,
    reason: str | None = None,
) -> Flow[tuple[Decimal, bool]]:
    """Record the fills of an order that are not in `told`; returns the total of all fills, and whether one was new."""
    total, news, told = Decimal(0), False, set() if told is None else told
    kind: type[Command] = c.RecordEntryFill if role == "entry" else c.Reduce
    why = {} if role == "entry" else {"reason": reason}
    for fill in (yield from ctx.fills(symbol_of(position_id), order)):
        total = EXACT.add(total, fill.quantity)
        if fill.trade_id in told:
            continue
        receipt = yield from ctx.tell(
            kind,
            position_id=position_id,
            trade_id=fill.trade_id,
            last_qty=fill.quantity,
            last_px=fill.price,
            fee=fill.fee,
            fee_currency=fill.fee_currency,
            exchange_order_id=order.order_id,
            client_order_id=order.client_order_id,
            at=(yield from _believed(ctx, fill)),
            **why,
        )
        told.add(fill.trade_id)
        news = True
        if receipt.outcome == "recorded":
            yield from ctx.note(f"{role} filled {plain(fill.quantity)} at {plain(fill.price)} (trade {fill.trade_id})")
    return total, news


def live_fills_told(ctx: FlowContext, row: PositionRow, role: Literal["entry", "exit"]) -> Flow[None]:
    """Record what is filled by now of the live orders of a role, also of one that was promised and not acknowledged."""
    for ours in row.orders.live(role):
        if ours.exchange_order_id is not None:
            order = yield from ctx.order(row.symbol, ours.exchange_order_id)
        else:
            order = None if ours.client_order_id is None else (yield from ctx.named(row.symbol, ours.client_order_id))
        if order is not None:
            yield from fills_told(ctx, row.position_id, order, role)


def _believed(ctx: FlowContext, fill: ExchangeFill) -> Flow[datetime | None]:
    """When a fill happened; None for a time that is yet to come by our clock, which the ledger would refuse.

    One of the two clocks is wrong, and nobody knows which. What was filled has to be protected all the same.
    """
    if not is_yet_to_come(fill.at, (yield from ctx.now())):
        return fill.at
    yield from ctx.note(
        f"{ctx.exchange} says that trade {fill.trade_id} was at {timestamp_text(fill.at)}, which is yet to come: look "
        "which clock is wrong; it counts as of now"
    )
    return None


def tell_ended(ctx: FlowContext, position_id: str, order: ExchangeOrder, ours: Order) -> Flow[None]:
    """Record that an order has ended, with the total and average that the exchange states of it."""
    stated: dict[str, Any] = {}
    if order.filled_qty:
        stated = {"filled_qty": order.filled_qty, "avg_px": order.avg_px or None}
    yield from ctx.tell(
        o.EndOrder,
        position_id=position_id,
        exchange_order_id=order.order_id if ours.exchange_order_id == order.order_id else None,
        client_order_id=ours.client_order_id,
        outcome=ENDED[order.state],
        **stated,
    )


def tell_nothing_came(
    ctx: FlowContext, position_id: str, ours: Order, state: OrderState, *, reason: str, code: str | None
) -> Flow[None]:
    """Record that the exchange did not accept an order, or that nothing of it was filled."""
    yield from ctx.tell(
        o.EndOrder,
        position_id=position_id,
        client_order_id=ours.client_order_id,
        outcome=ENDED[state],
        reason=reason,
        code=code,
    )


def withdrawn(
    ctx: FlowContext, position_id: str, role: Literal["entry", "exit"], *, reason: str | None = None
) -> Flow[PositionRow]:
    """Cancel what is left of the orders of one role, and record what was filled of them.

    Shape: the row afterwards. Refuses: NoAnswer, when one of them may still be filled.
    """
    row = yield from ctx.row(position_id)
    for ours in row.orders.live(role):
        order = yield from cancelled(ctx, (yield from shown(ctx, row, ours)))
        if order is None:
            continue
        order = yield from followed(ctx, position_id, order, role, reason=reason)
        row = yield from ctx.row(position_id)
        if row.orders[ours.name].is_live:
            yield from tell_ended(ctx, position_id, order, row.orders[ours.name])
    return (yield from ctx.row(position_id))
