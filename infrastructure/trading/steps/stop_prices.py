"""The price of a stop: from its plan and the real entry; for one sent with an entry, from the signal's price."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from domain.events import PositionAdopted
from domain.values import Side, plain
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_orders import TradedMarket, on_step
from infrastructure.trading.flow_context import FlowContext
from projections.positions import PositionRow
from projections.recovery.required_orders import PlannedOrders


def to_tick(price: Decimal, tick: Decimal | None, side: Side) -> Decimal:
    """Round the price of a stop to the tick, away from the entry, so that it is never on the wrong side of it.

    An exchange refuses a stop that would trigger at once, and the position would stay unprotected; that costs more than
    a tick of distance.
    """
    return on_step(price, tick, ROUND_FLOOR if side is Side.LONG else ROUND_CEILING)


def planned_price(ctx: FlowContext, row: PositionRow, market: TradedMarket) -> Flow[Decimal | None]:
    """The planned price, computed from the average entry known by now; None where there is no plan."""
    events = [entry.event for entry in (yield from ctx.history(row.position_id))]
    plan = PlannedOrders.by(events)
    if any(isinstance(event, PositionAdopted) for event in events) and ctx.rules.adopted_stop_percent is not None:
        plan = PlannedOrders(stop_loss_percent=ctx.rules.adopted_stop_percent)
    price = plan.stop_for(row.side, row.avg_px_open)
    return None if price is None else to_tick(price, market.price_tick, row.side)


def why_none(ctx: FlowContext, row: PositionRow) -> Flow[str]:
    """Why there is no price for a stop of a position."""
    if row.avg_px_open is None:
        return "no stop can be planned: its average entry is not known"
    entry = f"its entry of {plain(row.avg_px_open)}"
    stop_price = PlannedOrders.by([each.event for each in (yield from ctx.history(row.position_id))]).stop_price
    if stop_price is None:
        return f"no plan says where a stop would stand, by {entry}"
    where = "below" if row.side is Side.LONG else "above"
    return (
        f"the stop that was planned at {plain(stop_price)} would trigger at once: that of a {row.side} stands {where} "
        f"{entry}; with the signal_price an entry like that is refused before it is sent"
    )


def attached_price(ctx: FlowContext, row: PositionRow, market: TradedMarket) -> Flow[Decimal | None]:
    """The price of the stop that is sent with the first entry; None where none is.

    It follows from what is recorded before anything is sent, so that a restarted process computes the same price: from
    the plan, and for a distance in percent from the signal's price.
    """
    if not (ctx.rules.attaches_stops and market.attaches_stops) or row.protection != "exchange":
        return None
    plan = PlannedOrders.by([entry.event for entry in (yield from ctx.history(row.position_id))])
    if plan.stop_price is None and row.signal_price is None:
        return None
    price = plan.stop_for(row.side, row.signal_price)
    return None if price is None else to_tick(price, market.price_tick, row.side)
