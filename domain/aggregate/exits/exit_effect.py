"""What an exit fill changed in the totals of its cycle, and what becomes of them when the exchange corrects it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Self

from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.exits.unexplained import Unexplained, share_of
from domain.alteration import TypedStruct, altered
from domain.holding import ZERO, Holding
from domain.instrument import Instrument
from domain.orders.order import Order
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

    @property
    def without(self) -> Order:
        """Its order as if it had never been."""
        return self.before.corrected(self.old, (ZERO, ZERO))


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

    def most(
        self, held: Holding, unexplained: Unexplained, others: Decimal, dust: Decimal, change: FillChange
    ) -> Decimal:
        """How much the fill can have closed at most, as the totals stand, and so much dust is left.

        `others` is what of that was closed without a fill statements of other orders counted: it is theirs.
        """
        if self.is_of_dust:
            return EXACT.add(dust, self.past)
        if self.past:
            return EXACT.add(held.quantity, self.past)
        without, lost = change.without, self._reopens(change)
        stated = EXACT.subtract(without.filled_qty, without.traded_qty)
        told = self.told if without.worth is None else self._told_apart(change)
        open_again = EXACT.add(EXACT.add(unexplained.qty, told.qty), -others)
        if without.worth is None:
            open_again = EXACT.subtract(EXACT.add(open_again, EXACT.subtract(self.closed, lost)), stated)
        return EXACT.add(EXACT.add(stated, EXACT.add(held.quantity, lost)), max(ZERO, open_again))

    def _told_apart(self, change: FillChange) -> Unexplained:
        """What it explained beyond what a statement of its own order counts: that is the order's."""
        of_order = min(self.told.unpriced_qty, change.before.stated_qty)
        if not of_order:
            return self.told
        cost = difference_of(
            self.told.unpriced_cost, _part_of(self.told.unpriced_cost, of_order, self.told.unpriced_qty)
        )
        left = EXACT.subtract(self.told.unpriced_qty, of_order)
        return altered(self.told, unpriced_qty=left, unpriced_cost=cost if left else ZERO)

    def _reopens(self, change: FillChange) -> Decimal:
        """What was not closed without it: none of what it told, nor of what a statement of its order counts as well."""
        lost = EXACT.subtract(change.before.filled_qty, change.without.filled_qty)
        return max(ZERO, EXACT.subtract(lost, self._told_apart(change).qty))

    def corrected(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument, change: FillChange
    ) -> tuple[ExitEffect, Holding, Unexplained]:
        """Its effect, the totals and what is not explained, as if the fill had been told right.

        What it closed beyond what is held was closed by then: it explains that.
        """
        grown = EXACT.subtract(change.after.filled_qty, change.before.filled_qty)
        is_beyond = grown > held.quantity and unexplained.qty > 0
        is_told = bool(self._told_apart(change).qty) or change.without.worth is None
        if (is_told or is_beyond) and not self.past:
            left, totals = self._undone(held, unexplained, side, terms, change)
            return self._told_anew(left, totals, side, terms, change)
        known = self._counted_anew(held, change) if self.past else self._closed_anew(held, terms, change)
        effect, totals, released = known
        brought = difference_of(change.after.worth, change.before.worth)
        gained = None if released is None or brought is None else terms.gain(side, released, brought)
        left, totals = unexplained.shifted(totals, brought, gained)
        return effect, totals, left

    def as_counted(self) -> ExitEffect:
        """The same of a fill that closed, where an adjustment has counted what it is corrected to by then."""
        if not self.closed or self.past or self.told.qty:
            return self
        return altered(self, closed=ZERO, past=self.closed)

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

    def _undone(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument, change: FillChange
    ) -> tuple[Unexplained, Holding]:
        """What is not explained and the totals, as if the fill had never been.

        What a statement without a price counts of it as well stays closed, and is not explained any more.
        """
        without, lost = change.without, self._reopens(change)
        told = self.told if without.worth is None else self._told_apart(change)
        own = min(lost, self.closed)
        kept = EXACT.subtract(self.closed, own)
        if kept and without.worth is None:
            cost = sum_of(told.unpriced_cost, _part_of(self.released, kept, self.closed))
            told = altered(told, unpriced_qty=EXACT.add(told.unpriced_qty, kept), unpriced_cost=cost)
        qty, worth = change.old
        explained = share_of(worth, told.qty, qty) if told.qty else ZERO
        left, totals = unexplained.taken_back(held, side, told, explained, terms)
        if without.worth is not None and change.before.worth is not None:
            worth = EXACT.subtract(change.before.worth, without.worth)
        brought = EXACT.subtract(worth, explained)
        released = _part_of(self.released, own, self.closed) if own else ZERO
        gained = None if released is None else -terms.gain(side, released, brought)
        left, totals = left.shifted(totals, -brought, gained)
        totals = _reopened(totals, own, released, terms)
        return _opened_by_another(left, totals, EXACT.subtract(lost, own), terms)

    def _told_anew(
        self, unexplained: Unexplained, held: Holding, side: Side, terms: Instrument, change: FillChange
    ) -> tuple[ExitEffect, Holding, Unexplained]:
        """Count the fill as it is, where it had not been told: it explains as much as it did, and what is not held."""
        qty, brought = change.new
        if not qty:
            return ExitEffect(), held, unexplained
        count = ExitCount.of_fill(change.without, qty, brought, unexplained)
        before = self.told if change.without.worth is None else self._told_apart(change)
        told = qty if before.qty and not self.closed else min(qty, before.qty)
        more = max(EXACT.subtract(told, count.explains), EXACT.subtract(count.exits, held.quantity), ZERO)
        count = count.explaining(min(more, count.exits, EXACT.subtract(unexplained.qty, count.explains)))
        totals, left = count.counted(held, unexplained, side, terms)
        released = difference_of(held.cost, totals.cost)
        return ExitEffect(closed=count.exits, released=released, told=unexplained.less(left)), totals, left


def _reopened(held: Holding, qty: Decimal, cost: Decimal | None, terms: Instrument) -> Holding:
    """The totals where so much was not closed, which had cost so much."""
    if not qty:
        return held
    open_again = altered(held, quantity=EXACT.add(held.quantity, qty), closed_qty=EXACT.subtract(held.closed_qty, qty))
    return open_again.costing(sum_of(held.cost, cost), terms)


def _opened_by_another(
    unexplained: Unexplained, held: Holding, qty: Decimal, terms: Instrument
) -> tuple[Unexplained, Holding]:
    """The totals where so much was not closed by another fill of the order, which tells of what this one had told."""
    if not qty:
        return unexplained, held
    if qty <= unexplained.unpriced_qty:
        cost = _part_of(unexplained.unpriced_cost, qty, unexplained.unpriced_qty)
        left = altered(
            unexplained,
            unpriced_qty=EXACT.subtract(unexplained.unpriced_qty, qty),
            unpriced_cost=difference_of(unexplained.unpriced_cost, cost),
        )
        totals = _reopened(held, qty, cost, terms)
        if not left.unpriced_qty:
            totals = altered(totals, proceeds=left.known_proceeds, realized_pnl=left.known_pnl)
        return left, totals
    cost = None if held.avg_px_open is None else terms.worth(qty, held.avg_px_open)
    return unexplained, _reopened(held, qty, cost, terms)


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
    reason: str | None = None
    """Why an exit happened, where that was said."""

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
