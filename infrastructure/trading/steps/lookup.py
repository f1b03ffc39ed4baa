"""Finding out what became of an order: it is looked up until the exchange shows it, or it can no longer appear."""

from __future__ import annotations

from domain.orders.order import Order
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited
from infrastructure.trading.exchange_orders import ExchangeOrder
from infrastructure.trading.flow_context import FlowContext
from projections.positions import PositionRow

PATIENCE = 2
"""The lookup ends as not known after this many times the time in which an order may appear, if there is no answer."""


def sought(ctx: FlowContext, symbol: str, client_order_id: str, shown_seconds: float) -> Flow[ExchangeOrder | None]:
    """Look for an order by its client order id.

    Shape:   None only when the exchange does not know the order at a time when it must have appeared. That time counts
             from the start of this lookup, because the order may have been sent until then; and on a clock that is
             never set, because a jump of the other one would free the slot while the order is on its way.
    Refuses: NoAnswer, when the exchange does not answer for too long: nothing is known.
    """
    began = yield from ctx.monotonic()
    wanted = max(ctx.rules.lookup_seconds, shown_seconds)
    attempt = 0
    while True:
        silence: Exception | None = None
        try:
            found = yield from ctx.look_up(symbol, client_order_id)
        except (NoAnswer, RateLimited) as error:
            found, silence = None, error
        if found is not None:
            yield from ctx.note(f"found order {found.order_id} by {client_order_id}: {found.state}")
            return found
        passed = (yield from ctx.monotonic()) - began
        if passed >= wanted and silence is None:
            yield from ctx.note(f"{ctx.exchange} knows no order {client_order_id}, nor can it still appear")
            return None
        if passed >= wanted * PATIENCE:
            raise NoAnswer(f"{ctx.exchange} does not say whether there is an order {client_order_id}: {silence}")
        left = wanted - passed
        pause = ctx.rules.pause(attempt)
        yield from ctx.wait(min(pause, left) if left > 0 else pause)
        attempt += 1


def shown(ctx: FlowContext, row: PositionRow, ours: Order) -> Flow[ExchangeOrder | None]:
    """An order on record, looked up by its exchange id, or by its own name where it was promised and not acknowledged.

    Shape:   None only when it is so old that it would have to be shown; a newer one is waited for, because an order
             that is overlooked here would never be cancelled.
    Refuses: NoAnswer.
    """
    order = yield from _looked_up(ctx, row, ours)
    if order is not None or (ours.exchange_order_id is None and ours.client_order_id is None):
        return order
    market = yield from ctx.market(row.symbol)
    if ours.exchange_order_id is None:
        since, may_take = ours.opened_at or row.updated_at, ctx.rules.send_seconds + market.shown_seconds
    else:
        entries = yield from ctx.history(row.position_id)
        of_order = (each.event for each in entries if _names(each.event, ours.exchange_order_id))
        since, may_take = max((event.ts_event for event in of_order), default=row.updated_at), market.shown_seconds
    age = ((yield from ctx.now()) - since).total_seconds()
    until = (yield from ctx.monotonic()) + may_take - max(0.0, age)
    attempt = 0
    while order is None and (left := until - (yield from ctx.monotonic())) > 0:
        yield from ctx.wait(min(ctx.rules.pause(attempt), left))
        order = yield from _looked_up(ctx, row, ours)
        attempt += 1
    return order


def _looked_up(ctx: FlowContext, row: PositionRow, ours: Order) -> Flow[ExchangeOrder | None]:
    if ours.exchange_order_id is not None:
        return (yield from ctx.order(row.symbol, ours.exchange_order_id))
    return None if ours.client_order_id is None else (yield from ctx.named(row.symbol, ours.client_order_id))


def _names(event: object, exchange_order_id: str) -> bool:
    return getattr(event, "exchange_order_id", None) == exchange_order_id
