"""The running totals of one cycle: quantities, average prices, profit, fees and cash, exact."""

from __future__ import annotations

from decimal import Decimal

from msgspec import field

from domain.alteration import TypedStruct, altered
from domain.instrument import Instrument
from domain.values import EXACT, ZERO, Number, Side, difference_of, rounded, sum_of


class Holding(TypedStruct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The running totals of a cycle after an event; every event that changes them carries them.

    Units:   quantities in base asset (or contracts); `cost`, `proceeds`, `realized_pnl` and `fees` in the settle
             currency; `fees_other` by currency, for fees are never converted. None is "not known".
    Exact:   sums are never rounded. An average is rounded to 18 decimals for display; profit never uses the
             rounded one: a partial exit releases its share of `cost` (18 decimals), the last exit what is left,
             so that over a whole cycle profit is exactly proceeds minus cost.
    """

    quantity: Number = ZERO
    """Open now, without a sign."""
    filled_qty: Number = ZERO
    """Entered in total."""
    avg_px_open: Number | None = None
    cost: Number | None = ZERO
    """The worth at which the open quantity was bought, or sold short."""
    uncounted_qty: Number = ZERO
    """The part of `filled_qty` that is known from totals of the exchange, and not from fills with a trade id."""
    traded_cost: Number = ZERO
    """The worth of the entry fills with a trade id, since the last adjustment."""
    closed_qty: Number = ZERO
    proceeds: Number | None = ZERO
    """The worth at which the closed quantity was sold, or bought back."""
    realized_pnl: Number | None = ZERO
    """Before fees."""
    fees: Number = ZERO
    fees_other: dict[str, Number] = field(default_factory=dict)
    cash: dict[str, Number] = field(default_factory=dict)
    """Received without a fill, by kind; in another currency by kind and currency (`funding BNB`)."""

    def avg_px_close(self, terms: Instrument) -> Decimal | None:
        """The average price of all exits; None while there are none, or if one of their prices is not known."""
        if not self.closed_qty or self.proceeds is None or (terms.inverse and not self.proceeds):
            return None
        return terms.price(self.closed_qty, self.proceeds)

    def stated(self, quantity: Decimal, avg_px_open: Decimal | None, terms: Instrument) -> Holding:
        """Begin a cycle with a position of the exchange."""
        if not quantity:
            return self
        cost = None if avg_px_open is None else terms.worth(quantity, avg_px_open)
        return altered(
            self, quantity=quantity, filled_qty=quantity, avg_px_open=avg_px_open, cost=cost, uncounted_qty=quantity
        )

    def entered(self, side: Side, added: Decimal, cost: Decimal | None, terms: Instrument) -> Holding:
        """Add what an order added to the position and to its cost; both may be negative.

        Cost that is left when nothing is held changes the profit; it stays cost until the profit is known.
        """
        if not added and not cost:
            return self if cost is not None or self.cost is None else altered(self, cost=None, avg_px_open=None)
        quantity = EXACT.add(self.quantity, added)
        grown = altered(self, quantity=quantity, filled_qty=EXACT.add(self.filled_qty, added))
        total = sum_of(self.cost, cost)
        if quantity or total is None or self.realized_pnl is None:
            return grown.costing(total, terms)
        return altered(grown, cost=ZERO, realized_pnl=EXACT.add(self.realized_pnl, terms.gain(side, total, ZERO)))

    def costing(self, cost: Decimal | None, terms: Instrument) -> Holding:
        """Set the cost of the open quantity, and the average price that follows from it."""
        is_priced = cost is not None and self.quantity and not (terms.inverse and not cost)
        if not is_priced:
            return altered(self, cost=cost, avg_px_open=None if cost is None or self.quantity else self.avg_px_open)
        assert cost is not None, "just looked"
        return altered(self, cost=cost, avg_px_open=terms.price(self.quantity, cost))

    def shrunk(self, side: Side, fee: Decimal, terms: Instrument) -> Holding:
        """Pay a fee from the position: less is held, for the same cost; if nothing is left, the cost is a loss."""
        fee = min(fee, self.quantity)
        quantity, filled_qty = EXACT.subtract(self.quantity, fee), EXACT.subtract(self.filled_qty, fee)
        less = altered(self, quantity=quantity, filled_qty=filled_qty)
        if less.quantity or not self.cost:
            return less.costing(self.cost, terms)
        lost = terms.gain(side, self.cost, ZERO)
        gained = None if self.realized_pnl is None else EXACT.add(self.realized_pnl, lost)
        return altered(less, cost=ZERO, realized_pnl=gained)

    def with_fee_gone(self, side: Side, fee: Decimal, px: Decimal, terms: Instrument) -> Holding:
        """Count a fee that was paid from the position before an adjustment: it only adds to the cost."""
        return self.entered(side, ZERO, terms.worth(fee, px), terms)

    def with_exit(self, side: Side, qty: Decimal, brought: Decimal | None, terms: Instrument) -> Holding:
        """Close `qty` (at most what is open) for what it brought; with None profit is no longer known."""
        released = self.released(qty)
        gained = None if released is None or brought is None else terms.gain(side, released, brought)
        return altered(
            self,
            quantity=EXACT.subtract(self.quantity, qty),
            cost=difference_of(self.cost, released),
            closed_qty=EXACT.add(self.closed_qty, qty),
            proceeds=sum_of(self.proceeds, brought),
            realized_pnl=sum_of(self.realized_pnl, gained),
        )

    def reopened(self, qty: Decimal) -> Holding:
        """Take back that a quantity was closed without a fill, because it was never entered."""
        return altered(self, quantity=EXACT.add(self.quantity, qty), closed_qty=EXACT.subtract(self.closed_qty, qty))

    def released(self, qty: Decimal) -> Decimal | None:
        """The share of the cost that closing `qty` releases; the last exit releases all that is left."""
        if self.cost is None or qty == self.quantity:
            return self.cost
        return rounded(EXACT.divide(EXACT.multiply(self.cost, qty), self.quantity))

    def has_paid_in_kind(self, before: Holding) -> bool:
        """Whether a fee that was paid since `before` is in no currency of the totals, so that it was paid in kind."""
        return (self.fees, self.fees_other) == (before.fees, before.fees_other)

    def with_past_exit(self, side: Side, qty: Decimal, brought: Decimal, terms: Instrument) -> Holding:
        """Count an exit that a later adjustment had counted as gone: it only adds to the profit."""
        opened_for = None if self.avg_px_open is None else terms.worth(qty, self.avg_px_open)
        gained = None if opened_for is None else terms.gain(side, opened_for, brought)
        return altered(
            self,
            filled_qty=EXACT.add(self.filled_qty, qty),
            closed_qty=EXACT.add(self.closed_qty, qty),
            proceeds=sum_of(self.proceeds, brought),
            realized_pnl=sum_of(self.realized_pnl, gained),
        )

    def gained_since(self, before: Holding) -> Decimal | None:
        """The profit realised since `before`; None if one of the two is not known."""
        return difference_of(self.realized_pnl, before.realized_pnl)

    def with_fee(self, amount: Decimal | None, other_currency: str | None) -> Holding:
        """Add a fee; one in another currency than the settle currency is kept apart."""
        if amount is None:
            return self
        if other_currency is None:
            return altered(self, fees=EXACT.add(self.fees, amount))
        before = self.fees_other.get(other_currency, ZERO)
        return altered(self, fees_other={**self.fees_other, other_currency: EXACT.add(before, amount)})

    def with_cash(self, kind: str, amount: Decimal, other_currency: str | None) -> Holding:
        """Add money that was received without a fill."""
        name = kind if other_currency is None else f"{kind} {other_currency}"
        return altered(self, cash={**self.cash, name: EXACT.add(self.cash.get(name, ZERO), amount)})

    @property
    def net_pnl(self) -> Decimal | None:
        """Realised profit plus cash less fees; None if it is not known, or not all in one currency."""
        if self.realized_pnl is None or (self.fees_other and any(self.fees_other.values())):
            return None
        net = EXACT.subtract(self.realized_pnl, self.fees)
        for name, amount in self.cash.items():
            if " " in name:
                return None
            net = EXACT.add(net, amount)
        return net

    def corrected(self, quantity: Decimal, avg_px_open: Decimal | None, terms: Instrument) -> Holding:
        """Set what is open now to what the exchange says; what was closed and earned before stays."""
        if (quantity, avg_px_open) == (self.quantity, self.avg_px_open):
            return self
        cost = None if avg_px_open is None else terms.worth(quantity, avg_px_open)
        if quantity == self.quantity:
            return altered(self, avg_px_open=avg_px_open, cost=cost)
        return altered(
            self,
            quantity=quantity,
            filled_qty=EXACT.add(quantity, self.closed_qty),
            avg_px_open=avg_px_open,
            cost=cost,
            uncounted_qty=quantity,
            traded_cost=ZERO,
        )
