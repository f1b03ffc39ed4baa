"""The terms of an instrument: contract size, inverse payoff, and the currency that profit is counted in."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.alteration import TypedStruct
from domain.values import EXACT, Number, Side, rounded

ONE: Final = Decimal(1)


class Instrument(TypedStruct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The terms of an instrument.

    Units: the worth (notional value) of a linear quantity is quantity · contract size · price, in quote; of an inverse
           one it is quantity · contract size / price, in base, rounded once to 18 decimals.
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
        """The worth of a quantity at a price; its sign is that of the two numbers, and not of a side."""
        if self.inverse:
            return rounded(EXACT.divide(EXACT.multiply(quantity, self.contract_size), price))
        return EXACT.multiply(EXACT.multiply(quantity, self.contract_size), price)

    def price(self, quantity: Decimal, worth: Decimal) -> Decimal:
        """The average price of a quantity of this worth, to 18 decimals."""
        units = EXACT.multiply(quantity, self.contract_size)
        return rounded(EXACT.divide(units, worth) if self.inverse else EXACT.divide(worth, units))

    def gain(self, side: Side, opened_for: Decimal, closed_for: Decimal) -> Decimal:
        """The profit of a quantity that was opened at one worth and closed at another."""
        gained = EXACT.subtract(closed_for, opened_for)
        return EXACT.multiply(gained, Decimal(-side.sign if self.inverse else side.sign))

    def can_be_at(self, price: Decimal) -> bool:
        """Whether the instrument may trade at a price."""
        return price > 0 or (not self.inverse and (price == 0 or self.price_may_be_negative))

    def recorded_worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """The worth of a recorded quantity; zero where old events hold a price that no rule would accept today."""
        return self.worth(quantity, price) if price or not self.inverse else Decimal(0)


LINEAR: Final = Instrument()
"""The terms of an instrument that nobody defined: one unit is one of the base asset, paid in quote."""
