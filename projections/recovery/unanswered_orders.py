"""Unanswered orders: promised to a bot, and nothing has been recorded of them since."""

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
"""How long it may take until something is recorded of a promised order: the same as for an entry."""

_PROMISED: Final = frozenset({"entry", "exit"})


def unanswered(row: PositionRow) -> list[Order]:
    """The increases without an acknowledgement, and the exits without a fill; the oldest first.

    The first entry and a rollback are not among them: they have statuses with deadlines of their own. An acknowledged
    increase is not either: it may rest at the exchange.
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
    """The order as a sentence."""
    what = "its exit" if order.role == "exit" else "an increase"
    return (
        f"{what} {order.name} was promised at {date_and_time(asked_at(order))} UTC as client order id "
        f"{order.client_order_id}, and nothing is known of it"
    )
