"""What an event changes in the orders of a cycle."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from domain import events as e
from domain.alteration import altered
from domain.instrument import Instrument
from domain.order import Order, Orders, with_order

Asked = e.IncreaseRequested | e.ExitRequested


def ended(order: Order, outcome: str) -> Order:
    """An order of which nothing more will be filled."""
    return altered(order, ended=outcome) if order.is_live else order


def asked(orders: Orders, event: Asked) -> dict[str, Order]:
    """After an order was promised to a bot."""
    quantity = event.close_quantity if isinstance(event, e.ExitRequested) else event.quantity
    return with_order(orders, promised(event.order, event.client_order_id, quantity, event.ts_event))


def promised(name: str, client_order_id: str | None, quantity: Decimal | None, at: datetime) -> Order:
    """An order that is ours to send."""
    return Order(name=name, client_order_id=client_order_id, requested_qty=quantity, opened_at=at)


def stated(orders: Orders, event: e.EntryPlaced, terms: Instrument) -> dict[str, Order]:
    """After the exchange acknowledged an entry order, and said what was filled of it."""
    orders = as_one(orders, event.order, event.same_as)
    order = altered(_known(orders, event, event.order), exchange_order_id=event.exchange_order_id)
    return with_order(orders, _with_statement(order, event, terms))


def as_one(orders: Orders, name: str, same_as: str | None) -> Orders:
    """After an order turned out to be one that was known by its fills alone; of that nothing is left but its name."""
    other = None if same_as is None else orders.get(same_as)
    if other is None:
        return orders
    empty = Order(name=other.name, opened_at=other.opened_at, ended="replaced")
    return {**orders, name: orders[name].joined(other), other.name: empty} if name in orders else orders


def entry_filled(orders: Orders, event: e.EntryFilled, terms: Instrument) -> dict[str, Order]:
    """After a fill of an entry order."""
    order = _identified(_known(orders, event, event.order), event.exchange_order_id)
    filled = terms.recorded_worth(event.last_qty, event.last_px)
    return with_order(orders, order.with_fill(event.last_qty, filled, is_news=event.is_news))


def exit_filled(orders: Orders, event: e.PositionReduced, terms: Instrument) -> dict[str, Order]:
    """After a fill of an order that closes."""
    if event.order is None:
        return {**orders}
    order = _identified(_known(orders, event, event.order), event.exchange_order_id)
    return with_order(orders, order.with_fill(event.last_qty, terms.recorded_worth(event.last_qty, event.last_px)))


def fill_corrected(orders: Orders, event: e.FillCorrected, terms: Instrument) -> dict[str, Order]:
    """After a fill of one was corrected."""
    order = None if event.order is None else orders.get(event.order)
    if order is None:
        return {**orders}
    old = (event.old_qty, terms.recorded_worth(event.old_qty, event.old_px))
    new = (event.last_qty, terms.recorded_worth(event.last_qty, event.last_px))
    return with_order(orders, order.corrected(old, new))


def stop_set(orders: Orders, event: e.StopLossSet) -> dict[str, Order]:
    """After a stop was confirmed, or moved; one that names no order is the only one."""
    name = event.order or "stop.1"
    if event.order is None:
        orders = {n: ended(o, "replaced") if o.role == "stop" and n != name else o for n, o in orders.items()}
    stop = altered(
        _known(orders, event, name),
        price=event.stop_price,
        requested_qty=event.quantity,
        exchange_order_id=event.exchange_order_id,
        attached=event.attached,
        locks_profit=event.locks_profit,
        ended=None,
    )
    return with_order(orders, stop)


def stops_lost(orders: Orders, name: str | None) -> dict[str, Order]:
    """After a stop is gone, or all of them."""
    return {n: ended(o, "lost") if o.role == "stop" and name in (None, n) else o for n, o in orders.items()}


def target_set(orders: Orders, event: e.TakeProfitSet) -> dict[str, Order]:
    """After a target was confirmed, or moved."""
    target = altered(
        _known(orders, event, event.order),
        price=event.price,
        requested_qty=event.quantity,
        exchange_order_id=event.exchange_order_id,
        attached=event.attached,
        ended=None,
    )
    return with_order(orders, target)


def target_lost(orders: Orders, event: e.TakeProfitLost) -> dict[str, Order]:
    """After a target is gone."""
    order = orders.get(event.order)
    return {**orders} if order is None else with_order(orders, ended(order, "lost"))


def entries_failed(orders: Orders, event: e.EntryFailed) -> dict[str, Order]:
    """After the entry came to nothing."""
    return {n: ended(o, event.outcome) if o.role == "entry" else o for n, o in orders.items()}


def opened_again(orders: Orders) -> dict[str, Order]:
    """After a late fill of an entry: what protected or closed the cycle did so for the end that it had."""
    return {n: o if o.role == "entry" else ended(o, "lost") for n, o in orders.items()}


def replaced(orders: Orders, event: e.OrderReplaced) -> dict[str, Order]:
    """After an order went on under another id."""
    orders = as_one(orders, event.order, event.same_as)
    known = _known(orders, event, event.order)
    order = altered(
        known,
        exchange_order_id=event.exchange_order_id,
        requested_qty=known.requested_qty if event.quantity is None else event.quantity,
        price=known.price if event.price is None else event.price,
    )
    return with_order(orders, order)


def order_ended(orders: Orders, event: e.OrderEnded, terms: Instrument) -> dict[str, Order]:
    """After the exchange said that nothing more will be filled of an order."""
    orders = as_one(orders, event.order, event.same_as)
    order = _identified(_known(orders, event, event.order), event.exchange_order_id)
    return with_order(orders, altered(_with_statement(order, event, terms), ended=event.outcome))


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
