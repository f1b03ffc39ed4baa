"""Comparing recorded stops with those at the exchange: which are unchanged, which moved, and which are gone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from domain.orders.cycle_orders import stops_left
from domain.orders.order import Order
from projections.account_snapshot import OrderReport
from projections.positions import PositionRow
from projections.reconciliation.stop_orders import StopCoverage


class Moved(NamedTuple):
    """A stop at the exchange that is not recorded as it is.

    Shape: `order` is None for a stop that is a property of the position; `was` is None for a stop that is new.
    """

    order: OrderReport | None
    was: Order | None


@dataclass(frozen=True, slots=True)
class StopChanges:
    """The changes of a position's stops that the ledger has not recorded."""

    moved: tuple[Moved, ...] = ()
    lost: tuple[Order, ...] = ()


def stop_changes(row: PositionRow | None, cover: StopCoverage) -> StopChanges:
    """Compare the recorded stops with those at the exchange; without a row, no stops are recorded.

    Shape: stops are matched by their ids. Those that remain on both sides are paired in order, because a stop that was
           replaced has another id. A stop whose price the exchange does not state exists, but cannot be recorded.
    """
    here = {order.order_id: order for order in (*cover.stops, *cover.wrong_side)}
    recorded = [] if row is None else stops_left(row.orders)
    found = [(here[id_], stop) for stop in recorded if (id_ := stop.exchange_order_id or "") in here]
    known = {order.order_id for order, _ in found}
    moved = [Moved(order, stop) for order, stop in found if order in cover.stops]
    gone = [stop for stop in recorded if stop.exchange_order_id not in known]
    new = [order for order in cover.stops if order.order_id not in known]
    own = cover.position.stop_price
    if own is not None:  # some exchanges show it as an order, too: then it is that order, unless recorded as attached
        was = next((stop for stop in gone if stop.attached), None)
        if was is not None:
            new = [order for order in new if order.trigger_price != own]
            moved.append(Moved(None, was))
        elif all(order.trigger_price != own for order in cover.stops):
            was = next(iter(gone), None)
            moved.append(Moved(None, was))
        gone = [stop for stop in gone if stop is not was]
    pairs = [*zip(new, gone, strict=False)]
    moved += [Moved(order, was) for order, was in pairs]
    if not cover.is_doubled:
        moved += [Moved(order, None) for order in new[len(pairs) :]]
    elif not recorded:
        moved += [Moved(order, None) for order in new[:1]]
    lost = gone[len(pairs) :]
    if cover.wrong_side:  # one of them may be a recorded stop without an id
        lost = [stop for stop in lost if stop.exchange_order_id is not None]
    first = next((each for each in moved if _is_for_all(each)), None)
    kept = [each for each in moved if each.was is not None or not _is_for_all(each) or each is first]
    return StopChanges(tuple(each for each in kept if not _is_on_record(each, cover)), tuple(lost))


def _is_for_all(moved: Moved) -> bool:
    """Whether it closes whatever is held; the ledger keeps only the latest such stop."""
    return moved.order is None or moved.order.quantity is None


def to_note(cover: StopCoverage) -> tuple[OrderReport, ...]:
    """The stop orders to record with an adopted position, in addition to a stop that is a property of it."""
    return tuple(each.order for each in stop_changes(None, cover).moved if each.order is not None)


def unpriced_stops(row: PositionRow, cover: StopCoverage) -> tuple[OrderReport, ...]:
    """The stops without which the ledger calls a position unprotected, and of which no price is said to note."""
    if row.protected or row.protection == "bot":
        return ()
    recorded = {stop.exchange_order_id for stop in row.orders.live("stop")}
    return tuple(each for each in cover.stops if each.trigger_price is None and each.order_id not in recorded)


def _is_on_record(moved: Moved, cover: StopCoverage) -> bool:
    """Whether nothing has to be recorded about it; a stop without a stated price cannot be recorded."""
    order, was = moved
    if order is None:
        return was is not None and was.price == cover.position.stop_price
    if order.trigger_price is None:
        return True
    if was is None or (was.exchange_order_id, was.price) != (order.order_id, order.trigger_price):
        return False
    return _same_quantity(was, order, cover.position.quantity)


def _same_quantity(was: Order, order: OrderReport, held: Decimal) -> bool:
    if was.room is None:
        return order.left is None or order.left >= held
    if order.left is None and was.filled_qty:  # one that was hit stays one with a quantity
        return was.room >= held
    return order.left == was.room or (not order.filled_qty and order.quantity == was.requested_qty)
