"""Stop coverage: which of the orders at an exchange protect a position, and which of them is its stop."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.orders.order import Order
from domain.values import EXACT, ZERO, Leg, total_of
from projections.account_snapshot import OrderKind, OrderReport, PositionReport
from projections.positions import PositionRow


@dataclass(frozen=True, slots=True)
class StopCoverage:
    """The stops that rest at the exchange for one position.

    Shape: `stops` are at a price that protects (or at an unknown one), the preferred one first; `wrong_side` are beyond
           the entry without being known to lock in profit, or wait to trail, and protect nothing.
    """

    position: PositionReport
    stops: tuple[OrderReport, ...]
    wrong_side: tuple[OrderReport, ...]
    is_ladder: bool = False
    """Whether all of them are recorded and reduce-only: then they are parts of a ladder, and intended."""

    @property
    def is_complete(self) -> bool:
        """Whether the stops together close all of the position; one of unknown quantity closes all of it."""
        on_position = self.position.stop_price is not None
        return on_position or _covered(self.stops, self.position) >= self.position.quantity

    @property
    def lacking(self) -> Decimal:
        """How much of the position the stops together do not close."""
        return max(ZERO, EXACT.subtract(self.position.quantity, _covered(self.stops, self.position)))

    @property
    def is_doubled(self) -> bool:
        """Whether the stops together close more than is held: two stops instead of one (I-20), which are no ladder."""
        together = _covered(self.stops, self.position)
        return len(self.stops) > 1 and together > self.position.quantity and not self.is_ladder

    @property
    def oversized(self) -> tuple[OrderReport, ...]:
        """Stops that are larger than the position, and would open the other side; on a hedge leg none can."""
        if self.position.key.leg is not Leg.BOTH:
            return ()
        held = self.position.quantity
        return tuple(stop for stop in self.stops if stop.left is not None and stop.left > held and not stop.reduce_only)


def cover_of(position: PositionReport, row: PositionRow | None, orders: Iterable[OrderReport]) -> StopCoverage:
    """Sort the stops that reduce a position, by what the exchange shows and the ledger knows of it."""
    known = set() if row is None else {stop.exchange_order_id for stop in row.orders.live("stop")}
    against = [order for order in orders if order.is_stop and order.closes(position.key, position.side)]
    protecting = [order for order in against if _stands_right(order, position, row)]
    stops = sorted(protecting, key=lambda order: _preference(order, position, known))
    is_ladder = all(order.order_id in known and order.reduce_only for order in stops)
    beyond = tuple(order for order in against if order not in protecting)
    return StopCoverage(position, tuple(stops), beyond, is_ladder)


def shows_a_stop(position: PositionReport, row: PositionRow, orders: Iterable[OrderReport]) -> bool:
    """Whether a snapshot shows any stop for a position, at whatever price: then its list of orders includes stops."""
    cover = cover_of(position, row, orders)
    return position.stop_price is not None or bool(cover.stops or cover.wrong_side)


def _preference(
    order: OrderReport, position: PositionReport, known: Container[str | None]
) -> tuple[bool, bool, float, str]:
    covers = order.left is None or order.left >= position.quantity
    age = -order.created_at.timestamp() if order.created_at is not None else 0
    return order.order_id not in known, not covers, age, order.order_id


def _stands_right(order: OrderReport, position: PositionReport, row: PositionRow | None) -> bool:
    if _waits_to_trail(order, position):
        return False
    return not is_beyond_entry(order, position, row) or _locks_profit(order, position, row)


def _waits_to_trail(order: OrderReport, position: PositionReport) -> bool:
    """Whether its price is the one at which it begins to trail, for a stop there would have been triggered."""
    if order.kind is not OrderKind.TRAILING_STOP or order.trigger_price is None or position.mark_price is None:
        return False
    return not position.side.loses_at(order.trigger_price, position.mark_price)


def price_of_stop(order: OrderReport | None, position: PositionReport) -> Decimal | None:
    """The price of a stop order, or without one that of the stop that is a property of the position."""
    return position.stop_price if order is None else order.trigger_price


def is_beyond_entry(order: OrderReport | None, position: PositionReport, row: PositionRow | None) -> bool:
    """Whether such a stop is on the profit side of the entry; False where one of the two prices is not known.

    The entry is the exchange's, or else the ledger's, or else the price of the signal.
    """
    price, entry = price_of_stop(order, position), position.avg_px_open
    if entry is None and row is not None:
        entry = row.avg_px_open or row.signal_price
    if price is None or entry is None:
        return False
    return not position.side.loses_at(price, entry)


def fields_of_stop(
    order: OrderReport | None, position: PositionReport, row: PositionRow | None, was: Order | None
) -> dict[str, Any]:
    """The fields of `set_stop_loss` for such a stop, which replaces `was`, if that is another one on record."""
    replaces = None if was is None else was.exchange_order_id or was.name
    fields = {"stop_price": price_of_stop(order, position), "locks_profit": is_beyond_entry(order, position, row)}
    if order is None:
        return {**fields, "attached": True, "replaces": replaces}
    return {
        **fields,
        "exchange_order_id": order.order_id,
        "quantity": _quantity_of(order, position, was),
        "replaces": None if replaces == order.order_id else replaces,
    }


def _quantity_of(order: OrderReport, position: PositionReport, was: Order | None) -> Decimal | None:
    """The quantity to record, of which as much is left as the exchange says, whatever is recorded as filled of it.

    A stop for all that was hit by the fills on record is recorded as one for what is held.
    """
    if was is None or was.exchange_order_id != order.order_id:
        return order.left
    if order.left is None:
        return EXACT.add(position.at_once, was.filled_qty) if was.room is not None and was.filled_qty else None
    return EXACT.add(order.left, was.filled_qty) if order.filled_qty else order.quantity


def _locks_profit(order: OrderReport, position: PositionReport, row: PositionRow | None) -> bool:
    """Whether a stop beyond the entry is intended: it trails, is recorded as such, or the mark price is beyond it."""
    if order.kind is OrderKind.TRAILING_STOP:
        return True
    if row is not None and any(
        stop.locks_profit and stop.exchange_order_id == order.order_id for stop in row.orders.live("stop")
    ):
        return True
    if order.trigger_price is None or position.mark_price is None:
        return False
    return position.side.loses_at(order.trigger_price, position.mark_price)


def _covered(stops: Sequence[OrderReport], position: PositionReport) -> Decimal:
    return total_of(position.at_once if (left := stop.left) is None else left for stop in stops)
