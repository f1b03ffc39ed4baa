"""What one unit of a quantity is worth: contract size, inverse payoff, and the currency that profit is counted in."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.alteration import TypedStruct
from domain.values import EXACT, Number, Side, rounded

ONE: Final = Decimal(1)


class Instrument(TypedStruct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The terms of an instrument.

    Units: a linear quantity is worth quantity · contract size · price, in quote; an inverse one
           quantity · contract size / price, in base, rounded once to 18 decimals.
    """

    contract_size: Number = ONE
    inverse: bool = False
    base: str | None = None
    quote: str | None = None
    settle: str | None = None
    price_tick: Number | None = None
    quantity_step: Number | None = None
    price_may_be_negative: bool = False

    def worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What a quantity is worth at a price, without a sign of its own."""
        if self.inverse:
            return rounded(EXACT.divide(EXACT.multiply(quantity, self.contract_size), price))
        return EXACT.multiply(EXACT.multiply(quantity, self.contract_size), price)

    def price(self, quantity: Decimal, worth: Decimal) -> Decimal:
        """The average price of a quantity that is worth so much, to 18 decimals."""
        units = EXACT.multiply(quantity, self.contract_size)
        return rounded(EXACT.divide(units, worth) if self.inverse else EXACT.divide(worth, units))

    def gain(self, side: Side, opened_for: Decimal, closed_for: Decimal) -> Decimal:
        """The profit of what was opened and closed for so much."""
        gained = EXACT.subtract(closed_for, opened_for)
        return EXACT.multiply(gained, Decimal(-side.sign if self.inverse else side.sign))

    def can_be_at(self, price: Decimal) -> bool:
        """Whether something may be bought or sold at a price."""
        return price > 0 or (not self.inverse and (price == 0 or self.price_may_be_negative))

    def recorded_worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What a quantity of a history is worth: it may say what no rule would take, and that is worth nothing."""
        return self.worth(quantity, price) if price or not self.inverse else Decimal(0)


LINEAR: Final = Instrument()
"""What holds unless something else is said: one unit is one of the base asset, paid in quote."""
