"""Rolling back a position that cannot be protected: closing orders, until it is proven that nothing is left."""

from __future__ import annotations

from typing import Any

from domain.commands import requests as c
from domain.errors import CommandRefused, NothingToRollBack
from domain.values import EXACT, ZERO, Status, plain, total_of
from infrastructure.ledger.receipt import Receipt
from infrastructure.trading.conclusions import cut_short, refused
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderState, OrderTicket, TicketKind
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.steps.absence import nothing_shown
from infrastructure.trading.steps.cancelling import cancelled
from infrastructure.trading.steps.lookup import sought
from infrastructure.trading.steps.order_fills import all_fills, fills_told, withdrawn
from infrastructure.trading.steps.protecting import stops_cancelled
from infrastructure.trading.steps.stop_news import all_stops_heard
from infrastructure.trading.trade_outcome import Outcome, kind_of
from projections.positions import PositionRow


def rolled_back(ctx: FlowContext, position_id: str, reason: str) -> Flow[Outcome]:
    """Roll a position back; the outcome says how far that came."""
    try:
        c.StartRollback.of(position_id=position_id, reason=reason)
        is_open = (yield from ctx.row(position_id)).status.is_open
    except CommandRefused as refusal:
        return (yield from refused(ctx, refusal))
    try:
        row = yield from _undone(ctx, position_id, reason)
    except CommandRefused as refusal:
        was_begun = is_open and not isinstance(refusal, NothingToRollBack)
        return (yield from (cut_short if was_begun else refused)(ctx, refusal, position_id))
    except (Refused, NoAnswer) as error:
        yield from ctx.note(f"the rollback is not over: {error}")
        row = yield from ctx.row(position_id)
    return Outcome(kind_of(row), row, tuple(ctx.story), reason=reason)


def _undone(ctx: FlowContext, position_id: str, reason: str) -> Flow[PositionRow]:
    """Roll a position back, or go on where an earlier try stopped.

    Shape:   the row afterwards: `rolled_back`, or `rolling_back` with what is left. Refuses: NoAnswer.
    """
    yield from withdrawn(ctx, position_id, "entry")
    if (yield from ctx.row(position_id)).status is not Status.ROLLING_BACK:
        yield from withdrawn(ctx, position_id, "exit", reason=reason)
    for _ in range(ctx.rules.rollback_tries):
        promise = yield from ctx.tell(c.StartRollback, position_id=position_id, reason=reason)
        row = yield from ctx.row(position_id)
        yield from ctx.note(f"rolling back: {promise.close_side} {plain(promise.close_quantity or row.quantity)}")
        evidence = yield from (_closed(ctx, row, promise) if row.quantity else _gone(ctx, row, promise))
        if evidence is not None:
            yield from stops_cancelled(ctx, position_id)  # before the cycle is over, after which no flow looks for them
            yield from ctx.tell(c.RollBack, position_id=position_id, reason=reason, evidence=evidence)
            yield from ctx.note("rolled back, with the proof")
            break
    return (yield from ctx.row(position_id))


def _closed(ctx: FlowContext, row: PositionRow, promise: Receipt) -> Flow[dict[str, Any] | None]:
    """Send the closing order, or find it; returns the evidence that all is closed, or None when something is left.

    The position may hold another quantity by then than the order was promised for: a late entry fill or an adjustment
    changed it. What is left gets a new promise, but only after the fills of this order are recorded.
    """
    assert promise.close_quantity is not None and promise.client_order_id is not None, "the ledger says what to send"
    order = yield from _closing_order(ctx, row, promise)
    if order is None:
        yield from all_stops_heard(ctx, row.position_id)
        return (yield from nothing_shown(ctx, row))
    order = yield from _until_ended(ctx, row.symbol, order)
    fills = yield from all_fills(ctx, row.symbol, order)
    total = total_of(fill.quantity for fill in fills)
    now = yield from ctx.row(row.position_id)
    if order.filled_qty < promise.close_quantity:
        now = yield from all_stops_heard(ctx, row.position_id)
    of_order = (each.traded_qty for each in now.orders.values() if each.client_order_id == promise.client_order_id)
    if EXACT.subtract(total, next(of_order, ZERO)) == now.quantity:
        return {"closing_order_id": order.order_id, "fills": [_as_evidence(fill) for fill in fills]}
    if order.filled_qty >= promise.close_quantity == now.quantity:
        return {"closing_order_id": order.order_id}
    told, _ = yield from fills_told(ctx, row.position_id, order, "exit", reason="rollback")
    if (proof := (yield from nothing_shown(ctx, row))) is not None:
        return proof
    held = (yield from ctx.row(row.position_id)).quantity
    left = EXACT.subtract(held, max(EXACT.subtract(order.filled_qty, told), ZERO))
    if left <= 0:
        return {"closing_order_id": order.order_id}
    yield from ctx.tell(
        c.FailRollback,
        position_id=row.position_id,
        residual_qty=left,
        reason=f"order {order.order_id} closed {plain(order.filled_qty)} of {plain(promise.close_quantity)}",
    )
    yield from ctx.note(f"{plain(left)} is left")
    return None


def _gone(ctx: FlowContext, row: PositionRow, promise: Receipt) -> Flow[dict[str, Any] | None]:
    """The evidence where a stop was hit and the ledger holds nothing: cancel the closing order, read the account."""
    if promise.client_order_id is not None:
        yield from cancelled(ctx, (yield from ctx.named(row.symbol, promise.client_order_id)))
    return (yield from nothing_shown(ctx, row))


def _closing_order(ctx: FlowContext, row: PositionRow, promise: Receipt) -> Flow[ExchangeOrder | None]:
    """The closing order, found or sent; None where the exchange refused it. Refuses: NoAnswer; Refused (a question)."""
    market = yield from ctx.market(row.symbol)
    assert promise.client_order_id is not None, "the ledger says what to send"
    if not promise.may_order:
        found = yield from sought(ctx, row.symbol, promise.client_order_id, market.shown_seconds)
        if found is not None:
            return found
    ticket = OrderTicket(
        symbol=row.symbol,
        side=row.side.closing_order,
        kind=TicketKind.MARKET,
        client_order_id=promise.client_order_id,
        quantity=promise.close_quantity,
        reduce_only=True,
        leg=row.leg,
    )
    try:
        return (yield from _placed(ctx, row.position_id, ticket))
    except NoAnswer:
        found = yield from sought(ctx, row.symbol, promise.client_order_id, market.shown_seconds)
        return found if found is not None else (yield from _placed(ctx, row.position_id, ticket))


def _placed(ctx: FlowContext, position_id: str, ticket: OrderTicket) -> Flow[ExchangeOrder | None]:
    try:
        return (yield from ctx.place(ticket, position_id))
    except Refused as refusal:
        yield from ctx.note(f"{ctx.exchange} refused the closing order: {refusal}")
        return None


def _until_ended(ctx: FlowContext, symbol: str, order: ExchangeOrder) -> Flow[ExchangeOrder]:
    for attempt in range(16):
        if order.state is not OrderState.OPEN:
            return order
        yield from ctx.wait(ctx.rules.pause(attempt))
        order = (yield from ctx.order(symbol, order.order_id)) or order
    raise NoAnswer(f"closing order {order.order_id} stays open at {ctx.exchange}")


def _as_evidence(fill: ExchangeFill) -> dict[str, Any]:
    said = {"trade_id": fill.trade_id, "last_qty": plain(fill.quantity), "last_px": plain(fill.price)}
    return said if fill.fee is None else {**said, "fee": plain(fill.fee), "fee_currency": fill.fee_currency}
