"""What a cycle adds up to, by the definitions alone, in fractions: nothing here knows how the ledger counts.

An order's fills and statements are kept as they were told: what is filled of it is the greater of what was stated and
what its fills add up to. The money of a whole cycle is what came in less what went out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class OracleOrder:
    """One order: what was stated of it, and its fills by trade id."""

    stated: Fraction = Fraction(0)
    stated_worth: Fraction = Fraction(0)
    fills: dict[str, tuple[Fraction, Fraction]] = field(default_factory=dict)

    @property
    def traded(self) -> Fraction:
        return sum((qty for qty, _ in self.fills.values()), Fraction(0))

    @property
    def filled(self) -> Fraction:
        return max(self.stated, self.traded)

    @property
    def worth(self) -> Fraction:
        """By the fills once they explain all that was stated."""
        if self.traded >= self.stated:
            return sum((qty * px for qty, px in self.fills.values()), Fraction(0))
        return self.stated_worth


@dataclass
class Oracle:
    """A long cycle of linear contracts; every fill names its order."""

    entries: dict[str, OracleOrder] = field(default_factory=dict)
    exits: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    fees: Fraction = Fraction(0)
    cash: Fraction = Fraction(0)

    @property
    def entered(self) -> Fraction:
        return sum((order.filled for order in self.entries.values()), Fraction(0))

    @property
    def cost(self) -> Fraction:
        return sum((order.worth for order in self.entries.values()), Fraction(0))

    @property
    def closed(self) -> Fraction:
        return sum((qty for qty, _ in self.exits), Fraction(0))

    @property
    def quantity(self) -> Fraction:
        return self.entered - self.closed

    @property
    def proceeds(self) -> Fraction:
        return sum((qty * px for qty, px in self.exits), Fraction(0))

    @property
    def profit(self) -> Fraction:
        """Of a cycle of which all is closed: what came in less what went out."""
        assert not self.quantity, "all of it"
        return self.proceeds - self.cost

    @property
    def net(self) -> Fraction:
        return self.profit + self.cash - self.fees


def stops_cover(stops: dict[str, tuple[Fraction, Fraction | None]], quantity: Fraction, entry: Fraction) -> bool:
    """Whether live stops of a long cover it: (price, quantity or all) by order id."""
    below = [amount for price, amount in stops.values() if price < entry]
    if any(amount is None for amount in below):
        return True
    return bool(below) and sum((amount or Fraction(0) for amount in below), Fraction(0)) >= quantity
