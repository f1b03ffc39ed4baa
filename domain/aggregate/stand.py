"""How a cycle stood at its last adjustment, and what fills that are recorded later change about that."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from domain import events as e
from domain.alteration import TypedStruct, altered
from domain.holding import Holding
from domain.orders.cycle_orders import Filled, Orders, no_orders
from domain.orders.order import Order, may_be_by
from domain.values import EXACT, ZERO, difference_of


class Stand(TypedStruct, frozen=True, gc=False):
    """How a cycle stood at its last adjustment (or failed rollback); before the first one, how it opened.

    `opening`: what the cycle opened with without an entry order (adopted, imported, or the rest of a fill that closed
    another cycle), in the form of an order; fills from before the opening are part of its total. `paid`: the fees that
    were paid from what was filled. `is_by_fills`: everything held is from the opening or from fills of entry orders, at
    their cost; false once somebody chose the average. `is_corrected`: an adjustment changed the quantity, or the
    average for fills that were recorded later. `untold`: the quantity that had been closed without a fill by then, and
    was not explained. `is_adjusted`: whether there was an adjustment of the quantity. `is_priced`: whether the exchange
    ever said an average of its own. `doubted`: what exits that happened later closed beyond what was held, and what
    therefore counts as gone at the adjustment.
    """

    holding: Holding = Holding()
    orders: Orders = msgspec.field(default_factory=no_orders)
    opening: Order = Order(name="entry.0")
    paid: Decimal = ZERO
    is_by_fills: bool = True
    is_corrected: bool = False
    untold: Decimal = ZERO
    is_adjusted: bool = False
    is_priced: bool = False
    doubted: Decimal = ZERO

    @classmethod
    def at_opening(cls, event: e.PositionAdopted | e.PositionImported, held: Holding, orders: Orders) -> Stand:
        """For a cycle that opens with a position that none of its orders entered."""
        opening = Order(name="entry.0", stated_qty=held.quantity, stated_worth=held.cost, stated_at=event.said_at)
        return cls(held, orders, opening, is_priced=True)

    @property
    def gives_way(self) -> bool:
        """Whether the adjustment stood in for fills that were missing, and is superseded by them."""
        return self.is_by_fills and self.is_corrected

    def entered(self, orders: Orders) -> Filled:
        """What was entered: by the orders, and by the opening without the fills of orders that are part of it."""
        told = altered(self.opening, stated_qty=ZERO, stated_worth=ZERO)
        entered = orders.entered().with_change(told, self.opening)
        return entered._replace(quantity=EXACT.subtract(entered.quantity, self.paid))

    def paying(self, fee: Decimal) -> Stand:
        """The same after a fee that was paid from what was filled."""
        return altered(self, paid=EXACT.add(self.paid, fee))

    def knowing(self, before: Order, after: Order, absorbed: Decimal, at: datetime, *, is_seen: bool) -> Stand:
        """The same after news of an entry order; an adjustment that counted any of it stood in for missing fills."""
        if not is_seen and not absorbed:
            return self
        opening, began_at = self.opening, self.opening.stated_at
        more = difference_of(after.worth, before.worth)
        if began_at is not None and may_be_by(at, began_at) and more is not None:
            opening = opening.with_fill(EXACT.subtract(after.filled_qty, before.filled_qty), more)
        return altered(self, opening=opening, is_corrected=True)

    def doubting(self, qty: Decimal) -> Stand:
        """The same after an exit that happened later closed more than was held."""
        return altered(self, doubted=EXACT.add(self.doubted, qty))

    def believing(self, qty: Decimal) -> Stand:
        """The same after a part of what is doubted turned out to be closed after the adjustment."""
        return altered(self, doubted=max(ZERO, EXACT.subtract(self.doubted, qty)))

    def may_explain(self, untold: Decimal) -> Decimal:
        """How much of what was closed without a fill may be a fill from before the adjustment."""
        return min(untold, self.untold) if self.gives_way else untold

    def then(
        self, event: e.PositionAdjusted | e.RollbackFailed, held: Holding, orders: Orders, untold: Decimal
    ) -> Stand:
        """After another adjustment; `untold` is what was closed without a fill and is not explained by then.

        An adjustment of the average alone changes nothing of what the last one of the quantity had counted.
        """
        is_of_price = isinstance(event, e.PositionAdjusted) and event.price_only
        is_chosen = isinstance(event, e.PositionAdjusted) and event.is_chosen
        is_same = isinstance(event, e.PositionAdjusted) and event.new_quantity == event.old_quantity
        is_priced = isinstance(event, e.PositionAdjusted) and event.new_avg_px_open != event.old_avg_px_open
        return Stand(
            held,
            orders,
            self.opening,
            self.paid,
            is_by_fills=self.is_by_fills and not is_chosen,
            is_corrected=self.is_corrected or not is_same,
            untold=self.untold if is_of_price else untold,
            is_adjusted=self.is_adjusted or not is_of_price,
            is_priced=self.is_priced or is_priced,
            doubted=self.doubted if is_of_price else ZERO,
        )
