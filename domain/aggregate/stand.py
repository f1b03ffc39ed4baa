"""How a cycle stood when the exchange's word was last taken for it, and what fills that are told since make of that."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from domain import events as e
from domain.aggregate.exits.unexplained import Unexplained
from domain.alteration import TypedStruct, altered
from domain.holding import ZERO, Holding
from domain.orders.cycle_orders import Entered, Orders, no_orders
from domain.orders.order import CLOCKS_APART, Order
from domain.values import EXACT, difference_of


class Stand(TypedStruct, frozen=True, gc=False):
    """How a cycle stood when the exchange's word was last taken for it; in the beginning, with nothing.

    `opening`: what it began with where no order of it entered that, as if an order had: adopted, imported, or the rest
    of a fill that turned another. What is told of orders of before makes that up. `paid`: the fees that took a part of
    what was filled. `is_by_fills`: all that it holds was in there or filled by its orders, at what these cost; not so
    where somebody chose its average. `is_corrected`: a quantity was corrected, or an average for fills that were
    told since. `unexplained`: what had been closed without a fill by then.
    """

    holding: Holding = Holding()
    orders: Orders = msgspec.field(default_factory=no_orders)
    opening: Order = Order(name="entry.0")
    paid: Decimal = ZERO
    is_by_fills: bool = True
    is_corrected: bool = False
    unexplained: Decimal = ZERO

    @classmethod
    def at_opening(cls, event: e.PositionAdopted | e.PositionImported, held: Holding, orders: Orders) -> Stand:
        """Of a cycle that begins with something that no order of it entered."""
        opening = Order(name="entry.0", stated_qty=held.quantity, stated_worth=held.cost, stated_at=event.said_at)
        return cls(held, orders, opening)

    @property
    def gives_way(self) -> bool:
        """Whether that word stood for fills that nobody had told, and yields to them."""
        return self.is_by_fills and self.is_corrected

    def entered(self, orders: Orders) -> Entered:
        """What is known to be entered: by orders, and what it began with as far as these do not tell of that."""
        told = altered(self.opening, stated_qty=ZERO, stated_worth=ZERO)
        entered = orders.entered().with_order(self.opening).without(told)
        return entered._replace(quantity=EXACT.subtract(entered.quantity, self.paid))

    def paying(self, fee: Decimal) -> Stand:
        """The same after a fee that was paid out of what was filled."""
        return altered(self, paid=EXACT.add(self.paid, fee))

    def knowing(self, before: Order, after: Order, absorbed: Decimal, at: datetime, *, is_seen: bool) -> Stand:
        """The same once an entry order is known better; what was counted of it by then shows what that stood for."""
        if not is_seen and not absorbed:
            return self
        opening, began_at = self.opening, self.opening.stated_at
        more = difference_of(after.worth, before.worth)
        if began_at is not None and at <= began_at + CLOCKS_APART and more is not None:
            opening = opening.with_fill(EXACT.subtract(after.filled_qty, before.filled_qty), more)
        return altered(self, opening=opening, is_corrected=True)

    def may_explain(self, told: Decimal) -> Decimal:
        """How much of what was closed without a fill a fill of before may be; what went later was held then."""
        return min(told, self.unexplained) if self.gives_way else told

    def then(
        self, event: e.PositionAdjusted | e.RollbackFailed, held: Holding, orders: Orders, left: Unexplained
    ) -> Stand:
        """After the exchange's word was taken again, while so much is not explained."""
        is_chosen = isinstance(event, e.PositionAdjusted) and event.is_chosen
        is_same = isinstance(event, e.PositionAdjusted) and event.new_quantity == event.old_quantity
        return Stand(
            held,
            orders,
            self.opening,
            self.paid,
            is_by_fills=self.is_by_fills and not is_chosen,
            is_corrected=self.is_corrected or not is_same,
            unexplained=left.qty,
        )
