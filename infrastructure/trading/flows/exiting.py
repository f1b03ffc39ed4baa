"""Closing: the exit is claimed, its order sent once by the claimant, and its fills recorded until nothing is left."""

from __future__ import annotations

from decimal import Decimal

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.errors import CommandRefused
from domain.events import ExitRequested
from domain.orders.order import Order
from domain.values import plain
from infrastructure.trading.conclusions import CameToNothing, NothingThere, cut_short, refused, unclaimed
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import GivenUp, NoAnswer, NothingToReduce, Refused
from infrastructure.trading.exchange_orders import ExchangeOrder, OrderState, OrderTicket, TicketKind
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.steps.absence import nothing_shown
from infrastructure.trading.steps.claimed_quantity import closing_quantity
from infrastructure.trading.steps.lookup import sought
from infrastructure.trading.steps.order_fills import followed, tell_ended, tell_nothing_came, withdrawn
from infrastructure.trading.steps.protecting import stops_cancelled
from infrastructure.trading.steps.stop_news import all_stops_heard, closed_when_empty
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind, kind_of
from projections.positions import PositionRow


def exit_position(
    ctx: FlowContext, position_id: str, *, reason: str, quantity: Decimal | None = None, intent_id: str | None = None
) -> Flow[Outcome]:
    """Close a position, or a part of it; if two processes decide to, only one of them sends the order."""
    try:
        if quantity is not None:
            market = yield from ctx.market((yield from ctx.row(position_id)).symbol)
            quantity = closing_quantity(ctx, quantity, market)
        receipt = yield from ctx.claim(
            o.RequestExit, position_id=position_id, reason=reason, quantity=quantity, intent_id=intent_id
        )
    except (Refused, NoAnswer, CameToNothing) as error:
        return (yield from unclaimed(ctx, error, position_id))
    except CommandRefused as refusal:
        return (yield from refused(ctx, refusal, position_id))
    yield from ctx.note(f"{receipt.outcome} an exit as {receipt.client_order_id}")
    row = yield from ctx.row(position_id)
    ours = next(order for order in row.orders.values() if order.client_order_id == receipt.client_order_id)
    return (yield from exit_carried_on(ctx, position_id, ours, reason=reason, is_fresh=receipt.may_order))


def exit_carried_on(
    ctx: FlowContext, position_id: str, ours: Order, *, reason: str, is_fresh: bool = False
) -> Flow[Outcome]:
    """Bring one exit order to its end, from wherever an earlier try stopped."""
    row = yield from ctx.row(position_id)
    try:
        try:
            order = yield from _order(ctx, row, ours, is_fresh=is_fresh)
        except NothingThere as nothing:
            row = yield from _closed_if_gone(ctx, position_id, str(nothing))
            kind = OutcomeKind.FAILED if _is_held(row) else kind_of(row)
            return Outcome(kind, row, tuple(ctx.story), reason=str(nothing))
        order = yield from followed(ctx, position_id, order, "exit", reason=reason)
        row = yield from ctx.row(position_id)
        if row.orders[ours.name].is_live and row.quantity:
            yield from tell_ended(ctx, position_id, order, row.orders[ours.name])
        if ours.requested_qty is not None and row.orders[ours.name].filled_qty < ours.requested_qty:
            yield from all_stops_heard(ctx, position_id)
        row = yield from closed_when_empty(ctx, position_id, reason)
    except CameToNothing as nothing:
        row = yield from ctx.row(position_id)
        return Outcome(OutcomeKind.FAILED, row, tuple(ctx.story), reason=str(nothing))
    except (CommandRefused, Refused, NoAnswer) as error:
        return (yield from cut_short(ctx, error, position_id))
    if not _is_held(row):
        return Outcome(kind_of(row), row, tuple(ctx.story))
    if row.orders[ours.name].filled_qty:
        return Outcome(OutcomeKind.REDUCED, row, tuple(ctx.story))
    reason = f"nothing of it was filled: it is {order.state}"
    yield from ctx.note(f"{ours.name} came to nothing: {reason}")
    return Outcome(OutcomeKind.FAILED, row, tuple(ctx.story), reason=reason)


def exit_taken_up(ctx: FlowContext, position_id: str, ours: Order) -> Flow[Outcome]:
    """Bring an exit that was promised before a crash to its end, with the reason and intent of its promise.

    An order that never arrived, or of which nothing was filled, is promised anew and sent, because the decision to
    close still stands. The new promise has the same intent, because the intent may be delivered again.
    """
    events = [entry.event for entry in (yield from ctx.history(position_id))]
    promises = [event for event in events if isinstance(event, ExitRequested)]
    promise = next((each for each in promises if each.client_order_id == ours.client_order_id), None)
    reason, intent_id = ("exit", None) if promise is None else (promise.reason, promise.intent_id)
    outcome = yield from exit_carried_on(ctx, position_id, ours, reason=reason)
    row = yield from ctx.row(position_id)
    if outcome.kind is not OutcomeKind.FAILED or not row.quantity:
        return outcome
    is_part = ours.requested_qty is not None and ours.requested_qty < row.quantity
    part = ours.requested_qty if is_part else None
    return (yield from exit_position(ctx, position_id, reason=reason, quantity=part, intent_id=intent_id))


def _is_held(row: PositionRow) -> bool:
    """Whether the cycle is not over, or something was filled after it and is left."""
    return row.status.is_open or row.stray


def _order(ctx: FlowContext, row: PositionRow, ours: Order, *, is_fresh: bool) -> Flow[ExchangeOrder]:
    """The order of a claim: sent when the claim is fresh, else looked up. Raises: CameToNothing, after recording it."""
    assert ours.client_order_id is not None, "a promise has a name"
    if ours.exchange_order_id is not None:
        return (yield from ctx.acknowledged(row.symbol, ours.exchange_order_id))
    market = yield from ctx.market(row.symbol)
    if is_fresh:
        ticket = OrderTicket(
            symbol=row.symbol,
            side=row.side.closing_order,
            kind=TicketKind.MARKET,
            client_order_id=ours.client_order_id,
            quantity=ours.requested_qty or row.quantity,
            reduce_only=True,
            leg=row.leg,
        )
        try:
            return (yield from ctx.place(ticket, row.position_id, promised_at=ours.opened_at))
        except GivenUp as given_up:
            yield from _given_up(ctx, row, ours, OrderState.CANCELED, reason=str(given_up))
        except NothingToReduce as refusal:
            yield from _given_up(
                ctx, row, ours, OrderState.REJECTED, reason=str(refusal), code=refusal.code, kind=NothingThere
            )
        except Refused as refusal:
            yield from _given_up(ctx, row, ours, OrderState.REJECTED, reason=str(refusal), code=refusal.code)
        except NoAnswer as silence:
            yield from ctx.note(f"no answer: {silence}")
    found = yield from sought(ctx, row.symbol, ours.client_order_id, market.shown_seconds)
    if found is None:
        reason = f"{ctx.exchange} knows no order {ours.client_order_id}"
        yield from _given_up(ctx, row, ours, OrderState.EXPIRED, reason=reason)
    assert found is not None, "else it came to nothing"
    return found


def _given_up(
    ctx: FlowContext,
    row: PositionRow,
    ours: Order,
    state: OrderState,
    *,
    reason: str,
    code: str | None = None,
    kind: type[CameToNothing] = CameToNothing,
) -> Flow[None]:
    """Give the exit up; what is held stays as it was. Raises: CameToNothing, or the subclass `kind`."""
    yield from tell_nothing_came(ctx, row.position_id, ours, state, reason=reason, code=code)
    yield from ctx.note(f"{ours.name} for {plain(ours.requested_qty or row.quantity)} came to nothing: {reason}")
    raise kind(reason)


def _closed_if_gone(ctx: FlowContext, position_id: str, why: str) -> Flow[PositionRow]:
    """Close a cycle of which the exchange holds nothing any more, because somebody else closed it.

    If a stop was filled, it says at what price. Otherwise three answers have to agree: the refusal of the closing
    order, because there was nothing to reduce, and two reads of the account. An empty account alone is not believed.
    Shape: the row afterwards; it stays open where the answers do not agree.
    """
    row = yield from all_stops_heard(ctx, position_id)
    if not row.status.is_open or (yield from nothing_shown(ctx, row)) is None:
        return row
    yield from withdrawn(ctx, position_id, "entry")
    yield from stops_cancelled(ctx, position_id)
    now = yield from ctx.now()
    yield from ctx.tell(c.Close, position_id=position_id, exit_reason=f"gone from {ctx.exchange}: {why}", at=now)
    yield from ctx.note(f"closed: {ctx.exchange} holds nothing of it, and does not say who closed it")
    return (yield from ctx.row(position_id))
