"""What an exit fill changed in the totals of its cycle, so that the change can be undone when the fill is corrected."""

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
    """A correction of a fill: (quantity, worth) before and after it, and the order of the fill before and after it."""

    old: tuple[Decimal, Decimal]
    new: tuple[Decimal, Decimal]
    before: Order
    after: Order

    @classmethod
    def of(cls, order: Order | None, old: tuple[Decimal, Decimal], new: tuple[Decimal, Decimal]) -> Self:
        """Make it; a fill that belongs to no order is taken for an order of its own."""
        before = order or Order(name="exit", traded_qty=old[0], traded_worth=old[1])
        return cls(old, new, before, before.corrected(old, new))

    @property
    def without(self) -> Order:
        """The order without the fill."""
        return self.before.corrected(self.old, (ZERO, ZERO))


class ExitEffect(TypedStruct, frozen=True, gc=False):
    """What an exit fill did.

    `closed`: the open quantity that it closed. `past`: the quantity that an adjustment had counted as gone, or the dust
    that it sold. `released`: the cost of both; None if not known. `told`: what it explained of what had been closed
    without a fill. A fill that a statement had counted completely did none of these.
    """

    closed: Decimal = ZERO
    past: Decimal = ZERO
    released: Decimal | None = ZERO
    told: Unexplained = Unexplained()
    """What it explained of what had been closed without a fill."""
    is_of_dust: bool = False

    @classmethod
    def of(cls, before: Holding, after: Holding, told: Unexplained, terms: Instrument) -> Self:
        """The effect of a fill, by the totals before and after it."""
        closed = EXACT.subtract(after.closed_qty, before.closed_qty)
        if not closed:
            return cls(told=told)
        if EXACT.subtract(before.quantity, after.quantity) < closed:
            price = before.avg_px_open
            return cls(past=closed, released=None if price is None else terms.worth(closed, price))
        return cls(closed=closed, released=difference_of(before.cost, after.cost), told=told)

    @classmethod
    def of_proof(cls, qty: Decimal, before: Holding) -> Self:
        """The effect of one of the fills in the evidence of a rollback."""
        return cls(closed=qty, released=_part_of(before.cost, qty, before.quantity))

    def most(
        self, held: Holding, unexplained: Unexplained, others: Decimal, dust: Decimal, change: FillChange
    ) -> Decimal:
        """The largest quantity that the fill can be corrected to.

        `others` is the quantity that statements of other orders counted without a price, and `dust` what is left as
        dust.
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
        """What it explained beyond what a statement of its own order had counted."""
        of_order = min(self.told.unpriced_qty, change.before.stated_qty)
        if not of_order:
            return self.told
        cost = difference_of(
            self.told.unpriced_cost, _part_of(self.told.unpriced_cost, of_order, self.told.unpriced_qty)
        )
        left = EXACT.subtract(self.told.unpriced_qty, of_order)
        return altered(self.told, unpriced_qty=left, unpriced_cost=cost if left else ZERO)

    def _reopens(self, change: FillChange) -> Decimal:
        """The quantity that is open again without the fill, but for what it explained or a statement counts as well."""
        lost = EXACT.subtract(change.before.filled_qty, change.without.filled_qty)
        return max(ZERO, EXACT.subtract(lost, self._told_apart(change).qty))

    def corrected(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument, change: FillChange
    ) -> tuple[ExitEffect, Holding, Unexplained]:
        """Effect, totals and what is unexplained, as if the fill had been recorded with the right numbers at once.

        What it closes beyond what is held had been closed without a fill: it explains that.
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
        """The effect for a correction from before an adjustment, which had counted the corrected fill already."""
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
        """The cost of what is open again, as a negative number; by the average price if another fill had closed it."""
        if not qty:
            return ZERO
        back = _part_of(self.released, qty, self.closed)
        if qty > self.closed:
            back = None if held.avg_px_open is None else terms.worth(qty, held.avg_px_open)
        return None if back is None else -back

    def _undone(
        self, held: Holding, unexplained: Unexplained, side: Side, terms: Instrument, change: FillChange
    ) -> tuple[Unexplained, Holding]:
        """What is unexplained, and the totals, without the fill.

        The part of it that a statement without a price counts as well stays closed, and becomes unexplained.
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
        """Count the corrected fill, after it was undone: it explains as much as before, and what is not held."""
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
    """The totals with a quantity open again, at its cost."""
    if not qty:
        return held
    open_again = altered(held, quantity=EXACT.add(held.quantity, qty), closed_qty=EXACT.subtract(held.closed_qty, qty))
    return open_again.costing(sum_of(held.cost, cost), terms)


def _opened_by_another(
    unexplained: Unexplained, held: Holding, qty: Decimal, terms: Instrument
) -> tuple[Unexplained, Holding]:
    """The totals with a quantity open again that another fill of the order had closed, which now explains instead."""
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
    """A recorded fill, with its corrections."""

    request: str
    order: str | None
    is_exit: bool
    qty: Decimal
    px: Decimal
    fee: Decimal | None
    fee_currency: str | None = None
    is_fee_in_kind: bool = False
    """Whether the fee was paid from the position itself."""
    effect: ExitEffect = ExitEffect()
    """What it did, if it is an exit."""
    first: tuple[Decimal, Decimal] | None = None
    """Quantity and price as first recorded, if they were corrected since."""
    corrections: tuple[str, ...] = ()
    """The digests of the commands that corrected it."""
    corrected_at: datetime = EPOCH
    at: datetime | None = None
    """When it happened; None if the command gave no time."""
    fee_said: Decimal = ZERO
    """The part of its fee that the end of the cycle had stated already."""
    reason: str | None = None
    """Why an exit happened, where that was said."""

    def corrected(
        self, qty: Decimal, px: Decimal, fee: Decimal | None, effect: ExitEffect, *, said: tuple[str, datetime]
    ) -> FillOnRecord:
        """The fill after a correction; `said` is the digest of the command, and its time."""
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
