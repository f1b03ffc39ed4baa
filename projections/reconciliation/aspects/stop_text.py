"""Findings about stops, in words."""

from __future__ import annotations

from collections.abc import Iterable

from domain.orders.order import Order
from domain.values import EXACT, plain
from projections.account_snapshot import OrderReport, PositionReport
from projections.reconciliation.aspects.stop_changes import Moved
from projections.reconciliation.stop_orders import StopCoverage


def moved_text(moved: Moved, cover: StopCoverage) -> str:
    """A stop that moved or is new, and what is recorded."""
    known = "no order" if moved.was is None else _recorded_text(moved.was)
    if moved.order is None:
        assert cover.position.stop_price is not None, "a stop of the position"
        return f"the stop belongs to the position, at {plain(cover.position.stop_price)}; the ledger has {known}"
    order = moved.order
    quantity = "" if moved.was is None else _for(order)
    return f"the stop is order {order.order_id}{price_text(order)}{quantity}; the ledger has {known}"


def unpriced_text(order: OrderReport) -> str:
    """What is to be done about a stop whose price the exchange does not say."""
    return (
        f"order {order.order_id} is a stop{_for(order)}, and at which price it stands the exchange does not say: the "
        "ledger takes the position for unprotected until set_stop_loss says it"
    )


def _recorded_text(stop: Order) -> str:
    name = "one of the position" if stop.exchange_order_id is None else f"order {stop.exchange_order_id}"
    price = "" if stop.price is None else f" at {plain(stop.price)}"
    return f"{name}{price} for {'all of it' if stop.requested_qty is None else plain(stop.requested_qty)}"


def too_much_text(stop: OrderReport, position: PositionReport) -> str:
    """A stop that is larger than the position, and what it would open."""
    assert stop.left is not None, "larger than something"
    rest = plain(EXACT.subtract(stop.left, position.quantity))
    opens = "short" if stop.side == "sell" else "long"
    return (
        f"order {stop.order_id} is to {stop.side} {plain(stop.left)} while {plain(position.quantity)} is held, "
        f"and is not said to be reduce-only: triggered, it opens a {opens} of {rest}"
    )


def lacking_text(cover: StopCoverage) -> str:
    """What the stops of a position leave uncovered."""
    if not cover.stops:
        return f"no stop at the exchange for {cover.position.in_words}"
    return f"its stops cover only a part of {plain(cover.position.quantity)}: {names_text(cover.stops)}"


def names_text(orders: Iterable[OrderReport]) -> str:
    """Orders by their ids, with price and quantity."""
    return ", ".join(f"{order.order_id}{price_text(order)}{_for(order)}" for order in orders)


def price_text(order: OrderReport) -> str:
    """The trigger price of an order; empty if it is not stated."""
    return "" if order.trigger_price is None else f" at {plain(order.trigger_price)}"


def _for(order: OrderReport) -> str:
    return "" if order.left is None else f" for {plain(order.left)}"
