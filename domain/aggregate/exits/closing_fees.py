"""The fees that the end of a cycle stated in sum, until its exit fills are recorded with a fee each."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import field

from domain.aggregate.exits.exit_count import part_of
from domain.alteration import TypedStruct
from domain.holding import Holding
from domain.values import EXACT, ZERO


class ClosingFees(TypedStruct, frozen=True, gc=False):
    """By currency (None: the settle currency): the fee that an end stated, and the quantity that no fill tells yet."""

    said: dict[str | None, tuple[Decimal, Decimal]] = field(default_factory=dict)

    def with_end(self, before: Holding, after: Holding) -> ClosingFees:
        """After an end closed a quantity, between two totals of a cycle."""
        if after.closed_qty == before.closed_qty or before.has_paid_in_kind(after):
            return self
        closed, then = EXACT.subtract(after.closed_qty, before.closed_qty), _fees(before)
        more = {name: EXACT.subtract(paid, then.get(name, ZERO)) for name, paid in _fees(after).items()}
        return self._with({name: (fee, closed) for name, fee in more.items() if fee})

    def share(self, currency: str | None, qty: Decimal) -> Decimal:
        """The part of the stated fee that the fee of a fill of this quantity replaces."""
        fee, left = self.said.get(currency, (ZERO, ZERO))
        return (part_of(fee, min(qty, left), left) or ZERO) if left > 0 else ZERO

    def replaced(self, currency: str | None, fee: Decimal, before: Holding, after: Holding) -> Decimal:
        """The part of the stated fee that the fee of a fill replaced, by the totals before and after the fill."""
        more = EXACT.subtract(_fees(after).get(currency, ZERO), _fees(before).get(currency, ZERO))
        return EXACT.subtract(fee, more)

    def less(self, currency: str | None, fee: Decimal, qty: Decimal) -> ClosingFees:
        """Take off what a fill has replaced; negative numbers give it back."""
        return self._with({currency: (EXACT.minus(fee), EXACT.minus(qty))})

    def _with(self, more: dict[str | None, tuple[Decimal, Decimal]]) -> ClosingFees:
        none = (ZERO, ZERO)
        sums = {
            name: (EXACT.add(self.said.get(name, none)[0], fee), EXACT.add(self.said.get(name, none)[1], qty))
            for name, (fee, qty) in more.items()
        }
        return ClosingFees({**self.said, **sums})


NO_CLOSING_FEES: Final = ClosingFees()


def _fees(held: Holding) -> dict[str | None, Decimal]:
    return dict([(None, held.fees), *held.fees_other.items()])
