"""Entering and adding: the order is claimed, sent once and followed, and what it fills gets a stop."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.errors import CommandRefused, InstrumentInUse, PositionNotOpen, StaleCycle
from domain.events import EntryRequested, IncreaseRequested, PositionAdopted
from domain.orders.order import Order
from domain.symbols.spelling import normalized_symbol
from domain.values import Status
from infrastructure.trading.conclusions import CameToNothing, cut_short, refused, unclaimed
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import GivenUp, NoAnswer, Refused
from infrastructure.trading.exchange_orders import (
    ExchangeOrder,
    OrderState,
    OrderTicket,
    TicketKind,
    TradedMarket,
)
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.steps.claimed_quantity import opening_quantity
from infrastructure.trading.steps.lookup import sought
from infrastructure.trading.steps.order_fills import ENDED, followed, tell_ended, tell_nothing_came
from infrastructure.trading.steps.protecting import CannotProtect, NoPlan, protected
from infrastructure.trading.steps.stop_news import closed_when_empty, stops_heard
from infrastructure.trading.steps.stop_prices import attached_price
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind, kind_of
from infrastructure.trading.wanted_entry import WantedEntry
from projections.positions import PositionRow


def enter(ctx: FlowContext, wanted: WantedEntry) -> Flow[Outcome]:
    """Open a position once, and protect it or roll it back."""
    try:
        market = yield from ctx.market(str(normalized_symbol(wanted.symbol, ctx.exchange, wanted.leg)))
        quantity = None if wanted.quantity is None else opening_quantity(ctx, wanted.quantity, market)
    except (Refused, NoAnswer, CameToNothing) as error:
        return (yield from unclaimed(ctx, error))
    try:
        yield from _define(ctx, wanted, market)
        receipt = yield from ctx.claim(
            c.RequestEntry,
            symbol=wanted.symbol,
            exchange=ctx.exchange,
            account=ctx.account,
            leg=wanted.leg,
            side=wanted.side,
            quantity=quantity,
            cost=wanted.cost,
            intent_id=wanted.intent_id,
            protection=ctx.rules.protection,
            **wanted.planned,
        )
    except CommandRefused as refusal:
        return (yield from refused(ctx, refusal))
    yield from ctx.note(f"{receipt.outcome} {receipt.position_id} as {receipt.client_order_id}")
    return (
        yield from carried_on(ctx, receipt.position_id, fresh="entry" if receipt.may_order else None, market=market)
    )


def increase(
    ctx: FlowContext, position_id: str, *, intent_id: str, quantity: Decimal | None = None, cost: Decimal | None = None
) -> Flow[Outcome]:
    """Add to a position by another entry order, and give what it adds a stop.

    The stops on record are looked up before, and once more when the order is filled: a stop that was hit meanwhile does
    not cover what was added.
    """
    try:
        if (yield from ctx.row(position_id)).orders.live("stop"):
            yield from stops_heard(ctx, position_id)
        if quantity is not None:
            market = yield from ctx.market((yield from ctx.row(position_id)).symbol)
            quantity = opening_quantity(ctx, quantity, market)
        receipt = yield from ctx.claim(
            o.RequestIncrease, position_id=position_id, intent_id=intent_id, quantity=quantity, cost=cost
        )
    except (Refused, NoAnswer, CameToNothing) as error:
        return (yield from unclaimed(ctx, error, position_id))
    except CommandRefused as refusal:
        return (yield from refused(ctx, refusal, position_id))
    row = yield from ctx.row(position_id)
    named = next(name for name, order in row.orders.items() if order.client_order_id == receipt.client_order_id)
    outcome = yield from carried_on(ctx, position_id, fresh=named if receipt.may_order else None)
    row = yield from ctx.row(position_id)
    ours = row.orders[named]
    if outcome.kind is not OutcomeKind.PROTECTED or ours.is_live or ours.filled_qty:
        return outcome
    return replace(outcome, kind=OutcomeKind.FAILED, reason=outcome.reason or f"{named} came to nothing before")


def carried_on(
    ctx: FlowContext, position_id: str, *, fresh: str | None = None, market: TradedMarket | None = None
) -> Flow[Outcome]:
    """Bring the entry orders of a cycle to an end: send or find each, follow its fills, and protect or roll back.

    `fresh` is the name of the order that this process has just claimed: it was not sent before, by anybody.
    """
    row = yield from ctx.row(position_id)
    try:
        market = market or (yield from ctx.market(row.symbol))
        if row.status is Status.ROLLING_BACK:
            return (yield from rolled_back(ctx, position_id, "taken up again"))
        for ours in [each for each in row.orders.values() if each.role == "entry" and each.is_live]:
            yield from _brought_to_end(ctx, row, ours, market, is_fresh=ours.name == fresh)
        if fresh not in (None, "entry"):
            yield from stops_heard(ctx, position_id)
        row = yield from protected(ctx, position_id, market, is_entered=True)
        row = yield from closed_when_empty(ctx, position_id)
    except CameToNothing as nothing:
        row = yield from ctx.row(position_id)
        if not row.quantity:
            return Outcome(OutcomeKind.FAILED, row, tuple(ctx.story), reason=str(nothing))
        return Outcome(kind_of(row), row, tuple(ctx.story), reason=str(nothing))
    except CannotProtect as bare:
        yield from ctx.note(str(bare))
        if isinstance(bare, NoPlan) and (yield from _was_adopted(ctx, position_id)):
            row = yield from ctx.row(position_id)
            reason = f"{bare}; Rules(adopted_stop_percent=...) says one for what was found at {ctx.exchange}"
            return Outcome(kind_of(row), row, tuple(ctx.story), reason=reason)
        return (yield from rolled_back(ctx, position_id, str(bare)))
    except (CommandRefused, Refused, NoAnswer) as error:
        return (yield from cut_short(ctx, error, position_id))
    return Outcome(kind_of(row), row, tuple(ctx.story))


def _was_adopted(ctx: FlowContext, position_id: str) -> Flow[bool]:
    """Whether the position was adopted from the exchange: whoever opened it there did not want it rolled back."""
    return any(isinstance(entry.event, PositionAdopted) for entry in (yield from ctx.history(position_id)))


def _define(ctx: FlowContext, wanted: WantedEntry, market: TradedMarket) -> Flow[None]:
    """Define the instrument where a quantity is not one unit of the base asset; an open cycle keeps its own terms."""
    if market.contract_size == 1 and not market.inverse:
        return
    names = {"base": market.base, "quote": market.quote, "settle": market.settle}
    try:
        yield from ctx.tell(
            o.DefineInstrument,
            symbol=wanted.symbol,
            exchange=ctx.exchange,
            account=ctx.account,
            leg=wanted.leg,
            contract_size=market.contract_size,
            inverse=market.inverse,
            **{name: asset for name, asset in names.items() if asset is not None},
        )
    except InstrumentInUse as refusal:
        yield from ctx.note(f"the instrument stays as it is: {refusal.message}")


def _brought_to_end(
    ctx: FlowContext, row: PositionRow, ours: Order, market: TradedMarket, *, is_fresh: bool
) -> Flow[None]:
    """One entry order: send or find it, record its acknowledgement, fills and end, and protect what it fills."""
    position_id = row.position_id
    order = yield from (_sent if is_fresh else _found)(ctx, row, ours, market)
    if ours.exchange_order_id is None:
        try:
            yield from ctx.tell(
                c.RecordEntryPlaced,
                position_id=position_id,
                exchange_order_id=order.order_id,
                client_order_id=ours.client_order_id,
            )
            yield from ctx.note(f"{ours.name} is order {order.order_id}")
        except (PositionNotOpen, StaleCycle) as refusal:
            # the cycle was closed meanwhile: a fill will take its slot back
            yield from ctx.note(f"{ours.name} is order {order.order_id}, and came too late: {refusal.message}")

    def cover() -> Flow[None]:
        yield from protected(ctx, position_id, market, is_entered=False)

    order = yield from followed(ctx, position_id, order, "entry", meanwhile=cover)
    now = (yield from ctx.row(position_id)).orders[ours.name]
    if not order.filled_qty and not now.filled_qty:
        yield from _fail(ctx, row, now, order.state, reason=f"nothing of it was filled: it is {order.state}")
    if now.is_live:
        yield from tell_ended(ctx, position_id, order, now)


def _sent(ctx: FlowContext, row: PositionRow, ours: Order, market: TradedMarket) -> Flow[ExchangeOrder]:
    """Send an order that this process has claimed, unless the process was paused for too long meanwhile."""
    assert ours.client_order_id is not None, "a promise has a name"
    attached = (yield from attached_price(ctx, row, market)) if ours.name == "entry" else None
    cost = None if ours.requested_qty is not None else (yield from _cost(ctx, row, ours))
    now = yield from ctx.row(row.position_id)
    if not now.status.is_open or now.status is Status.ROLLING_BACK:
        reason = f"nothing was sent: {row.position_id} is {now.status.value} since it was promised"
        yield from _fail(ctx, row, ours, OrderState.CANCELED, reason=reason)
    order = OrderTicket(
        symbol=row.symbol,
        side=row.side.opening_order,
        kind=TicketKind.MARKET,
        client_order_id=ours.client_order_id,
        quantity=ours.requested_qty,
        cost=cost,
        leg=row.leg,
        attached_stop=attached,
    )
    try:
        return (yield from ctx.place(order, row.position_id, promised_at=ours.opened_at or row.opened_at))
    except GivenUp as given_up:
        yield from _fail(ctx, row, ours, OrderState.CANCELED, reason=str(given_up))
    except Refused as refusal:
        yield from _fail(ctx, row, ours, OrderState.REJECTED, reason=str(refusal), code=refusal.code)
    except NoAnswer as silence:
        yield from ctx.note(f"no answer: {silence}")
        if ours.name == "entry":
            try:
                yield from ctx.tell(c.RecordEntryUnknown, position_id=row.position_id, reason=str(silence))
            except (PositionNotOpen, StaleCycle) as refusal:
                # another process gave it up while this one was paused; what it fills has to be found all the same
                yield from ctx.note(f"{ours.name} came too late: {refusal.message}")
    return (yield from _found(ctx, row, ours, market))


def _cost(ctx: FlowContext, row: PositionRow, ours: Order) -> Flow[Decimal | None]:
    """The cost for which an order was claimed without a quantity."""
    for entry in (yield from ctx.history(row.position_id)):
        event = entry.event
        if isinstance(event, EntryRequested | IncreaseRequested) and event.client_order_id == ours.client_order_id:
            return event.cost
    raise AssertionError(f"{ours.client_order_id} was promised by an event of {row.position_id}")


def _found(ctx: FlowContext, row: PositionRow, ours: Order, market: TradedMarket) -> Flow[ExchangeOrder]:
    """Look up an order that may have been sent; give it up only when it can no longer appear."""
    if ours.exchange_order_id is not None:
        return (yield from ctx.acknowledged(row.symbol, ours.exchange_order_id))
    if ours.client_order_id is None:
        raise NoAnswer(f"{ours.name} of {row.position_id} has no id that {ctx.exchange} could be asked for")
    found = yield from sought(ctx, row.symbol, ours.client_order_id, market.shown_seconds)
    if found is None:
        yield from _fail(
            ctx, row, ours, OrderState.EXPIRED, reason=f"{ctx.exchange} knows no order {ours.client_order_id}"
        )
    assert found is not None, "else it came to nothing"
    return found


def _fail(
    ctx: FlowContext, row: PositionRow, ours: Order, state: OrderState, *, reason: str, code: str | None = None
) -> Flow[None]:
    """Give the order up, and the slot too if it was the first entry. Raises: CameToNothing."""
    if ours.name == "entry":
        yield from ctx.tell(c.FailEntry, position_id=row.position_id, outcome=ENDED[state], reason=reason, code=code)
    else:
        yield from tell_nothing_came(ctx, row.position_id, ours, state, reason=reason, code=code)
    yield from ctx.note(f"{ours.name} came to nothing: {reason}")
    raise CameToNothing(reason)
