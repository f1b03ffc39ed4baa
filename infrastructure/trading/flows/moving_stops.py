"""Moving the stop of an active position: the new stop is placed first, then the old one is cancelled."""

from __future__ import annotations

from decimal import Decimal

from domain.errors import CommandRefused
from domain.values import Status
from infrastructure.trading.conclusions import cut_short, refused
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.steps.protecting import CannotProtect, moved
from infrastructure.trading.steps.stop_news import closed_when_empty
from infrastructure.trading.steps.stop_prices import to_tick
from infrastructure.trading.trade_outcome import Outcome, kind_of


def protect(ctx: FlowContext, position_id: str, stop_price: Decimal) -> Flow[Outcome]:
    """Move the stop of an active position to another price; if the exchange refuses the new one, the old one stays."""
    try:
        row = yield from ctx.row(position_id)
    except CommandRefused as refusal:
        return (yield from refused(ctx, refusal))
    if row.status is not Status.ACTIVE or not row.quantity:
        early = f"{position_id} is {row.status.value}, and a stop is moved of an active position"
        return Outcome(kind_of(row), row, tuple(ctx.story), reason=early)
    reason: str | None = None
    try:
        market = yield from ctx.market(row.symbol)
        yield from moved(ctx, position_id, to_tick(stop_price, market.price_tick, row.side), market)
        row = yield from closed_when_empty(ctx, position_id)
    except CannotProtect as kept:
        yield from ctx.note(f"the stop stays where it is: {kept}")
        reason, row = str(kept), (yield from ctx.row(position_id))
    except (CommandRefused, Refused, NoAnswer) as error:
        return (yield from cut_short(ctx, error, position_id))
    return Outcome(kind_of(row), row, tuple(ctx.story), reason=reason)
