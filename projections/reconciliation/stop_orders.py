"""Which of the orders at an exchange protect a position, and which one of them is its stop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.stop import is_losing_side
from projections.account_snapshot import OrderKind, OrderReport, PositionReport
from projections.positions import PositionRow

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class StopCoverage:
    """The stops that the exchange holds against one position.

    Shape: `stops` stand where they protect (or their price is not known), the one to remember first; `wrong_side`
           stand beyond the entry without being known to lock in profit, and protect nothing.
    """

    position: PositionReport
    stops: tuple[OrderReport, ...]
    wrong_side: tuple[OrderReport, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the stops together close all of it. One of unknown quantity closes whatever is open."""
        on_position = self.position.stop_price is not None
        return on_position or _covered(self.stops, self.position) >= self.position.quantity

    @property
    def is_doubled(self) -> bool:
        """Whether more would be closed than is open: two stops where one belongs (I-20); parts that add up are fine."""
        together = _covered(self.stops, self.position)
        return len(self.stops) > 1 and together > self.position.quantity

    @property
    def oversized(self) -> tuple[OrderReport, ...]:
        """Stops that would open the other side by as much as they are larger than the position."""
        held = self.position.quantity
        return tuple(
            stop for stop in self.stops if stop.quantity is not None and stop.quantity > held and not stop.reduce_only
        )


def cover_of(position: PositionReport, row: PositionRow | None, orders: Iterable[OrderReport]) -> StopCoverage:
    """Sort out the stops that work against a position, in the light of what the ledger knows of it."""
    known = row.stop_order_id if row is not None else None
    against = [order for order in orders if order.is_stop and order.closes(position.key, position.side)]
    protecting = [order for order in against if _stands_right(order, position, row)]
    stops = sorted(protecting, key=lambda order: _preference(order, position, known))
    return StopCoverage(position, tuple(stops), tuple(order for order in against if order not in protecting))


def shows_a_stop(position: PositionReport, row: PositionRow, orders: Iterable[OrderReport]) -> bool:
    """Whether any stop works against a position, wherever it stands: the exchange was asked for stops, then."""
    cover = cover_of(position, row, orders)
    return position.stop_price is not None or bool(cover.stops or cover.wrong_side)


def _preference(order: OrderReport, position: PositionReport, known: str | None) -> tuple[bool, bool, float, str]:
    covers = order.quantity is None or order.quantity >= position.quantity
    age = -order.created_at.timestamp() if order.created_at is not None else 0
    return order.order_id != known, not covers, age, order.order_id


def _stands_right(order: OrderReport, position: PositionReport, row: PositionRow | None) -> bool:
    return not is_beyond_entry(order, position, row) or _locks_profit(order, position, row)


def is_beyond_entry(order: OrderReport, position: PositionReport, row: PositionRow | None) -> bool:
    """Whether a stop stands on the profit side of the entry; where one of the two is not known, it is taken not to.

    The entry is what the exchange says, or else what we know, or else the price that the signal saw.
    """
    entry = position.avg_px_open
    if entry is None and row is not None:
        entry = row.avg_px_open or row.signal_price
    if order.trigger_price is None or entry is None:
        return False
    return not is_losing_side(position.side, order.trigger_price, entry)


def _locks_profit(order: OrderReport, position: PositionReport, row: PositionRow | None) -> bool:
    """Whether a stop beyond the entry is meant to stand there: it trails, we were told, or the price is past it."""
    if order.kind is OrderKind.TRAILING_STOP:
        return True
    if row is not None and row.stop_locks_profit and row.stop_order_id == order.order_id:
        return True
    if order.trigger_price is None or position.mark_price is None:
        return False
    return is_losing_side(position.side, order.trigger_price, position.mark_price)


def _covered(stops: Sequence[OrderReport], position: PositionReport) -> Decimal:
    return sum((position.at_once if stop.quantity is None else stop.quantity for stop in stops), _ZERO)


def moved_stop(row: PositionRow, cover: StopCoverage) -> OrderReport | None:
    """The stop that the exchange holds in place of the one on record; None when that is still the one.

    A stop whose price the exchange does not say cannot be taken over; it is only known to be there.
    """
    for stop in cover.stops[:1]:
        if stop.trigger_price is None:
            return None
        return None if _is_on_record(row, stop, cover.position.quantity) else stop
    return None


def _is_on_record(row: PositionRow, stop: OrderReport, held: Decimal) -> bool:
    if not row.stop_confirmed or (row.stop_order_id, row.stop_price) != (stop.order_id, stop.trigger_price):
        return False
    if row.stop_quantity is None:
        return stop.quantity is None or stop.quantity >= held
    return row.stop_quantity == stop.quantity


def is_lost(row: PositionRow, cover: StopCoverage) -> bool:
    """Whether the stop on record is gone, and nothing took its place."""
    if not row.stop_confirmed or cover.stops or cover.position.stop_price is not None:
        return False
    return all(row.stop_order_id not in (None, order.order_id) for order in cover.wrong_side)
