"""Counting: what an order adds to the totals of its cycle, by a fill or by a statement of the exchange."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from domain.holding import ZERO, Holding
from domain.instrument import Instrument
from domain.order import Order, worth_of
from domain.values import EXACT, Side


@dataclass(frozen=True)
class EntryCount:
    """How an entry order changed, and how the totals stood before.

    `absorbed`: what an adjustment had counted of it, all of it when `is_seen`. `others`: the other entry orders, for
    the cost of all of them together once it becomes known; None where an adjustment made the cost another one.
    """

    before: Order
    after: Order
    held: Holding
    side: Side
    terms: Instrument
    absorbed: Decimal = ZERO
    is_seen: bool = False
    others: tuple[Order, ...] | None = ()

    @property
    def added(self) -> Decimal:
        """What the position grows by."""
        grown = EXACT.subtract(self.after.filled_qty, self.before.filled_qty)
        return EXACT.subtract(grown, self.absorbed)

    def by_fill(self, qty: Decimal, worth: Decimal) -> Holding:
        """The totals after a fill: it may explain what was counted by a statement, or come on top.

        What an adjustment has counted changes nothing.
        """
        if self.is_seen or (self.absorbed and not self.added):
            return self.held
        explained = max(ZERO, EXACT.subtract(EXACT.subtract(qty, self.absorbed), self.added))
        return replace(
            self._grown(qty, worth),
            uncounted_qty=max(ZERO, EXACT.subtract(self.held.uncounted_qty, explained)),
            traded_cost=EXACT.add(self.held.traded_cost, worth),
        )

    def by_statement(self) -> Holding:
        """The totals after the exchange stated what was filled of the order."""
        if self.is_seen or (self.absorbed and not self.added):
            return self.held
        grown = self._grown(self.after.filled_qty, self.after.stated_worth)
        return replace(grown, uncounted_qty=EXACT.add(grown.uncounted_qty, max(ZERO, self.added)))

    def _grown(self, qty: Decimal, worth: Decimal | None) -> Holding:
        if self.absorbed:
            share = None if worth is None else _share(worth, self.added, qty)
            return self.held.entered(self.side, self.added, share, self.terms) if self.added else self.held
        if self.held.cost is None and self.held.closed_qty == 0 and self.others is not None:
            grown = self.held.entered(self.side, self.added, None, self.terms)
            return grown.costing(worth_of((*self.others, self.after)), self.terms)
        if self.before.worth is None or self.after.worth is None:
            is_known = self.after.worth is not None or not self.added
            if is_known and self.held.cost is not None:
                return self.held.entered(self.side, self.added, ZERO, self.terms)
            return self.held.entered(self.side, self.added, None, self.terms)
        more = EXACT.subtract(self.after.worth, self.before.worth)
        return self.held.entered(self.side, self.added, more, self.terms)


def _share(worth: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return worth if part == whole else EXACT.divide(EXACT.multiply(worth, part), whole)


def exit_counted(held: Holding, before: Order, after: Order, side: Side, terms: Instrument) -> Holding:
    """The totals after an order that closes was filled further, or what its fills brought became known better."""
    closed = EXACT.subtract(after.filled_qty, before.filled_qty)
    if before.worth is None or after.worth is None:
        return held.with_exit(side, closed, None, terms) if closed else held
    brought = EXACT.subtract(after.worth, before.worth)
    if closed:
        return held.with_exit(side, closed, brought, terms)
    if not brought:
        return held
    gained = terms.gain(side, ZERO, brought)
    return replace(
        held,
        proceeds=None if held.proceeds is None else EXACT.add(held.proceeds, brought),
        realized_pnl=None if held.realized_pnl is None else EXACT.add(held.realized_pnl, gained),
    )
