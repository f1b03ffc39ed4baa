"""Which stops of the ledger are at the exchange still, which moved, and which are gone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from domain.order import Order, live
from projections.account_snapshot import OrderReport
from projections.positions import PositionRow
from projections.reconciliation.stop_orders import StopCoverage


class Moved(NamedTuple):
    """A stop at the exchange that is not on record as it is there.

    Shape: `order` is None for one that belongs to the position; `was` is None for one that is new.
    """

    order: OrderReport | None
    was: Order | None


@dataclass(frozen=True, slots=True)
class StopChanges:
    """What the ledger has not noted of the stops of a position."""

    moved: tuple[Moved, ...] = ()
    lost: tuple[Order, ...] = ()


def stop_changes(row: PositionRow, cover: StopCoverage) -> StopChanges:
    """Lay the stops on record beside those at the exchange.

    Shape: an id tells which is which; what has none on either side is paired in order, for a stop that was replaced has
           another id. One whose price the exchange does not say is there, and cannot be taken over.
    """
    here = {order.order_id: order for order in (*cover.stops, *cover.wrong_side)}
    recorded = live(row.orders, "stop")
    found = [(here[id_], stop) for stop in recorded if (id_ := stop.exchange_order_id or "") in here]
    known = {order.order_id for order, _ in found}
    moved = [Moved(order, stop) for order, stop in found if order in cover.stops]
    gone = [stop for stop in recorded if stop.exchange_order_id not in known]
    own = cover.position.stop_price  # which some exchanges show as an order as well
    new = [each for each in cover.stops if each.order_id not in known and (own is None or each.trigger_price != own)]
    if own is not None:
        shown_as_order = any(order.trigger_price == own for order in cover.stops)
        was = next((stop for stop in gone if stop.attached), None)
        if was is not None or not shown_as_order:
            was = was or next(iter(gone), None)
            moved.append(Moved(None, was))
            gone = [stop for stop in gone if stop is not was]
    pairs = [*zip(new, gone, strict=False)]
    moved += [Moved(order, was) for order, was in pairs]
    if not cover.is_doubled or not recorded:
        beside = new[len(pairs) :] if not cover.is_doubled else new[:1]
        moved += [Moved(order, None) for order in beside]
    lost = gone[len(pairs) :]
    if cover.wrong_side:  # one of them may be a stop that has no id on record
        lost = [stop for stop in lost if stop.exchange_order_id is not None]
    return StopChanges(tuple(each for each in moved if not _is_on_record(each, cover)), tuple(lost))


def _is_on_record(moved: Moved, cover: StopCoverage) -> bool:
    """Whether there is nothing to note of it; one whose price is not said is only known to be there."""
    order, was = moved
    if order is None:
        return was is not None and was.price == cover.position.stop_price
    if order.trigger_price is None:
        return True
    if was is None or (was.exchange_order_id, was.price) != (order.order_id, order.trigger_price):
        return False
    return _same_quantity(was, order.quantity, cover.position.quantity)


def _same_quantity(was: Order, quantity: Decimal | None, held: Decimal) -> bool:
    if was.requested_qty is None:
        return quantity is None or quantity >= held
    return quantity is not None and quantity in (was.requested_qty, was.room)
