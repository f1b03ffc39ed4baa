"""Where the stop of a position stands: by its plan and its real entry, and along with an entry by its signal."""

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
    """Round the price of a stop to the tick, away from the entry: it is never refused for standing on the wrong side.

    The danger is a position that stands bare, for an exchange refuses a stop that would trigger at once; a tick is its
    price.
    """
    return on_step(price, tick, ROUND_FLOOR if side is Side.LONG else ROUND_CEILING)


def planned_price(ctx: FlowContext, row: PositionRow, market: TradedMarket) -> Flow[Decimal | None]:
    """The price that was planned, from the average entry that is known by now; None where no plan says one."""
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
    """The price of the stop that goes along with the first entry; None where none does.

    It follows from what is on record before anything is sent, so that a process that starts again knows of it: the
    plan, and for a distance in percent the price of the signal.
    """
    if not (ctx.rules.attaches_stops and market.attaches_stops) or row.protection != "exchange":
        return None
    plan = PlannedOrders.by([entry.event for entry in (yield from ctx.history(row.position_id))])
    if plan.stop_price is None and row.signal_price is None:
        return None
    price = plan.stop_for(row.side, row.signal_price)
    return None if price is None else to_tick(price, market.price_tick, row.side)
