"""Stops for what is held and not covered: planned from the real entry, placed once, and recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Final

from domain.commands import requests as c
from domain.errors import PositionNotOpen, StaleCycle
from domain.events import StopLossSet
from domain.identifiers import client_order_id
from domain.orders.cycle_orders import Orders, covered_by, covers, of_role, stops_at_work
from domain.orders.order import Order
from domain.values import EXACT, Status, plain
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.exchange_orders import (
    ExchangeOrder,
    OrderState,
    OrderTicket,
    TicketKind,
    TradedMarket,
)
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.steps.attached_stops import (
    attached_cancelled,
    attached_noted,
    attached_on_record,
    attached_was_hit,
)
from infrastructure.trading.steps.cancelling import cancelled
from infrastructure.trading.steps.lookup import shown, sought
from infrastructure.trading.steps.order_fills import followed
from infrastructure.trading.steps.stop_prices import planned_price, why_none
from projections.positions import PositionRow

_STOPS_MAX: Final = 8
"""The most stops that one flow places for a position; if they do not cover it, something unknown has happened."""
_AT_WORK: Final = (OrderState.OPEN, OrderState.FILLED)
"""The states of a stop that does what it is for: it rests, or it has closed already what it was to close."""


class CannotProtect(Exception):
    """The position cannot get a stop, and has to be rolled back."""


class NoPlan(CannotProtect):
    """There is no plan that says at which price the stop should be."""


def protected(ctx: FlowContext, position_id: str, market: TradedMarket, *, is_entered: bool) -> Flow[PositionRow]:
    """Place stops for what is held and not covered; when the entry has ended, record that the position is active.

    A stray gets no stop, because another cycle has its slot.
    Shape:   the row afterwards. Refuses: CannotProtect; NoAnswer, when it is not known whether there is a stop.
    """
    row = yield from ctx.row(position_id)
    if row.stray:
        return row
    yield from attached_noted(ctx, row, market)
    row = yield from ctx.row(position_id)
    for _ in range(_STOPS_MAX):
        if not row.quantity or row.protection != "exchange" or row.protected or not (left := _uncovered(row)):
            break
        yield from _stop(ctx, row, left, market)
        row = yield from ctx.row(position_id)
    if is_entered and (yield from attached_was_hit(ctx, row, market)):
        raise CannotProtect("the stop that came with its entry closed it before anybody knew of it")
    if is_entered and (attached := (yield from attached_on_record(ctx, row, market))) is not None:
        row = yield from _moved_to_plan(ctx, row, attached, market)
    if is_entered and row.quantity and row.status in (Status.ENTRY_PLACED, Status.PENDING_SL):
        yield from ctx.tell(c.Activate, position_id=position_id)
        row = yield from ctx.row(position_id)
    return row


def _uncovered(row: PositionRow) -> Decimal:
    covered = covered_by(stops_at_work(row.orders, row.side, row.avg_px_open))
    return Decimal(0) if covered is None else max(Decimal(0), EXACT.subtract(row.quantity, covered))


def _moved_to_plan(ctx: FlowContext, row: PositionRow, attached: Order, market: TradedMarket) -> Flow[PositionRow]:
    """Replace the stop that came with the entry by one at the price planned from the real entry, if the prices differ.

    The new stop is placed before the other is cancelled; if the exchange refuses it, the other one stays.
    """
    if (yield from planned_price(ctx, row, market)) in (None, attached.price):
        return row
    others = Orders.of(order for order in row.orders.values() if order is not attached)
    try:
        if not covers(others, row.side, row.quantity, row.avg_px_open):
            yield from _stop(ctx, row, row.quantity, market, may_be_for_all=False)
    except CannotProtect as refused:
        yield from ctx.note(f"the stop that came with the entry stays: {refused}")
        return row
    yield from _taken_away(ctx, row, attached, "another one stands by the real entry")
    return (yield from ctx.row(row.position_id))


def _taken_away(ctx: FlowContext, row: PositionRow, stop: Order, why: str) -> Flow[None]:
    """Cancel a stop that another one replaces, and record it as lost; record its fills if it was hit meanwhile."""
    if stop.exchange_order_id is None:
        return
    order = yield from cancelled(ctx, (yield from shown(ctx, row, stop)))
    if order is not None and order.filled_qty:
        yield from followed(ctx, row.position_id, order, "exit", reason="stop_loss")
    now = yield from ctx.row(row.position_id)
    if now.status.is_open and now.orders[stop.name].is_live:
        yield from ctx.tell(
            c.LoseStopLoss, position_id=row.position_id, exchange_order_id=stop.exchange_order_id, reason=why
        )


def moved(ctx: FlowContext, position_id: str, price: Decimal, market: TradedMarket) -> Flow[PositionRow]:
    """Place a stop at a price, and then cancel all stops at other prices.

    A stop that a process placed right before it was killed is found, and cancelled too if it is at another price.
    Shape: the row afterwards. Refuses: CannotProtect, and the other stops stay; NoAnswer.
    """
    row = yield from ctx.row(position_id)
    for _ in range(_STOPS_MAX):
        if not row.quantity or covers(_stops_at(row, price), row.side, row.quantity, row.avg_px_open):
            break
        yield from _stop(ctx, row, row.quantity, market, price=price, may_be_for_all=False)
        row = yield from ctx.row(position_id)
    else:
        raise NoAnswer(f"{_STOPS_MAX} stops at {plain(price)} do not cover {plain(row.quantity)} of {position_id}")
    for other in [each for each in row.orders.live("stop") if each.price != price]:
        yield from _taken_away(ctx, row, other, f"it was moved to {plain(price)}")
    return (yield from ctx.row(position_id))


def _stops_at(row: PositionRow, price: Decimal) -> Orders:
    return Orders.of(each for each in row.orders.live("stop") if each.price == price)


def _stop(
    ctx: FlowContext,
    row: PositionRow,
    quantity: Decimal,
    market: TradedMarket,
    *,
    price: Decimal | None = None,
    may_be_for_all: bool = True,
) -> Flow[None]:
    """Place one stop, or find the one that was placed before a crash, and record what it covers.

    It is placed at `price`, which may be beyond the entry, or else at the price of its plan. What a stop that was hit
    at once has closed is recorded too.
    """
    price = price or (yield from planned_price(ctx, row, market))
    if price is None or row.avg_px_open is None:
        raise NoPlan((yield from why_none(ctx, row)))
    is_for_all = may_be_for_all and quantity == row.quantity and market.closes_position
    events = (entry.event for entry in (yield from ctx.history(row.position_id)))
    on_record = {event.exchange_order_id for event in events if isinstance(event, StopLossSet)}
    for ours in stop_names(row):
        ticket = OrderTicket(
            symbol=row.symbol,
            side=row.side.closing_order,
            kind=TicketKind.STOP,
            client_order_id=ours,
            quantity=None if is_for_all else quantity,
            trigger_price=price,
            reduce_only=True,
            close_position=is_for_all,
            leg=row.leg,
        )
        stop = yield from _placed(ctx, row.position_id, ticket, market, on_record)
        if stop.order_id not in on_record:
            break
    else:
        raise NoAnswer(f"{ctx.exchange} has every stop of {row.position_id} under a name that is on record already")
    at = stop.trigger_price or price
    try:
        yield from ctx.tell(
            c.SetStopLoss,
            position_id=row.position_id,
            stop_price=at,
            exchange_order_id=stop.order_id,
            quantity=stop.quantity,
            locks_profit=not row.side.loses_at(at, row.avg_px_open),
        )
    except (PositionNotOpen, StaleCycle):
        yield from cancelled(ctx, stop)
        raise
    known = "all" if stop.quantity is None else plain(stop.quantity)
    yield from ctx.note(f"stop {stop.order_id} at {plain(at)} for {known}")
    if stop.state is OrderState.FILLED:
        yield from followed(ctx, row.position_id, stop, "exit", reason="stop_loss")


def stop_names(row: PositionRow) -> list[str]:
    """The client order ids that the next stop may have; a recorded stop that replaced another may have the first."""
    number = sum(1 for _ in of_role(row.orders, "stop"))
    names = (f"stop.{number + more}" for more in range(1, _STOPS_MAX + 1))
    return [client_order_id(row.position_id, name, row.intent_id) for name in names]


def _placed(
    ctx: FlowContext, position_id: str, ticket: OrderTicket, market: TradedMarket, on_record: Collection[str | None]
) -> Flow[ExchangeOrder]:
    """The stop of a ticket, sent or found; one that was found may cover another quantity than the ticket's.

    Refuses: PositionNotOpen, when the cycle has ended meanwhile; CannotProtect; NoAnswer.
    """
    for attempt in range(ctx.rules.stop_tries):
        try:
            found = yield from ctx.named(ticket.symbol, ticket.client_order_id)
            if found is None:
                found = yield from ctx.place(ticket, position_id)
                if found.state in _AT_WORK:
                    return replace(found, quantity=found.quantity or ticket.quantity)
        except NoAnswer as silence:
            yield from ctx.note(f"no answer about the stop: {silence}")
            found = yield from sought(ctx, ticket.symbol, ticket.client_order_id, market.shown_seconds)
        except Refused as refusal:
            yield from ctx.note(f"{ctx.exchange} refused the stop: {refusal}")
            found = None
            if attempt + 1 == ctx.rules.stop_tries:
                raise CannotProtect(f"the stop was refused {attempt + 1} times: {refusal}") from refusal
        if found is not None and found.order_id in on_record:
            return found
        if found is not None and found.state in _AT_WORK:
            is_for_all = found.quantity is None and market.closes_position
            return found if is_for_all else replace(found, quantity=found.quantity or ticket.quantity)
        if found is not None:
            raise CannotProtect(f"the stop {found.order_id} is {found.state} already")
        yield from ctx.wait(ctx.rules.pause(attempt))
    raise CannotProtect(f"{ctx.exchange} took no stop in {ctx.rules.stop_tries} tries")


def stops_cancelled(ctx: FlowContext, position_id: str) -> Flow[None]:
    """Cancel the stops and targets of a cycle that holds nothing any more; one that is gone already does no harm.

    A stop that a process placed right before it was killed is not recorded, and is found by its client order id.
    Refuses: NoAnswer, when one may be left.
    """
    row = yield from ctx.row(position_id)
    for ours in (*row.orders.live("stop"), *row.orders.live("target")):
        if ours.exchange_order_id is not None:
            yield from cancelled(ctx, (yield from shown(ctx, row, ours)))
    yield from attached_cancelled(ctx, row)
    for untold in stop_names(row):
        order = yield from cancelled(ctx, (yield from ctx.named(row.symbol, untold)))
        if order is None:
            break
