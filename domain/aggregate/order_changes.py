"""How events change the orders of a cycle."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from domain import events as e
from domain.alteration import altered
from domain.instrument import Instrument
from domain.orders.cycle_orders import Orders, filled_as_one
from domain.orders.order import Order
from domain.values import EXACT

Asked = e.IncreaseRequested | e.ExitRequested


def ended(order: Order, outcome: str) -> Order:
    """End an order, unless it has ended already."""
    return altered(order, ended=outcome) if order.is_live else order


def asked(orders: Orders, event: Asked) -> Orders:
    """After an order was claimed by a bot."""
    quantity = event.close_quantity if isinstance(event, e.ExitRequested) else event.quantity
    return orders.with_order(promised(event.order, event.client_order_id, quantity, event.ts_event))


def promised(name: str, client_order_id: str | None, quantity: Decimal | None, at: datetime) -> Order:
    """An order that was claimed, and is ours to send."""
    return Order(name=name, client_order_id=client_order_id, requested_qty=quantity, opened_at=at)


def stated(orders: Orders, event: e.EntryPlaced, terms: Instrument) -> Orders:
    """After the exchange acknowledged an entry order, perhaps with its filled total."""
    orders = as_one(orders, event.order, event.same_as)
    order = altered(_known(orders, event, event.order), exchange_order_id=event.exchange_order_id)
    return orders.with_order(_with_statement(order, event, terms))


def as_one(orders: Orders, name: str, same_as: str | None) -> Orders:
    """Merge an order with `same_as`, under which its fills were recorded; of that only an empty order is left."""
    other = None if same_as is None else orders.get(same_as)
    if other is None:
        return orders
    empty = Order(name=other.name, opened_at=other.opened_at, ended="replaced")
    return orders.with_orders((orders[name].joined(other), empty)) if name in orders else orders


def entry_filled(orders: Orders, event: e.EntryFilled, terms: Instrument) -> Orders:
    """After a fill of an entry order."""
    order = _identified(_known(orders, event, event.order), event.exchange_order_id)
    filled = terms.recorded_worth(event.last_qty, event.last_px)
    return orders.with_order(order.with_fill(event.last_qty, filled, is_news=event.is_news))


def exit_filled(orders: Orders, event: e.PositionReduced, terms: Instrument) -> Orders:
    """After a fill of a closing order."""
    if event.order is None:
        return orders
    order = _identified(_known(orders, event, event.order), event.exchange_order_id)
    return orders.with_order(order.with_fill(event.last_qty, terms.recorded_worth(event.last_qty, event.last_px)))


def fill_corrected(orders: Orders, event: e.FillCorrected, terms: Instrument) -> Orders:
    """After a fill was corrected."""
    order = None if event.order is None else orders.get(event.order)
    if order is None:
        return orders
    old = (event.old_qty, terms.recorded_worth(event.old_qty, event.old_px))
    new = (event.last_qty, terms.recorded_worth(event.last_qty, event.last_px))
    return orders.with_order(order.corrected(old, new, is_of_total=event.is_of_total))


def stop_set(orders: Orders, event: e.StopLossSet) -> Orders:
    """After a stop was confirmed, or moved; one without the name of an order replaces every other stop."""
    name = event.order or "stop.1"
    if event.order is None:
        orders = orders.with_orders(ended(stop, "replaced") for stop in orders.live("stop") if stop.name != name)
    known = _known(orders, event, name)
    stop = known.confirmed(
        price=event.stop_price,
        quantity=event.quantity,
        exchange_order_id=event.exchange_order_id,
        attached=event.attached,
        locks_profit=event.locks_profit,
        is_hit=is_hit(orders, known),
    )
    return orders.with_order(stop)


def stops_lost(orders: Orders, name: str | None) -> Orders:
    """After one stop, or every stop, is gone."""
    return orders.with_orders(ended(stop, "lost") for stop in orders.live("stop") if name in (None, stop.name))


def spent_stops_lost(orders: Orders) -> Orders:
    """After all was closed, and something is held again.

    The stops that were hit have done their work, and those that belonged to the position are gone with it.
    """
    return orders.with_orders(
        ended(stop, "lost") for stop in orders.live("stop") if stop.attached or is_hit(orders, stop)
    )


def hit_stops_limited(orders: Orders, held: Decimal) -> Orders:
    """After more is held than before: a stop for all, if it was hit, closes what was held by then, and no more."""
    for_all = ((stop, filled_as_one(orders, stop)) for stop in orders.live("stop") if stop.requested_qty is None)
    return orders.with_orders(
        altered(stop, requested_qty=EXACT.add(filled, held)) for stop, filled in for_all if filled
    )


def is_hit(orders: Orders, stop: Order) -> bool:
    """Whether something was filled of a stop, or of the take profit that is one order with it (OCO)."""
    return bool(filled_as_one(orders, stop))


def hit_ids(orders: Orders) -> set[str]:
    """The exchange order ids of live stops and take profits of which something was filled."""
    filled = (order.exchange_order_id for order in orders.live("stop") + orders.live("target") if order.filled_qty)
    return {each for each in filled if each is not None}


def target_set(orders: Orders, event: e.TakeProfitSet) -> Orders:
    """After a take profit was confirmed, or moved."""
    target = _known(orders, event, event.order).confirmed(
        price=event.price,
        quantity=event.quantity,
        exchange_order_id=event.exchange_order_id,
        attached=event.attached,
    )
    return orders.with_order(target)


def target_lost(orders: Orders, event: e.TakeProfitLost) -> Orders:
    """After a take profit is gone."""
    order = orders.get(event.order)
    return orders if order is None else orders.with_order(ended(order, "lost"))


def entries_failed(orders: Orders, event: e.EntryFailed) -> Orders:
    """After the entry failed with nothing filled."""
    return orders.with_orders(ended(entry, event.outcome) for entry in orders.live("entry"))


def opened_again(orders: Orders) -> Orders:
    """After a late fill opened the cycle again: its stops and closing orders ended with the cycle, and are gone."""
    return orders.with_orders(ended(order, "lost") for order in orders.values() if order.role != "entry")


def replaced(orders: Orders, event: e.OrderReplaced) -> Orders:
    """After an order got another exchange order id."""
    orders = as_one(orders, event.order, event.same_as)
    known = _known(orders, event, event.order)
    order = altered(
        known,
        exchange_order_id=event.exchange_order_id,
        requested_qty=known.requested_qty if event.quantity is None else event.quantity,
        price=known.price if event.price is None else event.price,
    )
    return orders.with_order(order)


def order_ended(orders: Orders, event: e.OrderEnded, terms: Instrument) -> Orders:
    """After an order ended, perhaps with its filled total."""
    orders = as_one(orders, event.order, event.same_as)
    order = _identified(_known(orders, event, event.order), event.exchange_order_id)
    return orders.with_order(altered(_with_statement(order, event, terms), ended=event.outcome))


def _known(orders: Orders, event: e.PositionEvent, name: str) -> Order:
    return orders.get(name) or Order(name=name, opened_at=event.ts_event)


def _identified(order: Order, exchange_order_id: str | None) -> Order:
    is_new = exchange_order_id is not None and order.exchange_order_id is None
    return altered(order, exchange_order_id=exchange_order_id) if is_new else order


def _with_statement(order: Order, event: e.EntryPlaced | e.OrderEnded, terms: Instrument) -> Order:
    if event.filled_qty is None:
        return order
    filled = None if event.avg_px is None else terms.recorded_worth(event.filled_qty, event.avg_px)
    return order.with_statement(event.filled_qty, filled, event.said_at)
