"""Counting a fill or statement of a closing order: what it closes now, and what closed before it explains."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from domain.aggregate.exits.unexplained import Unexplained, share_of
from domain.alteration import TypedStruct, altered
from domain.holding import ZERO, Holding
from domain.instrument import Instrument
from domain.orders.cycle_orders import Orders, counted_without_price
from domain.orders.order import Order
from domain.values import EXACT, Side, difference_of


class ExitCount(TypedStruct, frozen=True, gc=False):
    """How a quantity of a closing order, and what it brought, is counted.

    `explains` was closed before without a fill, `exits` is closed now. The rest was counted by a statement of the same
    order at a price, so that only the proceeds change.
    """

    before: Order
    after: Order
    qty: Decimal
    brought: Decimal | None
    explains: Decimal = ZERO
    exits: Decimal = ZERO
    past: Decimal = ZERO
    """The quantity that an adjustment had counted as gone already."""
    retold: Decimal = ZERO
    """The quantity that a statement had counted at a price, and a later one states without a price."""

    @classmethod
    def of_fill(cls, before: Order, qty: Decimal, brought: Decimal, unexplained: Unexplained) -> Self:
        """Count a fill; it explains what a statement of its order had counted without a price."""
        after = before.with_fill(qty, brought)
        if not before.stated_qty:
            return cls(before, after, qty, brought, exits=qty)
        grown = EXACT.subtract(after.filled_qty, before.filled_qty)
        stated = EXACT.subtract(qty, grown) if before.worth is None else ZERO
        return cls(before, after, qty, brought, min(stated, unexplained.unpriced_qty), grown)

    @classmethod
    def of_statement(cls, before: Order, after: Order, unexplained: Unexplained) -> Self:
        """Count a statement; with a price it explains what an earlier one had counted without, as far as no fill has.

        One without a price withdraws the price of an earlier one, which was the price of a part of the total only.
        """
        grown = EXACT.subtract(after.filled_qty, before.filled_qty)
        told = EXACT.subtract(before.filled_qty, before.traded_qty)
        if before.worth is not None or after.worth is None:
            brought = difference_of(after.worth, before.worth)
            retold = ZERO if before.worth is None or after.worth is not None else told
            return cls(before, after, grown, brought, exits=grown, retold=retold)
        brought = EXACT.subtract(after.worth, before.traded_worth)
        return cls(before, after, EXACT.add(told, grown), brought, min(told, unexplained.unpriced_qty), grown)

    def as_recorded(self, closed: Decimal, less: Decimal, left: Decimal) -> ExitCount:
        """The same, as in an event that closed `closed` and reduced the position by `less`, with `left` unexplained."""
        if less < closed:
            count = self.beyond(EXACT.subtract(closed, less), left)
            return altered(count, exits=min(count.exits, max(less, ZERO)))  # a history says what no rule would
        more = min(EXACT.subtract(self.exits, closed), left, EXACT.subtract(self.qty, self.explains))
        return altered(self.explaining(max(more, ZERO)), exits=closed)

    def may_explain(self, unexplained: Unexplained, orders: Orders) -> Decimal:
        """How much more of what was closed before it may be: what statements of orders counted is theirs, and no more.

        So it is of its own order: what that counted without a price is a part of its total, which has grown beyond it.
        """
        counted = EXACT.add(counted_without_price(orders, self.before.name), max(self.explains, self._own_counted))
        return max(ZERO, EXACT.subtract(unexplained.qty, counted))

    @property
    def _own_counted(self) -> Decimal:
        """What a statement of the order had counted without a price, and no fill has told since."""
        return ZERO if self.before.worth is not None else EXACT.subtract(self.before.filled_qty, self.before.traded_qty)

    @property
    def is_new(self) -> bool:
        """Whether it says more than a statement of its order at a price."""
        return bool(self.exits) or (self.before.worth is None and not self.explains)

    def counted_as_gone(self) -> ExitCount:
        """The same where an adjustment had counted it: what it brought is all that is new."""
        return altered(self, past=self.qty if self.before.worth is None else self.exits, exits=ZERO, explains=ZERO)

    def beyond(self, gone: Decimal, told: Decimal) -> ExitCount:
        """The same, of which an adjustment had counted at most `gone`, and which may explain at most `told`."""
        past = min(self.exits, gone)
        if past == self.exits:
            return self.counted_as_gone()
        left = altered(self, past=past, exits=EXACT.subtract(self.exits, past))
        return left.explaining(min(left.exits, told))

    def explaining(self, qty: Decimal) -> ExitCount:
        """The same, of which so much more was closed before: it closes nothing, and at a price it explains that."""
        explains = self.explains if self.brought is None else EXACT.add(self.explains, qty)
        return altered(self, explains=explains, exits=EXACT.subtract(self.exits, qty))

    def counted(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument
    ) -> tuple[Holding, Unexplained]:
        """The totals with it, and what is not explained then."""
        totals, left, told = held, unexplained, ZERO
        if self.retold:
            left, totals = self._price_taken_back(totals, left, side, terms)
        if self.past:
            totals, left = self._gone(totals, left, side, terms)
            if not self.exits and not self.explains:
                return totals, left
            told = self._share(self.past)
        if self.explains:
            worth = self._share(self.explains)
            left, totals = left.explained(totals, side, self.explains, worth, terms)
            told = EXACT.add(told, worth)
        brought = self._brought_beside(told) if self.past or self.explains or self.before.stated_qty else self.brought
        if self.exits:
            closed = totals.with_exit(side, self.exits, brought, terms)
            if brought is None:
                return closed, left.with_closing(totals, closed)
            return closed, left.with_exit(totals, self.exits, brought, side, terms)
        if brought:
            left, totals = left.shifted(totals, brought, terms.gain(side, ZERO, brought))
        return totals, left

    def _gone(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument
    ) -> tuple[Holding, Unexplained]:
        """The totals with what an adjustment had counted; it is known beside what is not explained."""
        if self.brought is None:
            return held, unexplained
        brought = self._share(self.past)
        cost = None if held.avg_px_open is None else terms.worth(self.past, held.avg_px_open)
        left, _ = unexplained.shifted(held, brought, None if cost is None else terms.gain(side, cost, brought))
        return held.with_past_exit(side, self.past, brought, terms), left

    def _share(self, qty: Decimal) -> Decimal:
        """The proceeds of a part of it, if they are known."""
        return ZERO if self.brought is None else share_of(self.brought, qty, self.qty)

    def _price_taken_back(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """What is told again, closed at a price that nobody said; what it had cost is taken by the average."""
        assert self.before.worth is not None, "it was told at a price"
        worth = EXACT.subtract(self.before.worth, self.before.traded_worth)
        cost = None if held.avg_px_open is None else terms.worth(self.retold, held.avg_px_open)
        again = Unexplained(unpriced_qty=self.retold, unpriced_cost=cost)
        return unexplained.taken_back(held, side, again, worth, terms)

    @property
    def _counted_qty(self) -> Decimal:
        return EXACT.add(EXACT.add(self.explains, self.exits), self.past)

    def _brought_beside(self, told: Decimal) -> Decimal | None:
        """What it brought beside what explains; where a part was stated at a price before, by how much more."""
        if self.brought is None or (self.before.worth is None and self._counted_qty != self.qty):
            return None
        is_priced = self.before.worth is not None and self.after.worth is not None
        known = difference_of(self.after.worth, self.before.worth) if is_priced else self.brought
        return difference_of(known, told)
