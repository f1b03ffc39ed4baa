"""Counting what a closing order filled: what it closes now, and what was closed before that it tells of."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.alteration import TypedStruct, altered
from domain.holding import Holding
from domain.instrument import Instrument
from domain.values import EXACT, ZERO, rounded, sum_of


class ExitCount(TypedStruct, frozen=True, gc=False):
    """How a quantity of a closing order is counted; what a total of the order had counted already is no part of it.

    `closed`: it closes what is open, at the cost `released`. `gone`: an adjustment had seen it gone, or it was left as
    dust, at the cost `gone_cost`. `explained`: it was closed before without a fill. A cost is None if it is not known.
    """

    closed: Decimal = ZERO
    released: Decimal | None = ZERO
    gone: Decimal = ZERO
    gone_cost: Decimal | None = ZERO
    explained: Decimal = ZERO

    @property
    def cost(self) -> Decimal | None:
        """The cost of what it closed and of what was gone."""
        return sum_of(self.released, self.gone_cost) if self.gone else self.released

    @staticmethod
    def of(
        grown: Decimal, held: Holding, untold: Decimal, gone: Decimal, terms: Instrument, *, is_by_end: bool
    ) -> ExitCount | None:
        """Count what an order filled in addition; None if that is more than there is.

        Of what was closed before without a fill (`untold` is not explained) it tells as much as possible, if it
        happened by an end of the cycle (`is_by_end`), and otherwise of what is more than is held. Of the rest an
        adjustment had seen `gone`.
        """
        told = min(grown, untold) if is_by_end else ZERO
        rest, untold = EXACT.subtract(grown, told), EXACT.subtract(untold, told)
        gone = min(gone, rest)
        left = EXACT.subtract(rest, gone)
        if rest > held.quantity:
            more = min(left, untold)
            told, left = EXACT.add(told, more), EXACT.subtract(left, more)
        if left > held.quantity:
            return None
        return ExitCount(explained=told).seen_gone(gone, held, terms).closing(left, held)

    def closing(self, qty: Decimal, held: Holding) -> ExitCount:
        """The same, with a part of what is held closed."""
        return altered(self, closed=qty, released=held.released(qty)) if qty else self

    def seen_gone(self, qty: Decimal, held: Holding, terms: Instrument) -> ExitCount:
        """The same, with a part that an adjustment had seen gone; what that had cost is taken by the average price."""
        if not qty:
            return self
        cost = None if held.avg_px_open is None else terms.worth(qty, held.avg_px_open)
        return altered(self, gone=qty, gone_cost=cost)

    def as_gone(self) -> ExitCount:
        """The same, where an adjustment has counted the fill: what that had closed is counted as seen gone."""
        if not self.closed:
            return self
        gone = EXACT.add(self.gone, self.closed)
        return altered(self, closed=ZERO, released=ZERO, gone=gone, gone_cost=self.cost)

    def as_closed(self) -> ExitCount:
        """The same, where the fill is corrected after the adjustment that saw it gone: that part was closed."""
        if not self.gone:
            return self
        return ExitCount(EXACT.add(self.closed, self.gone), self.cost, explained=self.explained)

    def corrected(self, grown: Decimal, held: Holding, untold: Decimal, terms: Instrument) -> ExitCount:
        """How the correction of a fill is counted; its order is filled by `grown` more, or less if that is below 0.

        What is taken back was first of all seen gone by an adjustment, and opens nothing. Then it opens again what the
        fill had closed, and then leaves unexplained what the fill had explained. The rest had been closed by another
        fill, and is open again at the average price.
        """
        if self.gone:
            beyond = max(ZERO, EXACT.minus(EXACT.add(grown, self.gone)))
            own = min(beyond, self.closed)
            untold_again = min(EXACT.subtract(beyond, own), self.explained)
            gone = EXACT.add(grown, EXACT.add(own, untold_again))
            released = part_of(self.released, own, self.closed)
            return ExitCount(
                EXACT.minus(own),
                None if released is None else EXACT.minus(released),
                gone,
                part_of(self.gone_cost, gone, self.gone),
                EXACT.minus(untold_again),
            )
        if grown >= 0:
            tells = self.explained and not self.closed
            explained = min(grown, untold) if tells else max(ZERO, EXACT.subtract(grown, held.quantity))
            return ExitCount(explained=explained).closing(EXACT.subtract(grown, explained), held)
        less = EXACT.minus(grown)
        own = min(less, self.closed)
        untold_again = min(EXACT.subtract(less, own), self.explained)
        others = EXACT.subtract(EXACT.subtract(less, own), untold_again)
        cost = sum_of(part_of(self.released, own, self.closed), _NOTHING.seen_gone(others, held, terms).gone_cost)
        given_back = None if cost is None else EXACT.minus(cost)
        return ExitCount(EXACT.minus(EXACT.add(own, others)), given_back, explained=EXACT.minus(untold_again))

    def and_then(self, more: ExitCount) -> ExitCount:
        """What a fill did, with its correction."""
        return ExitCount(
            EXACT.add(self.closed, more.closed),
            sum_of(self.released, more.released),
            EXACT.add(self.gone, more.gone),
            sum_of(self.gone_cost, more.gone_cost),
            EXACT.add(self.explained, more.explained),
        )


_NOTHING: Final = ExitCount()


def part_of(amount: Decimal | None, qty: Decimal, whole: Decimal) -> Decimal | None:
    """The share of an amount that belongs to a part of a quantity, to 18 decimals; None if it is not known."""
    if not qty or amount is None or qty == whole:
        return amount if qty else ZERO
    if not whole:
        return None
    return rounded(EXACT.divide(EXACT.multiply(amount, qty), whole))
