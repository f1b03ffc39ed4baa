"""What a cycle closed, told by its orders or not, and what follows from that where a price was missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.aggregate.exits.closing_fees import NO_CLOSING_FEES, ClosingFees
from domain.aggregate.exits.exit_count import ExitCount, part_of
from domain.alteration import TypedStruct, altered
from domain.holding import Holding
from domain.instrument import LINEAR, Instrument
from domain.orders.cycle_orders import Filled, Orders
from domain.orders.order import Order
from domain.values import EXACT, ZERO, Side, difference_of, sum_of

_UNNAMED: Final = Order(name="exit")


class CycleExits(TypedStruct, frozen=True, gc=False):
    """What a cycle closed without a fill, and what else of its exits is told by none of its orders.

    `unpriced_qty` was closed at a price that nobody said, `stated_qty` at a stated one, for `stated_worth`; fills that
    are recorded later explain the first before the second, and change neither. `unnamed`: the exit fills that belong to
    no order, in the form of one. `released`: what all that was closed had cost, kept while profit is not known; None if
    it is not known either. `opening`: the totals that the cycle opened with.
    """

    side: Side = Side.LONG
    terms: Instrument = LINEAR
    opening: Holding = Holding()
    unpriced_qty: Decimal = ZERO
    stated_qty: Decimal = ZERO
    stated_worth: Decimal = ZERO
    unnamed: Order = _UNNAMED
    released: Decimal | None = ZERO
    dust_cost: Decimal | None = ZERO
    """The cost of the dust that the cycle left."""
    fees: ClosingFees = NO_CLOSING_FEES

    @property
    def qty(self) -> Decimal:
        """The whole quantity that was closed without a fill, explained or not."""
        return EXACT.add(self.unpriced_qty, self.stated_qty)

    def order(self, name: str | None, orders: Orders) -> Order:
        """The order of a name, which may be a new one; without a name the fills that belong to none."""
        return self.unnamed if name is None else orders.get(name) or Order(name=name)

    def untold(self, held: Holding, orders: Orders) -> Decimal:
        """The quantity that was closed without a fill, and that no fill or total of an order has explained."""
        if not self.unpriced_qty and not self.stated_qty:
            return ZERO
        return max(ZERO, min(self.qty, self._beyond(self._told(orders), held)))

    def _told(self, orders: Orders) -> Filled:
        return orders.closed().with_order(self.unnamed)

    def _beyond(self, told: Filled, held: Holding) -> Decimal:
        """What was closed beyond what is told."""
        return EXACT.subtract(EXACT.subtract(held.closed_qty, self.opening.closed_qty), told.quantity)

    def with_unnamed(self, qty: Decimal, px: Decimal) -> CycleExits:
        """After a fill that belongs to no order."""
        return altered(self, unnamed=self.unnamed.with_fill(qty, self.terms.recorded_worth(qty, px)))

    def with_closing(self, before: Holding, after: Holding, brought: Decimal | None = None) -> CycleExits:
        """After something was closed without a fill; `brought` is its stated worth, if the totals do not show that."""
        closed = EXACT.subtract(after.closed_qty, before.closed_qty)
        if closed <= 0:
            return self
        known = self.with_released(before, after, difference_of(before.cost, after.cost))
        worth = difference_of(after.proceeds, before.proceeds) if brought is None else brought
        if worth is None:
            return altered(known, unpriced_qty=EXACT.add(self.unpriced_qty, closed))
        qty, total = EXACT.add(self.stated_qty, closed), EXACT.add(self.stated_worth, worth)
        return altered(known, stated_qty=qty, stated_worth=total)

    def with_released(self, before: Holding, after: Holding, released: Decimal | None) -> CycleExits:
        """After an exit that released a cost; the sum of these costs is kept while profit is not known."""
        if after.proceeds is not None and after.realized_pnl is not None:
            return self
        return altered(self, released=sum_of(self._released_by(before), released))

    def _released_by(self, held: Holding) -> Decimal | None:
        """What all that was closed had cost: proceeds less profit, where these are known."""
        brought, gained = difference_of(held.proceeds, self.opening.proceeds), held.gained_since(self.opening)
        if brought is None or gained is None:
            return self.released
        return EXACT.subtract(brought, self.terms.gain(self.side, ZERO, gained))

    def counted(self, held: Holding, count: ExitCount, brought: Decimal | None, orders: Orders) -> Holding:
        """The totals after an exit, or after its correction.

        `orders` are those after it; `brought` is how much more they are worth, None where that is not known.
        """
        released = count.cost
        gained = None if released is None or brought is None else self.terms.gain(self.side, released, brought)
        totals = altered(
            held,
            quantity=EXACT.subtract(held.quantity, count.closed),
            filled_qty=EXACT.add(held.filled_qty, count.gone),
            cost=difference_of(held.cost, count.released),
            closed_qty=EXACT.add(EXACT.add(held.closed_qty, count.closed), count.gone),
            proceeds=sum_of(held.proceeds, brought),
            realized_pnl=sum_of(held.realized_pnl, gained),
        )
        if count.closed < 0:
            totals = totals.costing(totals.cost, self.terms)
        is_all_told = totals.proceeds is not None and not self.unpriced_qty and not self.stated_qty
        if is_all_told and totals.realized_pnl is not None:
            return totals
        total = sum_of(self._released_by(held), released)
        return totals if is_all_told and total is None else self._derived(totals, total, orders)

    def _derived(self, held: Holding, released: Decimal | None, orders: Orders) -> Holding:
        """The totals with the worth of all that orders and fills tell, and of what was closed at a stated price.

        It is not known where a price is missing, or where old events counted what their orders do not tell.
        """
        told = self._told(orders)
        untold = self._beyond(told, held)
        if told.worth is None or not ZERO <= untold <= self.stated_qty:
            return altered(held, proceeds=None, realized_pnl=None)
        brought = sum_of(told.worth, part_of(self.stated_worth, untold, self.stated_qty))
        totals = held
        if not held.quantity and held.cost:  # became known when all was closed
            released, totals = sum_of(released, held.cost), altered(held, cost=ZERO)
        gained = None if released is None or brought is None else self.terms.gain(self.side, released, brought)
        return altered(
            totals,
            proceeds=sum_of(self.opening.proceeds, brought),
            realized_pnl=sum_of(self.opening.realized_pnl, gained),
        )
