"""The stop that an exchange sets with an entry: found in the account, recorded, and cancelled with the others."""

from __future__ import annotations

from decimal import Decimal

from domain.commands import requests as c
from domain.errors import CommandRefused
from domain.identifiers import PositionKey
from domain.orders.order import Order
from domain.values import plain
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.exchange_orders import OrderState, TradedMarket
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.steps.absence import nothing_shown
from infrastructure.trading.steps.cancelling import cancelled
from infrastructure.trading.steps.stop_prices import attached_price
from projections.account_snapshot import AccountSnapshot, OrderReport
from projections.positions import PositionRow

LOOKS = 3
"""How often the account is read for it; then a stop of our own is placed, because a second stop does no harm."""


def attached_noted(ctx: FlowContext, row: PositionRow, market: TradedMarket) -> Flow[None]:
    """Record the stop that came with the entry, as soon as the account shows it."""
    price = yield from attached_price(ctx, row, market)
    if price is None or not row.quantity or row.orders.live("stop"):
        return
    for attempt in range(LOOKS):
        if attempt:
            yield from ctx.wait(ctx.rules.pause(attempt))
        try:
            seen = yield from ctx.snapshot()
            if (fields := _shown(seen, row, price)) is not None:
                yield from ctx.tell(c.SetStopLoss, position_id=row.position_id, stop_price=price, **fields)
                yield from ctx.note(f"the stop at {plain(price)} came with the entry")
                return
        except (NoAnswer, Refused, CommandRefused) as error:
            yield from ctx.note(f"the stop that went along with the entry is not known: {error}")
            return


def attached_on_record(ctx: FlowContext, row: PositionRow, market: TradedMarket) -> Flow[Order | None]:
    """The recorded stop that came with the entry and is an order; found by its price: it has no client order id."""
    price = yield from attached_price(ctx, row, market)
    there = (stop for stop in row.orders.live("stop") if stop.price == price and stop.exchange_order_id is not None)
    return None if price is None else next(there, None)


def attached_was_hit(ctx: FlowContext, row: PositionRow, market: TradedMarket) -> Flow[bool]:
    """Whether the stop that came with the entry was hit before it was recorded: the account shows nothing of the leg.

    If a recorded stop is no longer open, that stop explains it.
    """
    if not row.quantity or (yield from attached_price(ctx, row, market)) is None:
        return False
    if (yield from nothing_shown(ctx, row)) is None:
        return False
    for stop in row.orders.live("stop"):
        if stop.exchange_order_id is not None:
            order = yield from ctx.order(row.symbol, stop.exchange_order_id)
            if order is None or order.state is not OrderState.OPEN:
                return False
    return True


def attached_cancelled(ctx: FlowContext, row: PositionRow) -> Flow[None]:
    """Cancel the stop that came with the entry of a cycle that holds nothing any more, if it was never recorded."""
    if not ctx.rules.attaches_stops:
        return
    price = yield from attached_price(ctx, row, (yield from ctx.market(row.symbol)))
    left = None if price is None else _order((yield from ctx.snapshot()), row, price)
    if left is not None:
        yield from cancelled(ctx, (yield from ctx.order(row.symbol, left.order_id)))


def _shown(seen: AccountSnapshot, row: PositionRow, price: Decimal) -> dict[str, object] | None:
    """The fields of the command that records it: it is an order of its own, or a property of the position."""
    order = _order(seen, row, price)
    if order is not None:
        return {"exchange_order_id": order.order_id, "quantity": order.quantity}
    is_of_position = any(
        held.key.symbol == row.symbol and held.side is row.side and held.stop_price == price
        for held in seen.positions or ()
    )
    return {"attached": True} if is_of_position else None


def _order(seen: AccountSnapshot, row: PositionRow, price: Decimal) -> OrderReport | None:
    key = PositionKey(row.symbol, row.exchange, row.account, row.leg)
    for order in seen.orders or ():
        is_of_exchange = not order.client_order_id  # an order of our own has one
        if order.is_stop and is_of_exchange and order.trigger_price == price and order.closes(key, row.side):
            return order
    return None
