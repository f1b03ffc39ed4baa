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
    """An order that the exchange acknowledged, looked up by its exchange id.

    Shape:   None only when it is so old that it would have to be shown; a newer one is waited for, because an order
             that is overlooked here would never be cancelled.
    Refuses: NoAnswer.
    """
    order_id = ours.exchange_order_id
    assert order_id is not None, "it was acknowledged"
    order = yield from ctx.order(row.symbol, order_id)
    if order is not None:
        return order
    market = yield from ctx.market(row.symbol)
    entries = yield from ctx.history(row.position_id)
    times = [each.event.ts_event for each in entries if getattr(each.event, "exchange_order_id", None) == order_id]
    age = ((yield from ctx.now()) - max(times, default=row.updated_at)).total_seconds()
    until = (yield from ctx.monotonic()) + market.shown_seconds - max(0.0, age)
    attempt = 0
    while order is None and (left := until - (yield from ctx.monotonic())) > 0:
        yield from ctx.wait(min(ctx.rules.pause(attempt), left))
        order = yield from ctx.order(row.symbol, order_id)
        attempt += 1
    return order
