"""What an exit fill changed in the totals of its cycle, and what becomes of them when the exchange corrects it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Self

from domain.aggregate.unexplained import Unexplained, share_of
from domain.alteration import TypedStruct, altered
from domain.holding import ZERO, Holding
from domain.instrument import Instrument
from domain.order import Order
from domain.values import EPOCH, EXACT, Side, difference_of, sum_of


class FillChange(NamedTuple):
    """A fill as it was said and as it is: quantity and worth, and its order with the one and with the other."""

    old: tuple[Decimal, Decimal]
    new: tuple[Decimal, Decimal]
    before: Order
    after: Order

    @classmethod
    def of(cls, order: Order | None, old: tuple[Decimal, Decimal], new: tuple[Decimal, Decimal]) -> Self:
        """Of an order as it was before; a fill that belongs to none is all that there is of its own."""
        before = order or Order(name="exit", traded_qty=old[0], traded_worth=old[1])
        return cls(old, new, before, before.corrected(old, new))


class ExitEffect(TypedStruct, frozen=True, gc=False):
    """What an exit fill did: it closed what was open, or what an adjustment had counted as gone, or it explained.

    `released`: the cost of what it closed; None where that is not known. A fill of which a statement had counted all
    did nothing of these. What sold dust closed what was counted as gone, too, for the cost of the dust.
    """

    closed: Decimal = ZERO
    past: Decimal = ZERO
    released: Decimal | None = ZERO
    told: Unexplained = Unexplained()
    """The part that it explained of what was closed without a fill."""
    is_of_dust: bool = False

    @classmethod
    def of(cls, before: Holding, after: Holding, told: Unexplained, terms: Instrument) -> Self:
        """Of a fill by the totals before and after it."""
        closed = EXACT.subtract(after.closed_qty, before.closed_qty)
        if not closed:
            return cls(told=told)
        if EXACT.subtract(before.quantity, after.quantity) < closed:
            price = before.avg_px_open
            return cls(past=closed, released=None if price is None else terms.worth(closed, price))
        return cls(closed=closed, released=difference_of(before.cost, after.cost), told=told)

    @classmethod
    def of_proof(cls, qty: Decimal, before: Holding) -> Self:
        """Of one of the fills that proved all of it to be closed."""
        return cls(closed=qty, released=_part_of(before.cost, qty, before.quantity))

    def most(self, held: Holding, explainable: Decimal, dust: Decimal) -> Decimal:
        """How much the fill can have closed at most, as the totals stand, and so much dust is left.

        `explainable` is what of that was closed without a fill may have been this one.
        """
        if self.is_of_dust:
            return EXACT.add(dust, self.past)
        if self.past:
            return EXACT.add(held.quantity, self.past)
        own = EXACT.add(explainable, self.told.qty)
        return own if self.told.qty and not self.closed else EXACT.add(own, EXACT.add(held.quantity, self.closed))

    def corrected(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument, change: FillChange
    ) -> tuple[ExitEffect, Holding, Unexplained]:
        """Its effect, the totals and what is not explained, as if the fill had been told right.

        What it closed beyond what is held was closed by then: it explains that.
        """
        grown = EXACT.subtract(change.after.filled_qty, change.before.filled_qty)
        if self.told.qty or (grown > held.quantity and unexplained.qty and not self.past):
            return self._told_anew(held, unexplained, side, terms, change)
        known = self._counted_anew(held, change) if self.past else self._closed_anew(held, terms, change)
        effect, totals, released = known
        brought = difference_of(change.after.worth, change.before.worth)
        gained = None if released is None or brought is None else terms.gain(side, released, brought)
        left, totals = unexplained.shifted(totals, brought, gained)
        return effect, totals, left

    def _counted_anew(self, held: Holding, change: FillChange) -> tuple[ExitEffect, Holding, Decimal | None]:
        more = EXACT.subtract(change.new[0], change.old[0])
        released = ZERO if not more else _part_of(self.released, more, self.past)
        totals = altered(held, filled_qty=EXACT.add(held.filled_qty, more), closed_qty=EXACT.add(held.closed_qty, more))
        effect = altered(self, past=EXACT.add(self.past, more), released=sum_of(self.released, released))
        return effect, totals, released

    def _closed_anew(
        self, held: Holding, terms: Instrument, change: FillChange
    ) -> tuple[ExitEffect, Holding, Decimal | None]:
        more = EXACT.subtract(change.after.filled_qty, change.before.filled_qty)
        released = held.released(more) if more > 0 else self._given_back(held, -more, terms)
        totals = altered(
            held, quantity=EXACT.subtract(held.quantity, more), closed_qty=EXACT.add(held.closed_qty, more)
        )
        cost = difference_of(held.cost, released)
        totals = totals.costing(cost, terms) if more < 0 else altered(totals, cost=cost)
        effect = altered(self, closed=EXACT.add(self.closed, more), released=sum_of(self.released, released))
        return effect, totals, released

    def _given_back(self, held: Holding, qty: Decimal, terms: Instrument) -> Decimal | None:
        """What is open again had cost, as less than nothing; by the average where another fill had closed it."""
        if not qty:
            return ZERO
        back = _part_of(self.released, qty, self.closed)
        if qty > self.closed:
            back = None if held.avg_px_open is None else terms.worth(qty, held.avg_px_open)
        return None if back is None else -back

    def _told_anew(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument, change: FillChange
    ) -> tuple[ExitEffect, Holding, Unexplained]:
        worth = share_of(change.old[1], self.told.qty, change.old[0]) if self.told.qty else ZERO
        left, totals = unexplained.taken_back(held, side, self.told, worth, terms)
        if self.closed:
            left, totals = self._opened_again(left, totals, side, terms, EXACT.subtract(change.old[1], worth))
        open_again, reopened = left, totals
        qty, brought = change.new
        told = qty
        if self.closed or not self.told.qty:
            told = min(qty, max(self.told.qty, EXACT.subtract(qty, totals.quantity)))
        worth = ZERO if not told else share_of(brought, told, qty)
        if told:
            left, totals = left.explained(totals, side, told, worth, terms)
        if closed := EXACT.subtract(qty, told):
            rest = EXACT.subtract(brought, worth)
            exited = totals.with_exit(side, closed, rest, terms)
            left, totals = left.with_exit(totals, closed, rest, side, terms), exited
        released = difference_of(reopened.cost, totals.cost)
        return ExitEffect(closed=closed, released=released, told=open_again.less(left)), totals, left

    def _opened_again(
        self, unexplained: Unexplained, held: Holding, side: Side, terms: Instrument, brought: Decimal
    ) -> tuple[Unexplained, Holding]:
        """The totals without what it closed of what was held, for the cost of then."""
        gained = None if self.released is None else -terms.gain(side, self.released, brought)
        left, totals = unexplained.shifted(held, -brought, gained)
        reopened = altered(
            totals,
            quantity=EXACT.add(totals.quantity, self.closed),
            closed_qty=EXACT.subtract(totals.closed_qty, self.closed),
        )
        return left, reopened.costing(sum_of(totals.cost, self.released), terms)


class FillOnRecord(NamedTuple):
    """A fill that is on record, as it counts today."""

    request: str
    order: str | None
    is_exit: bool
    qty: Decimal
    px: Decimal
    fee: Decimal | None
    fee_currency: str | None = None
    is_fee_in_kind: bool = False
    """Whether the fee was paid out of what is held."""
    effect: ExitEffect = ExitEffect()
    """What an exit did."""
    first: tuple[Decimal, Decimal] | None = None
    """Quantity and price as they were told, where they were corrected since."""
    corrections: tuple[str, ...] = ()
    """What was said of it since, as digests."""
    corrected_at: datetime = EPOCH
    at: datetime | None = None
    """When it happened, where that was said."""
    fee_said: Decimal = ZERO
    """How much of its fee the end of the cycle had said already."""

    def corrected(
        self, qty: Decimal, px: Decimal, fee: Decimal | None, effect: ExitEffect, *, said: tuple[str, datetime]
    ) -> FillOnRecord:
        """The fill as the exchange corrected it, by a command of this digest at this time."""
        return self._replace(
            qty=qty,
            px=px,
            fee=fee,
            effect=effect,
            first=self.first or (self.qty, self.px),
            corrections=(*self.corrections, said[0]),
            corrected_at=max(self.corrected_at, said[1]),
        )


def _part_of(cost: Decimal | None, qty: Decimal, whole: Decimal) -> Decimal | None:
    return None if cost is None or not whole else share_of(cost, qty, whole)
