"""Orders that were promised to a bot, and of which nobody has said since what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from domain.orders.order import Order
from domain.values import Status
from projections.formatting import date_and_time
from projections.positions import PositionRow
from projections.reconciliation.grace_periods import later

ANSWERING: Final = timedelta(seconds=60)
"""How long it may take until something is known of an order that was promised: as for an entry."""

_PROMISED: Final = frozenset({"entry", "exit"})


def unanswered(row: PositionRow) -> list[Order]:
    """The increases that nobody acknowledged, and the exits of which nothing is filled; the oldest first.

    The first entry and a rollback have a status of their own, and deadlines with it. An acknowledged increase may rest.
    """
    if not row.status.is_open and not row.stray:
        return []
    return [*_unanswered(row)]


def _unanswered(row: PositionRow) -> Iterator[Order]:
    for order in row.orders.values():
        is_promised = order.role in _PROMISED and order.name != "entry" and order.client_order_id is not None
        if not is_promised or not order.is_live or order.filled_qty or row.status is Status.ROLLING_BACK:
            continue
        if order.role == "exit" or order.exchange_order_id is None:
            yield order


def asked_at(order: Order) -> datetime:
    """When it was promised."""
    assert order.opened_at is not None, "a promise is an event, which has a time"
    return order.opened_at


def due_at(order: Order) -> datetime:
    """Until when its bot may be at work on it."""
    return later(asked_at(order), ANSWERING)


def in_words(order: Order) -> str:
    """What is known of it."""
    what = "its exit" if order.role == "exit" else "an increase"
    return (
        f"{what} {order.name} was promised at {date_and_time(asked_at(order))} UTC as client order id "
        f"{order.client_order_id}, and nothing is known of it"
    )
