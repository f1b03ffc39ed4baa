"""What was closed without a fill that says so: by a price that was stated, or by none."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from domain.alteration import TypedStruct
from domain.holding import ZERO, Holding
from domain.instrument import Instrument
from domain.values import EXACT, Side, rounded


class Unexplained(TypedStruct, frozen=True, gc=False):
    """The part of what was closed that exit fills may still explain; once they do, profit is what they say.

    `unpriced_qty` was closed at a price that nobody said, and is explained first. While there is some, `known_proceeds`
    and `known_pnl` are those of all other exits, and None where not even those are known.
    """

    stated_qty: Decimal = ZERO
    stated_proceeds: Decimal = ZERO
    unpriced_qty: Decimal = ZERO
    unpriced_cost: Decimal | None = ZERO
    known_proceeds: Decimal | None = ZERO
    known_pnl: Decimal | None = ZERO

    @property
    def qty(self) -> Decimal:
        """All of it."""
        return EXACT.add(self.stated_qty, self.unpriced_qty)

    def with_closing(self, before: Holding, after: Holding) -> Unexplained:
        """Add what was closed between two totals of a cycle."""
        closed = EXACT.subtract(after.closed_qty, before.closed_qty)
        if closed <= 0:
            return self
        if before.proceeds is not None and after.proceeds is not None:
            stated = EXACT.add(self.stated_proceeds, EXACT.subtract(after.proceeds, before.proceeds))
            return replace(self, stated_qty=EXACT.add(self.stated_qty, closed), stated_proceeds=stated)
        known = (self.known_proceeds, self.known_pnl) if self.unpriced_qty else (before.proceeds, before.realized_pnl)
        return replace(
            self,
            unpriced_qty=EXACT.add(self.unpriced_qty, closed),
            unpriced_cost=_sum(self.unpriced_cost, _difference(before.cost, after.cost)),
            known_proceeds=known[0],
            known_pnl=known[1],
        )

    def with_exit(
        self, before: Holding, closed: Decimal, brought: Decimal, side: Side, terms: Instrument
    ) -> Unexplained:
        """Know of an exit of what was still open, or of a part of it, while something is not explained."""
        if not self.unpriced_qty:
            return self
        return self._known(brought, before.released(closed), side, terms)

    def _known(self, brought: Decimal, released: Decimal | None, side: Side, terms: Instrument) -> Unexplained:
        gained = None if released is None else terms.gain(side, released, brought)
        return replace(
            self,
            known_proceeds=_sum(self.known_proceeds, brought),
            known_pnl=_sum(self.known_pnl, gained),
        )

    def explained(
        self, held: Holding, side: Side, qty: Decimal, brought: Decimal, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """Let an exit fill explain a part of it (at most all): what is left of it, and the totals."""
        now = min(qty, self.unpriced_qty)
        worth = _share(brought, now, qty)
        left, totals = self._priced(held, side, now, worth, terms) if now else (self, held)
        rest = EXACT.subtract(qty, now)
        return left.restated(totals, side, rest, EXACT.subtract(brought, worth), terms) if rest else (left, totals)

    def _priced(
        self, held: Holding, side: Side, qty: Decimal, brought: Decimal, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """What a fill says of what was closed at a price that nobody said; when it is all, the totals are known."""
        cost = None if self.unpriced_cost is None else _share(self.unpriced_cost, qty, self.unpriced_qty)
        left = replace(
            self._known(brought, cost, side, terms),
            unpriced_qty=EXACT.subtract(self.unpriced_qty, qty),
            unpriced_cost=_difference(self.unpriced_cost, cost),
        )
        if left.unpriced_qty:
            return left, held
        totals = replace(held, proceeds=left.known_proceeds, realized_pnl=left.known_pnl)
        return replace(left, unpriced_cost=ZERO), totals

    def restated(
        self, held: Holding, side: Side, qty: Decimal, brought: Decimal, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """What a fill says of what was closed at a price that was stated: by how much it brought more."""
        stated = _share(self.stated_proceeds, qty, self.stated_qty)
        more = EXACT.subtract(brought, stated)
        left = replace(
            self,
            stated_qty=EXACT.subtract(self.stated_qty, qty),
            stated_proceeds=EXACT.subtract(self.stated_proceeds, stated),
        )
        gained = terms.gain(side, ZERO, more)
        return left, replace(held, proceeds=_sum(held.proceeds, more), realized_pnl=_sum(held.realized_pnl, gained))


def _share(whole: Decimal, qty: Decimal, of: Decimal) -> Decimal:
    if qty == of:
        return whole
    return rounded(EXACT.divide(EXACT.multiply(whole, qty), of))


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else EXACT.add(one, other)


def _difference(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else EXACT.subtract(one, other)
