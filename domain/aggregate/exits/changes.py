"""How events change the exits of a cycle, by the totals that the events carry."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from domain import events as e
from domain.aggregate.exits.cycle_exits import CycleExits
from domain.aggregate.exits.exit_count import ExitCount, part_of
from domain.aggregate.exits.fill_on_record import FillOnRecord
from domain.alteration import altered
from domain.commands.requests import ClosingFill
from domain.holding import Holding
from domain.orders.cycle_orders import Orders
from domain.values import EXACT, ZERO, difference_of


class Change(NamedTuple):
    """Totals and orders of a cycle before and after an event, and the fee in kind that it paid (or gave back)."""

    before: Holding
    after: Holding
    orders: Orders
    orders_after: Orders
    paid: Decimal = ZERO

    @property
    def closed(self) -> Decimal:
        """How much more is closed."""
        return EXACT.subtract(self.after.closed_qty, self.before.closed_qty)

    @property
    def less(self) -> Decimal:
        """How much less is held, without the fee in kind."""
        return EXACT.subtract(EXACT.subtract(self.before.quantity, self.after.quantity), self.paid)


def after_end(exits: CycleExits, event: e.PositionClosed, before: Holding) -> CycleExits:
    """After the end of a cycle, which closed what was open, or left it as dust."""
    held, price = before.quantity, event.rest_px
    known = altered(exits, fees=exits.fees.with_end(before, event.holding))
    if event.residual_qty:
        return altered(known, dust_cost=before.cost)
    brought = None if price is None else exits.terms.recorded_worth(held, price)
    return known.with_closing(before, event.holding, brought)


def after_proof(exits: CycleExits, event: e.RolledBack, before: Holding, fills: Iterable[ClosingFill]) -> CycleExits:
    """After the end of a rollback; `fills` are those of its evidence that were not on record."""
    if not event.evidence.fills:
        return exits.with_closing(before, event.holding)
    known = exits.with_released(before, event.holding, difference_of(before.cost, event.holding.cost))
    for fill in fills:
        known = known.with_unnamed(fill.last_qty, fill.last_px)
    return known


def after_exit(exits: CycleExits, change: Change, grown: Decimal) -> tuple[CycleExits, ExitCount]:
    """After an order was filled in addition, and how that was counted."""
    closed, less = change.closed, change.less
    explained = EXACT.subtract(grown, closed) if exits.qty else ZERO
    count = ExitCount(less, difference_of(change.before.cost, change.after.cost), explained=explained)
    count = count.seen_gone(EXACT.subtract(closed, less), change.before, exits.terms)
    return exits.with_released(change.before, change.after, count.cost), count


def after_fill(
    exits: CycleExits, event: e.PositionReduced, change: Change, currency: str | None
) -> tuple[CycleExits, ExitCount, Decimal]:
    """After a fill, how that was counted, and the part of its fee that the end of the cycle had stated.

    `currency` is that of its fee; None for the one that the position is settled in.
    """
    grown = event.last_qty
    if event.order is None:
        exits = exits.with_unnamed(event.last_qty, event.last_px)
    elif exits.qty:
        before = exits.order(event.order, change.orders)
        grown = EXACT.subtract(change.orders_after[event.order].filled_qty, before.filled_qty)
    if event.residual_qty is not None:
        cost = part_of(exits.dust_cost, event.last_qty, EXACT.add(event.last_qty, event.residual_qty))
        exits = altered(exits, dust_cost=difference_of(exits.dust_cost, cost))
        count = ExitCount(gone=event.last_qty, gone_cost=cost)
        return exits.with_released(change.before, change.after, cost), count, ZERO
    exits, count = after_exit(exits, change, grown)
    if event.fee is None or currency not in exits.fees.said:
        return exits, count, ZERO
    said = exits.fees.replaced(currency, event.fee, change.before, change.after)
    return altered(exits, fees=exits.fees.less(currency, said, count.explained)), count, said


def after_correction(
    exits: CycleExits, event: e.FillCorrected, fill: FillOnRecord, change: Change, currency: str | None
) -> tuple[CycleExits, ExitCount]:
    """After the correction of a fill, and how that is counted with it; `currency` as in `after_fill`."""
    terms, untold = exits.terms, exits.untold(change.before, change.orders)
    order = exits.order(event.order, change.orders)
    was = fill.qty, terms.recorded_worth(fill.qty, fill.px)
    new = event.last_qty, terms.recorded_worth(event.last_qty, event.last_px)
    now = order.corrected(was, new, is_of_total=event.is_of_total)
    if event.order is None:
        exits = altered(exits, unnamed=now)
    grown = EXACT.subtract(now.filled_qty, order.filled_qty)
    for counted in (fill.counted, fill.counted.as_closed(), fill.counted.as_gone()):
        more = counted.corrected(grown, change.before, untold, terms)
        if more.closed == change.less:
            break
    if event.residual_qty is not None:
        exits = altered(exits, dust_cost=difference_of(exits.dust_cost, more.gone_cost))
    if not event.last_qty and fill.fee_said:
        fees = exits.fees.less(currency, EXACT.minus(fill.fee_said), EXACT.minus(fill.counted.explained))
        exits = altered(exits, fees=fees)
    return exits.with_released(change.before, change.after, more.cost), counted.and_then(more)
