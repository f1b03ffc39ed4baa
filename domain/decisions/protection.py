"""Deciding about stops and take profits, and about when an entry is complete."""

from __future__ import annotations

from decimal import Decimal

from domain import events as e
from domain.aggregate import order_changes
from domain.aggregate.command_result import CommandResult
from domain.aggregate.row import PositionRow
from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.decisions.decision import Decision
from domain.decisions.lookup import at_work, is_former, listed, named, needs_closing, with_one_id
from domain.errors import (
    AlreadyActive,
    InvalidCommand,
    NotFilled,
    NotProtected,
    OrderAmbiguous,
    UnknownOrder,
    WrongSideStop,
    WrongSideTarget,
    WrongStatus,
)
from domain.orders.cycle_orders import Orders, covered_by, covers, next_name, stops_left
from domain.orders.order import CLOCKS_APART, Order, Role
from domain.values import ZERO, Side, Status, plain


def set_stop_loss(decision: Decision, command: c.SetStopLoss) -> CommandResult | None:
    """Record a stop that the exchange confirmed, and with `activate` that the entry is complete.

    Shape:   -> pending_sl; active and rolling_back stay. With `activate` two events in one append. A stop for the whole
             position replaces the one before it; stops with quantities stand beside each other, except that a stop with
             the same order id, or the one that `replaces` names, is moved. If it was partly filled and moves to another
             order, it ends, and the other order is a new stop. For a former id of a stop nothing is recorded.
    Refuses: WrongSideStop against the average entry (or else the signal price); what `activate` refuses.
    """
    state, row = decision.state, decision.needs_open()
    if row.status is Status.PENDING_ENTRY and not state.holding.filled_qty:
        raise decision.refused(WrongStatus, "has no entry at the exchange yet; record the entry first")
    decision.needs_price("stop_price", command.stop_price, row.terms)
    locks = command.locks_profit and row.status is Status.ACTIVE
    if not locks:
        reference = row.signal_price if state.holding.avg_px_open is None else state.holding.avg_px_open
        needs_right_side(row.side, command.stop_price, reference, "entry")
    is_attached = command.attached or command.exchange_order_id is None
    known = _moved(decision, "stop", command)
    if _is_behind(decision, known, command):
        return decision.no_news()
    is_anew = known is not None and _is_anew(known, command)
    before = Order(name=next_name(row.orders, "stop")) if known is None or is_anew else known
    name = before.name
    stop = before.confirmed(
        price=command.stop_price,
        quantity=command.quantity,
        is_hit=order_changes.is_hit(row.orders, before),
        exchange_order_id=command.exchange_order_id,
        attached=is_attached,
        locks_profit=locks,
    )
    activates = command.activate and row.status is not Status.ACTIVE
    if activates:
        orders = row.orders
        if known is not None and is_anew:
            orders = orders.with_order(order_changes.ended(known, "replaced"))
        _needs_cover(decision, orders.with_order(stop))
    elif known is not None and _is_as_known(known, stop):
        return decision.no_news()
    is_only = name == "stop.1" and all(order.name == name for order in row.orders.live("stop"))
    decision.record(
        e.StopLossSet(
            **decision.envelope(),
            stop_price=command.stop_price,
            quantity=command.quantity,
            exchange_order_id=command.exchange_order_id,
            locks_profit=locks,
            order=None if is_only else name,
            attached=is_attached,
        )
    )
    if known is not None and is_anew:
        decision.record(e.StopLossLost(**decision.envelope(), reason=_replaced_by(command), order=known.name))
    if activates:
        decision.record(e.Activated(**decision.envelope()))
    return None


def _is_behind(decision: Decision, known: Order | None, command: c.SetStopLoss | o.SetTakeProfit) -> bool:
    """Whether this is an old command again, about an order that has another id since, has ended, or was lost later."""
    exchange_order_id = command.exchange_order_id
    if exchange_order_id is None or not decision.was_answered:
        return False
    if known is not None and known.is_live and is_former(decision, known, exchange_order_id):
        return True
    lost_at = decision.state.order_ids.lost_at.get(exchange_order_id)
    if lost_at is not None and decision.is_part_of(lost_at):
        return True
    ended_at = decision.state.order_ids.ended_at.get(exchange_order_id)
    return ended_at is not None and (command.at is None or decision.is_part_of(ended_at))


def _is_anew(known: Order, command: c.SetStopLoss | o.SetTakeProfit) -> bool:
    """Whether a partly filled stop, or take profit, is replaced by another one, of which nothing is filled yet."""
    return known.exchange_order_id != command.exchange_order_id and known.is_live and bool(known.filled_qty)


def _replaced_by(command: c.SetStopLoss | o.SetTakeProfit) -> str:
    return f"replaced by {command.exchange_order_id or 'one of the position'}"


def _is_as_known(known: Order, order: Order) -> bool:
    return known.is_live and (
        known.price,
        known.requested_qty,
        known.exchange_order_id,
        known.attached,
        known.locks_profit,
    ) == (order.price, order.requested_qty, order.exchange_order_id, order.attached, order.locks_profit)


def _moved(decision: Decision, role: Role, command: c.SetStopLoss | o.SetTakeProfit) -> Order | None:
    """The stop or take profit that moves; None if the new one stands beside the others."""
    if command.attached and command.exchange_order_id is not None:
        raise InvalidCommand(
            f"{command.verb}: attached: true has no order of its own; leave out exchange_order_id "
            f"{command.exchange_order_id}, or attached",
            command=command.verb,
        )
    if command.replaces is not None:
        order = at_work(decision, role, command.replaces) or needs_closing(decision, command.replaces)
        if order.role != role:
            raise decision.refused(UnknownOrder, f"has {command.replaces} as {order.name}, which is no {role}")
        return order
    known = at_work(decision, role, command.exchange_order_id)
    known = known or named(decision, command.exchange_order_id, None, closes=True)
    if known is not None and known.role == role:
        return known
    there = decision.state.orders.live(role)
    if command.quantity is None:
        names = decision.state.for_all
        return next((order for order in there if order.requested_qty is None or order.name in names), None)
    if command.exchange_order_id is None:
        return next((order for order in there if order.attached and order.requested_qty == command.quantity), None)
    return None


def _needs_cover(decision: Decision, orders: Orders) -> None:
    state, row = decision.state, decision.needs_open()
    held = state.holding
    if row.status is Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, "is rolling_back: its entry is being undone")
    if not held.quantity or held.avg_px_open is None:
        known = f"{plain(held.quantity)} filled at a price that is not known" if held.quantity else "no fill on record"
        raise decision.refused(NotFilled, f"has {known}; record the fill (or adjust) before it is activated")
    if row.protection == "bot":
        return
    stops = [stop for stop in orders.live("stop") if stop.price is not None]
    if not stops:
        raise decision.refused(NotProtected, "has no confirmed stop; set one before it is activated")
    if covers(orders, row.side, held.quantity, held.avg_px_open):
        return
    for stop in stops:
        assert stop.price is not None, "just looked"
        if not stop.locks_profit:
            needs_right_side(row.side, stop.price, held.avg_px_open, "average entry")
    covered = covered_by(stops_left(orders)) or ZERO
    whose = "its stop covers" if len(stops) == 1 else f"its {len(stops)} stops cover"
    raise decision.refused(NotProtected, f"holds {plain(held.quantity)}, of which {whose} only {plain(covered)}")


def lose_stop_loss(decision: Decision, command: c.LoseStopLoss) -> CommandResult | None:
    """Record that a stop is gone, and the take profit that is one order with it.

    Shape:   nothing is recorded if there is none, for a former id of it, or for the same as before one was set.
    Refuses: OrderAmbiguous if there are several and none is named; UnknownOrder.
    """
    decision.needs_open()
    stop = _lost(decision, "stop", command.exchange_order_id)
    if stop is None:
        return decision.no_news()
    is_only = len(decision.state.orders.live("stop")) == 1
    decision.record(e.StopLossLost(**decision.envelope(), reason=command.reason, order=None if is_only else stop.name))
    lose_others(decision, stop, command.reason)
    return None


def lose_others(decision: Decision, order: Order, reason: str) -> None:
    """Record that the stops and take profits are gone that are the same order of the exchange as one that is gone."""
    for other in with_one_id(decision, order):
        lost = e.StopLossLost if other.role == "stop" else e.TakeProfitLost
        decision.record(lost(**decision.envelope(), reason=reason, order=other.name))


def _lost(decision: Decision, role: Role, exchange_order_id: str | None) -> Order | None:
    there = decision.state.orders.live(role)
    if exchange_order_id is not None:
        order = at_work(decision, role, exchange_order_id) or needs_closing(decision, exchange_order_id)
        return order if order in there and not is_former(decision, order, exchange_order_id) else None
    if len(there) > 1:
        raise decision.refused(
            OrderAmbiguous,
            f"has several {role}s: {listed(there)}; send exchange_order_id, to say which is gone: the id, or the name "
            "of one without an id",
        )
    if not there or _was_set_since(decision, there[0]):
        return None
    return there[0]


def _was_set_since(decision: Decision, order: Order) -> bool:
    """Whether this is an old command again, about what was gone before an order was set.

    By clocks that differ an order may seem to be gone before it was set; so only a loss on record is old then.
    """
    set_at = order.opened_at
    if set_at is None or not decision.was_answered or not decision.is_part_of(set_at):
        return False
    is_on_record = decision.said_at in decision.state.order_ids.lost_at.values()
    return is_on_record or decision.is_older_than(set_at, within=CLOCKS_APART)


def set_take_profit(decision: Decision, command: o.SetTakeProfit) -> CommandResult | None:
    """Record a take profit that the exchange confirmed; it protects nothing.

    Shape:   status unchanged. There may be several, and they move, as stops do.
    Refuses: WrongSideTarget against the average entry (or else the signal price); WrongStatus before any entry.
    """
    state, row = decision.state, decision.needs_open()
    if row.status is Status.PENDING_ENTRY and not state.holding.filled_qty:
        raise decision.refused(WrongStatus, "has no entry at the exchange yet; record the entry first")
    reference = row.signal_price if state.holding.avg_px_open is None else state.holding.avg_px_open
    decision.needs_price("price", command.price, row.terms)
    _needs_profit_side(row, command.price, reference)
    known = _moved(decision, "target", command)
    if _is_behind(decision, known, command):
        return decision.no_news()
    is_anew = known is not None and _is_anew(known, command)
    before = Order(name=next_name(row.orders, "target")) if known is None or is_anew else known
    target = before.confirmed(
        price=command.price,
        quantity=command.quantity,
        exchange_order_id=command.exchange_order_id,
        attached=command.attached or command.exchange_order_id is None,
    )
    if known is not None and _is_as_known(known, target):
        return decision.no_news()
    decision.record(
        e.TakeProfitSet(
            **decision.envelope(),
            order=target.name,
            price=command.price,
            quantity=command.quantity,
            exchange_order_id=command.exchange_order_id,
            attached=target.attached,
        )
    )
    if known is not None and is_anew:
        decision.record(e.TakeProfitLost(**decision.envelope(), reason=_replaced_by(command), order=known.name))
    return None


def _needs_profit_side(row: PositionRow, price: Decimal, reference: Decimal | None) -> None:
    if reference is None or (price != reference and not row.side.loses_at(price, reference)):
        return
    wanted = "above" if row.side is Side.LONG else "below"
    raise WrongSideTarget(
        f"a target at {plain(price)} would trigger at once: that of a {row.side.value} stands {wanted} its entry of "
        f"{plain(reference)}; a stop that locks in profit is set_stop_loss",
        position_id=row.position_id,
        price=plain(price),
        reference=plain(reference),
        side=row.side.value,
    )


def lose_take_profit(decision: Decision, command: o.LoseTakeProfit) -> CommandResult | None:
    """Record that a take profit is gone, and the stop that is one order with it.

    Shape:   nothing is recorded if there is none, or for a former id of it.
    Refuses: OrderAmbiguous if there are several and none is named; UnknownOrder.
    """
    decision.needs_open()
    target = _lost(decision, "target", command.exchange_order_id)
    if target is None:
        return decision.no_news()
    decision.record(e.TakeProfitLost(**decision.envelope(), order=target.name, reason=command.reason))
    lose_others(decision, target, command.reason)
    return None


def needs_right_side(side: Side, stop_price: Decimal, reference: Decimal | None, what: str) -> None:
    """Refuse a stop that would trigger at once. Refuses: WrongSideStop."""
    if reference is not None and not side.loses_at(stop_price, reference):
        wanted = "below" if side is Side.LONG else "above"
        raise WrongSideStop(
            f"a stop at {plain(stop_price)} would trigger at once: that of a {side.value} stands {wanted} its "
            f"{what} of {plain(reference)}"
            + (", unless it locks in profit (locks_profit) on an active position" if what == "entry" else ""),
            stop_price=plain(stop_price),
            reference=plain(reference),
            side=side.value,
        )


def activate(decision: Decision, _: c.Activate) -> None:
    """Record that the entry is complete.

    Shape:   -> active. Refuses: AlreadyActive, NotFilled, NotProtected (unless the cycle was opened with
             `protection="bot"`, so that the bot keeps the stop itself), WrongSideStop, WrongStatus.
    """
    row = decision.needs_open()
    if row.status is Status.ACTIVE:
        raise decision.refused(AlreadyActive, "is active already; there is nothing left to activate")
    _needs_cover(decision, row.orders)
    decision.record(e.Activated(**decision.envelope()))
