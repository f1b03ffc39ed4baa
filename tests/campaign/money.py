"""What a cycle holds and has earned, by the definitions alone, in fractions: nothing here knows how the ledger counts.

What is filled of an order is the greater of what the exchange stated of it and what its fills add up to; what it takes
back of a fill, it takes back of what it stated as well. A position has a cost; what an order adds to it is the
difference of its worth, and what is closed takes its share of the cost along. An amount that the exchange never said
is None, and so is whatever follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final

PLACES: Final = 10**18


def cut(value: Fraction) -> Fraction:
    """To 18 decimals, half to even, as an inverse worth is rounded when it happens."""
    return Fraction(round(value * PLACES), PLACES)


@dataclass(frozen=True)
class Terms:
    """What a quantity is worth, and in what: linear in quote, inverse in base."""

    size: Fraction = Fraction(1)
    inverse: bool = False

    def worth(self, qty: Fraction, px: Fraction) -> Fraction:
        return cut(qty * self.size / px) if self.inverse else qty * self.size * px


@dataclass
class EntryOrder:
    """An entry order: what was stated of it (its worth None without a price), and its fills by trade id."""

    stated: Fraction = Fraction(0)
    stated_worth: Fraction | None = Fraction(0)
    fills: dict[str, tuple[Fraction, Fraction]] = field(default_factory=dict)
    """Quantity and worth."""
    told_by_then: set[str] = field(default_factory=set)
    """The fills that were told when it was stated last."""

    @property
    def traded(self) -> Fraction:
        return sum((qty for qty, _ in self.fills.values()), Fraction(0))

    @property
    def filled(self) -> Fraction:
        return max(self.stated, self.traded)

    @property
    def worth(self) -> Fraction | None:
        if self.traded >= self.stated:
            return sum((worth for _, worth in self.fills.values()), Fraction(0))
        return self.stated_worth

    def has_stated(self, trade_id: str) -> bool:
        """Whether a fill may be a part of what was stated: it was told before, as each is when it happens."""
        return trade_id in self.told_by_then and self.stated >= self.fills[trade_id][0]


@dataclass
class Money:
    """One cycle, in its settlement currency."""

    is_long: bool
    terms: Terms
    orders: dict[str, EntryOrder] = field(default_factory=dict)
    quantity: Fraction = Fraction(0)
    cost: Fraction | None = Fraction(0)
    profit: Fraction | None = Fraction(0)
    closed: Fraction = Fraction(0)
    brought: Fraction | None = Fraction(0)
    """What all that was closed brought."""
    fees: dict[str, Fraction] = field(default_factory=dict)
    """By currency; the settlement currency is ""."""
    cash: Fraction = Fraction(0)
    owed: tuple[Fraction, Fraction] | None = None
    """What was closed without a price: how much of it no exit explains yet, and what it had cost."""
    known: Fraction | None = Fraction(0)
    """The profit of all that was closed at a known price, while something is owed."""
    known_brought: Fraction | None = Fraction(0)
    """What that brought."""
    is_open: bool = True

    # -- what happens ---------------------------------------------------------------------------------------------

    def state(self, name: str, qty: Fraction, px: Fraction | None) -> None:
        """The exchange states what was filled of an order until now."""
        order = self.orders.setdefault(name, EntryOrder())
        before = (order.filled, order.worth)
        is_better_known = qty == order.filled and px is not None and order.worth is None
        if qty > order.filled or is_better_known:
            order.stated, order.stated_worth = qty, None if px is None else self.terms.worth(qty, px)
            order.told_by_then = {*order.fills}
        self._grow(before, order)

    def fill(self, name: str, trade_id: str, qty: Fraction, px: Fraction) -> None:
        """One fill of an entry order."""
        order = self.orders.setdefault(name, EntryOrder())
        before = (order.filled, order.worth)
        order.fills[trade_id] = (qty, self.terms.worth(qty, px))
        self._grow(before, order)

    def correct(self, name: str, trade_id: str, qty: Fraction, px: Fraction) -> None:
        """The exchange says that a fill was another one, or none (a quantity of zero)."""
        order, worth = self.orders[name], self.terms.worth(qty, px)
        before, (was, was_worth) = (order.filled, order.worth), order.fills[trade_id]
        if order.has_stated(trade_id):
            order.stated += qty - was
            order.stated_worth = None if order.stated_worth is None else order.stated_worth + worth - was_worth
        order.fills[trade_id] = (qty, worth)
        self._grow(before, order)

    def would_hold(self, name: str, trade_id: str, qty: Fraction) -> Fraction:
        """What would be held if that fill had been of another quantity."""
        order = self.orders[name]
        was, _ = order.fills[trade_id]
        stated = order.stated + (qty - was if order.has_stated(trade_id) else 0)
        return self.quantity + max(stated, order.traded + qty - was) - order.filled

    def _grow(self, before: tuple[Fraction, Fraction | None], order: EntryOrder) -> None:
        added = order.filled - before[0]
        self.quantity += added
        worths = [each.worth for each in self.orders.values()]
        total = None if None in worths else sum((each for each in worths if each is not None), Fraction(0))
        if not self.closed:  # nothing left yet: the cost is what all orders cost together
            self.cost = total
            return
        if total is not None and self.profit is not None and self.brought is not None:  # so is what left known
            self.cost = total - (self.brought - self._gain(Fraction(0), self.profit))
            if not self.quantity:  # all of it is gone: what it cost less was earned
                self.profit, self.cost = self.profit + self._gain(self.cost, Fraction(0)), Fraction(0)
            return
        if before[1] is None or order.worth is None:
            if order.worth is None and (added or before[1] is not None):
                self.cost = None
            self._settle()
            return
        self.cost = None if self.cost is None else self.cost + order.worth - before[1]

    def exit(self, qty: Fraction, px: Fraction | None) -> None:
        """Something is closed, at a price or at none that anybody said."""
        share = None if self.cost is None else self.cost * qty / self.quantity
        brought = None if px is None else self.terms.worth(qty, px)
        before_brought = self.brought
        self.brought = None if self.brought is None or brought is None else self.brought + brought
        gained = None if share is None or brought is None else self._gain(share, brought)
        if self.owed is not None and brought is not None:
            self.known = None if self.known is None or gained is None else self.known + gained
            self.known_brought = None if self.known_brought is None else self.known_brought + brought
        elif brought is None:
            before, paid = self.owed or (Fraction(0), Fraction(0))
            self.known = self.known if self.owed else self.profit
            self.known_brought = self.known_brought if self.owed else before_brought
            self.owed = None if share is None else (before + qty, paid + share)
        self.profit = None if self.profit is None or gained is None else self.profit + gained
        self.cost = None if self.cost is None or share is None else self.cost - share
        self.quantity -= qty
        self.closed += qty
        self._settle()

    def _settle(self) -> None:
        """When nothing is held, profit is what came in less what went out, however late both are known."""
        worths = [each.worth for each in self.orders.values()]
        if not self.quantity and self.profit is None and None not in worths and self.brought is not None:
            cost = sum((each for each in worths if each is not None), Fraction(0))
            self.cost, self.profit = Fraction(0), self._gain(cost, self.brought)

    def explain(self, qty: Fraction, px: Fraction) -> None:
        """An exit fill comes after the end, and says at what price something had been closed."""
        assert self.owed is not None, "something to explain"
        left, cost = self.owed
        share = cost * qty / left
        worth = self.terms.worth(qty, px)
        gained = self._gain(share, worth)
        self.known = None if self.known is None else self.known + gained
        self.known_brought = None if self.known_brought is None else self.known_brought + worth
        self.owed = (left - qty, cost - share)
        if left == qty:
            self.profit, self.brought, self.owed = self.known, self.known_brought, None
            self._settle()

    def pay(self, fee: Fraction, currency: str = "") -> None:
        self.fees[currency] = self.fees.get(currency, Fraction(0)) + fee

    def shrink(self, fee: Fraction) -> None:
        """A fee that is paid in what was bought: there is less of it, for the same cost."""
        self.quantity -= fee

    def _gain(self, opened_for: Fraction, closed_for: Fraction) -> Fraction:
        gained = closed_for - opened_for
        return gained if self.is_long != self.terms.inverse else -gained

    # -- what it comes to -----------------------------------------------------------------------------------------

    @property
    def average(self) -> Fraction | None:
        if self.cost is None or not self.quantity:
            return None
        units = self.quantity * self.terms.size
        return units / self.cost if self.terms.inverse else self.cost / units

    @property
    def net(self) -> Fraction | None:
        if self.profit is None or any(paid for currency, paid in self.fees.items() if currency):
            return None
        return self.profit + self.cash - self.fees.get("", Fraction(0))


def covers(
    stops: dict[str, tuple[Fraction, Fraction | None]], quantity: Fraction, entry: Fraction, *, is_long: bool
) -> bool:
    """Whether live stops on the losing side cover all of a position: (price, quantity or all) by order id."""
    losing = [amount for price, amount in stops.values() if (price < entry if is_long else price > entry)]
    if any(amount is None for amount in losing):
        return True
    return bool(losing) and sum((amount or Fraction(0) for amount in losing), Fraction(0)) >= quantity


def fraction(number: Decimal | None) -> Fraction | None:
    return None if number is None else Fraction(number)
