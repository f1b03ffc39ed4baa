"""The totals that the exchange stated of the orders of a cycle: when, and how much of them no fill tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from domain.orders.order import Order
from domain.values import EPOCH, EXACT, ZERO


@dataclass
class StatedTotals:
    """What is known of the totals of orders, by the names of the orders."""

    stated_at: dict[str, datetime] = field(default_factory=dict)
    """When the exchange last stated the total that is known of an order."""
    since: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    """What totals told of an entry order since the last adjustment, and no fill tells.

    The first number is the part that the adjustment had counted, the second the part that was added to what is held.
    """

    def state(self, before: Order | None, after: Order, said: Decimal, at: datetime) -> None:
        """Note when the total of an order was stated; one that is less than is known says nothing of that."""
        if said == after.stated_qty:
            is_known = before is not None and before.stated_qty == said
            known = self.stated_at.get(after.name, EPOCH) if is_known else EPOCH
            self.stated_at[after.name] = max(known, at)

    def grow(self, name: str, counted: Decimal, added: Decimal) -> None:
        """Note what a total told of an entry order, beyond what was known of it."""
        counted_before, added_before = self.since.get(name, (ZERO, ZERO))
        self.since[name] = EXACT.add(counted_before, counted), EXACT.add(added_before, added)

    def tell(self, name: str, told: Decimal, withdrawn: Decimal | None) -> None:
        """Note how much of a total a fill tells.

        `withdrawn` is the part of it that is taken off what is held again, because the fill is from before the
        adjustment; None for a fill from after it, which tells as much as possible of what was added.
        """
        counted, added = self.since.get(name, (ZERO, ZERO))
        of_added = min(told, added) if withdrawn is None else withdrawn
        still_counted = max(ZERO, EXACT.subtract(counted, EXACT.subtract(told, of_added)))
        self.since[name] = still_counted, EXACT.subtract(added, of_added)

    def added_before(self, name: str, told: Decimal) -> Decimal:
        """What a total had added since the adjustment, of which a fill tells that it was of before that."""
        counted, added = self.since.get(name, (ZERO, ZERO))
        return min(max(ZERO, EXACT.subtract(told, counted)), added)

    def join(self, name: str, same_as: str) -> None:
        """Give an order the totals that are known under the name `same_as`."""
        if same_as in self.stated_at:
            self.stated_at[name] = self.stated_at.pop(same_as)
        if same_as in self.since:
            self.since[name] = self.since.pop(same_as)
