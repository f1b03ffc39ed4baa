"""The quantity that was closed without a fill, at a price that was stated or at an unknown one."""

from __future__ import annotations

from decimal import Decimal

from domain.alteration import TypedStruct, altered
from domain.holding import ZERO, Holding
from domain.instrument import Instrument
from domain.values import EXACT, Side, difference_of, rounded, sum_of


class Unexplained(TypedStruct, frozen=True, gc=False):
    """The closed quantity for which exit fills may still be recorded; once they are, profit follows from them.

    `unpriced_qty` was closed at an unknown price, `stated_qty` at a price that the exchange or the bot stated. Fills
    explain the unpriced quantity first. While there is some, `known_proceeds` and `known_pnl` are those of all other
    exits; None if not even those are known.
    """

    stated_qty: Decimal = ZERO
    stated_proceeds: Decimal = ZERO
    unpriced_qty: Decimal = ZERO
    unpriced_cost: Decimal | None = ZERO
    known_proceeds: Decimal | None = ZERO
    known_pnl: Decimal | None = ZERO

    @property
    def qty(self) -> Decimal:
        """The whole unexplained quantity."""
        return EXACT.add(self.stated_qty, self.unpriced_qty)

    def with_closing(self, before: Holding, after: Holding) -> Unexplained:
        """Add the quantity that was closed between two totals of a cycle."""
        closed = EXACT.subtract(after.closed_qty, before.closed_qty)
        if closed <= 0:
            return self
        if before.proceeds is not None and after.proceeds is not None:
            stated = EXACT.add(self.stated_proceeds, EXACT.subtract(after.proceeds, before.proceeds))
            return altered(self, stated_qty=EXACT.add(self.stated_qty, closed), stated_proceeds=stated)
        known = (self.known_proceeds, self.known_pnl) if self.unpriced_qty else (before.proceeds, before.realized_pnl)
        return altered(
            self,
            unpriced_qty=EXACT.add(self.unpriced_qty, closed),
            unpriced_cost=sum_of(self.unpriced_cost, difference_of(before.cost, after.cost)),
            known_proceeds=known[0],
            known_pnl=known[1],
        )

    def with_stated(
        self, before: Holding, closed: Decimal, brought: Decimal, side: Side, terms: Instrument
    ) -> Unexplained:
        """Add a quantity that was closed at a stated price, while the price of another is unknown."""
        return altered(
            self.with_exit(before, closed, brought, side, terms),
            stated_qty=EXACT.add(self.stated_qty, closed),
            stated_proceeds=EXACT.add(self.stated_proceeds, brought),
        )

    def with_exit(
        self, before: Holding, closed: Decimal, brought: Decimal, side: Side, terms: Instrument
    ) -> Unexplained:
        """Count an exit of open quantity into the known sums, while there is unpriced quantity."""
        if not self.unpriced_qty:
            return self
        return self._known(brought, before.released(closed), side, terms)

    def _known(self, brought: Decimal, released: Decimal | None, side: Side, terms: Instrument) -> Unexplained:
        gained = None if released is None else terms.gain(side, released, brought)
        return altered(
            self,
            known_proceeds=sum_of(self.known_proceeds, brought),
            known_pnl=sum_of(self.known_pnl, gained),
        )

    def explained(
        self, held: Holding, side: Side, qty: Decimal, brought: Decimal, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """Let an exit fill explain a part, at most all: what is left, and the totals."""
        now = min(qty, self.unpriced_qty)
        worth = share_of(brought, now, qty)
        left, totals = self._priced(held, side, now, worth, terms) if now else (self, held)
        rest = EXACT.subtract(qty, now)
        return left.restated(totals, side, rest, EXACT.subtract(brought, worth), terms) if rest else (left, totals)

    def _priced(
        self, held: Holding, side: Side, qty: Decimal, brought: Decimal, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """Give unpriced quantity the price of a fill; once all of it has one, the totals are known."""
        cost = None if self.unpriced_cost is None else share_of(self.unpriced_cost, qty, self.unpriced_qty)
        left = altered(
            self._known(brought, cost, side, terms),
            unpriced_qty=EXACT.subtract(self.unpriced_qty, qty),
            unpriced_cost=difference_of(self.unpriced_cost, cost),
        )
        if left.unpriced_qty:
            return left, held
        totals = altered(held, proceeds=left.known_proceeds, realized_pnl=left.known_pnl)
        if not held.quantity and held.cost:  # became known when all was closed
            gained = sum_of(left.known_pnl, terms.gain(side, held.cost, ZERO))
            totals = altered(totals, cost=ZERO, realized_pnl=gained)
        return altered(left, unpriced_cost=ZERO), totals

    def restated(
        self, held: Holding, side: Side, qty: Decimal, brought: Decimal, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """Replace the stated proceeds of a quantity with those of a fill."""
        stated = share_of(self.stated_proceeds, qty, self.stated_qty)
        more = EXACT.subtract(brought, stated)
        left = altered(
            self,
            stated_qty=EXACT.subtract(self.stated_qty, qty),
            stated_proceeds=EXACT.subtract(self.stated_proceeds, stated),
        )
        gained = terms.gain(side, ZERO, more)
        return left, altered(held, proceeds=sum_of(held.proceeds, more), realized_pnl=sum_of(held.realized_pnl, gained))

    def less(self, left: Unexplained) -> Unexplained:
        """The difference to `left`, which is the part that was explained in between."""
        return Unexplained(
            EXACT.subtract(self.stated_qty, left.stated_qty),
            EXACT.subtract(self.stated_proceeds, left.stated_proceeds),
            EXACT.subtract(self.unpriced_qty, left.unpriced_qty),
            difference_of(self.unpriced_cost, left.unpriced_cost),
        )

    def taken_back(
        self, held: Holding, side: Side, told: Unexplained, brought: Decimal, terms: Instrument
    ) -> tuple[Unexplained, Holding]:
        """Undo a fill that explained a part (`told`): that part becomes unexplained again."""
        worth = share_of(brought, told.unpriced_qty, told.qty)
        left, totals = self, held
        if told.stated_qty:
            more = EXACT.subtract(told.stated_proceeds, EXACT.subtract(brought, worth))
            stated = EXACT.add(self.stated_proceeds, told.stated_proceeds)
            left = altered(self, stated_qty=EXACT.add(self.stated_qty, told.stated_qty), stated_proceeds=stated)
            left, totals = left.shifted(totals, more, terms.gain(side, ZERO, more))
        if not told.unpriced_qty:
            return left, totals
        gained = None if told.unpriced_cost is None else terms.gain(side, told.unpriced_cost, worth)
        known = (left.known_proceeds, left.known_pnl) if left.unpriced_qty else (totals.proceeds, totals.realized_pnl)
        open_again = altered(
            left,
            unpriced_qty=EXACT.add(left.unpriced_qty, told.unpriced_qty),
            unpriced_cost=sum_of(left.unpriced_cost, told.unpriced_cost),
            known_proceeds=difference_of(known[0], worth),
            known_pnl=difference_of(known[1], gained),
        )
        return open_again, altered(totals, proceeds=None, realized_pnl=None)

    def shifted(self, held: Holding, brought: Decimal | None, gained: Decimal | None) -> tuple[Unexplained, Holding]:
        """Change proceeds and profit of an exit that is not part of it."""
        totals = altered(held, proceeds=sum_of(held.proceeds, brought), realized_pnl=sum_of(held.realized_pnl, gained))
        if not self.unpriced_qty:
            return self, totals
        known_pnl = sum_of(self.known_pnl, gained)
        return altered(self, known_proceeds=sum_of(self.known_proceeds, brought), known_pnl=known_pnl), totals


def share_of(whole: Decimal, qty: Decimal, of: Decimal) -> Decimal:
    """The share of an amount that belongs to a part of a quantity, to 18 decimals."""
    if qty == of:
        return whole
    return rounded(EXACT.divide(EXACT.multiply(whole, qty), of))
