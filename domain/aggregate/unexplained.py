"""What was closed without a fill that says so: by a price that was stated, or by none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from domain.holding import ZERO, Holding
from domain.instrument import Instrument
from domain.values import EXACT, Side, rounded


@dataclass(frozen=True, slots=True)
class Unexplained:
    """The part of what was closed that exit fills may still explain; once they do, profit is what they say.

    `proceeds` None: at a price that nobody said. Then `known_proceeds` and `known_pnl` are those of all other exits.
    """

    qty: Decimal = ZERO
    cost: Decimal | None = ZERO
    proceeds: Decimal | None = ZERO
    known_proceeds: Decimal | None = ZERO
    known_pnl: Decimal | None = ZERO

    def with_closing(self, before: Holding, after: Holding) -> Unexplained:
        """Add what was closed between two totals of a cycle."""
        closed = EXACT.subtract(after.closed_qty, before.closed_qty)
        if closed <= 0:
            return self
        known = (self.known_proceeds, self.known_pnl) if self.qty else (before.proceeds, before.realized_pnl)
        return Unexplained(
            EXACT.add(self.qty, closed),
            _sum(self.cost, _difference(before.cost, after.cost)),
            _sum(self.proceeds, _difference(after.proceeds, before.proceeds)),
            *known,
        )

    def with_exit(
        self, before: Holding, closed: Decimal, brought: Decimal, side: Side, terms: Instrument
    ) -> Unexplained:
        """Know of an exit of what was still open, or of a part of it, while something is not explained."""
        if not self.qty:
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
        cost, stated = _share(self.cost, qty, self.qty), _share(self.proceeds, qty, self.qty)
        left = replace(
            self._known(brought, cost, side, terms),
            qty=EXACT.subtract(self.qty, qty),
            cost=_difference(self.cost, cost),
            proceeds=_difference(self.proceeds, stated),
        )
        if stated is not None:
            more = EXACT.subtract(brought, stated)
            gained = terms.gain(side, ZERO, more)
            return left, replace(held, proceeds=_sum(held.proceeds, more), realized_pnl=_sum(held.realized_pnl, gained))
        if left.qty:
            return left, held
        return left, replace(held, proceeds=left.known_proceeds, realized_pnl=left.known_pnl)


def _share(whole: Decimal | None, qty: Decimal, of: Decimal) -> Decimal | None:
    if whole is None or qty == of:
        return whole
    return rounded(EXACT.divide(EXACT.multiply(whole, qty), of))


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else EXACT.add(one, other)


def _difference(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else EXACT.subtract(one, other)
