"""What the fills of one cycle add up to: quantities, average prices, profit and fees, exact."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext

from pydantic import ConfigDict

from domain.values import EXACT, Number, Side, rounded

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """The running totals of a cycle, as they stand after an event; every event that moves them carries them.

    Units:   quantities in base asset; `cost`, `proceeds`, `realized_pnl` and `fees` in quote (settlement) asset;
             `fees_other` by currency, for fees are never converted. None is "not known".
    Exact:   sums are never rounded. An average is rounded to 18 decimals for display; profit never uses the
             rounded one: a partial exit releases its share of `cost` (18 decimals), the last exit what is left,
             so that over a whole cycle profit is exactly proceeds minus cost.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    quantity: Number = ZERO
    """Open now, without a sign."""
    filled_qty: Number = ZERO
    """Entered in all."""
    avg_px_open: Number | None = None
    cost: Number | None = ZERO
    """What the open quantity was bought (or sold short) for."""
    uncounted_qty: Number = ZERO
    """The part of `filled_qty` that is known from a statement of the exchange, not from fills with a trade id."""
    traded_cost: Number = ZERO
    """What the fills with a trade id cost, since the last correction."""
    closed_qty: Number = ZERO
    proceeds: Number | None = ZERO
    """What the closed quantity was sold (or bought back) for."""
    realized_pnl: Number | None = ZERO
    """Before fees."""
    fees: Number = ZERO
    fees_other: dict[str, Number] = field(default_factory=dict)

    @property
    def avg_px_close(self) -> Decimal | None:
        """The average price of all exits; None while there are none, or when one of their prices is not known."""
        if not self.closed_qty or self.proceeds is None:
            return None
        with localcontext(EXACT):
            return rounded(self.proceeds / self.closed_qty)

    def with_fill(self, qty: Decimal, px: Decimal, *, requested: Decimal | None, is_part: bool = False) -> Holding:
        """Count one entry fill.

        A statement of the exchange may have counted it already (`uncounted_qty`): certainly when it is older
        (`is_part`), and else as far as it would go beyond what was requested, for an exchange never fills more. Once
        fills explain all of a statement, what they cost is what it cost.
        """
        with localcontext(EXACT):
            beyond = ZERO if requested is None else max(ZERO, self.filled_qty + qty - requested)
            counted = min(self.uncounted_qty, qty, qty if is_part else beyond)
            grown = self._entered(qty - counted, (qty - counted) * px)
            left, traded = self.uncounted_qty - counted, self.traded_cost + qty * px
            if counted and not left and grown.closed_qty == 0:
                grown = replace(grown, cost=traded, avg_px_open=rounded(traded / grown.quantity))
            return replace(grown, uncounted_qty=left, traded_cost=traded)

    def with_statement(self, filled_qty: Decimal, avg_px: Decimal | None) -> Holding:
        """Take over what the exchange says was filled so far, if that is more (or better known) than we know."""
        with localcontext(EXACT):
            if filled_qty < self.filled_qty:
                return self
            missing = filled_qty - self.filled_qty
            uncounted = self.uncounted_qty + missing
            if avg_px is not None and self.closed_qty == 0 and (missing or self.cost is None):
                return replace(
                    self,
                    quantity=filled_qty,
                    filled_qty=filled_qty,
                    cost=filled_qty * avg_px,
                    avg_px_open=avg_px,
                    uncounted_qty=uncounted,
                )
            entered = self._entered(missing, None if avg_px is None else missing * avg_px)
            return replace(entered, uncounted_qty=uncounted)

    def _entered(self, qty: Decimal, cost: Decimal | None) -> Holding:
        if not qty:
            return self
        total = None if self.cost is None or cost is None else self.cost + cost
        quantity = self.quantity + qty
        return replace(
            self,
            quantity=quantity,
            filled_qty=self.filled_qty + qty,
            cost=total,
            avg_px_open=None if total is None else rounded(total / quantity),
        )

    def with_exit(self, side: Side, qty: Decimal, px: Decimal | None) -> Holding:
        """Close `qty` (at most what is open) at `px`; without a price the profit is no longer known."""
        with localcontext(EXACT):
            released = self.cost
            if released is not None and qty != self.quantity:
                released = rounded(released * qty / self.quantity)
            brought = None if px is None else qty * px
            gained = None if released is None or brought is None else side.sign * (brought - released)
            return replace(
                self,
                quantity=self.quantity - qty,
                cost=None if self.cost is None or released is None else self.cost - released,
                closed_qty=self.closed_qty + qty,
                proceeds=None if self.proceeds is None or brought is None else self.proceeds + brought,
                realized_pnl=None if self.realized_pnl is None or gained is None else self.realized_pnl + gained,
            )

    def with_past_exit(self, side: Side, qty: Decimal, px: Decimal) -> Holding:
        """Count an exit that a later word of the exchange took into account: it only adds to what was earned.

        Where something was closed at a price that nobody said, the exit is part of that, and what was earned stays
        unknown.
        """
        if self.proceeds is None:
            return self
        with localcontext(EXACT):
            gained = None if self.avg_px_open is None else side.sign * (px - self.avg_px_open) * qty
            return replace(
                self,
                filled_qty=self.filled_qty + qty,
                closed_qty=self.closed_qty + qty,
                proceeds=self.proceeds + qty * px,
                realized_pnl=None if self.realized_pnl is None or gained is None else self.realized_pnl + gained,
            )

    def gained_since(self, before: Holding) -> Decimal | None:
        """The profit realised between two totals; None when one of them is not known."""
        if self.realized_pnl is None or before.realized_pnl is None:
            return None
        return EXACT.subtract(self.realized_pnl, before.realized_pnl)

    def with_fee(self, amount: Decimal | None, other_currency: str | None) -> Holding:
        """Add a fee; one in another currency than the position's is kept apart."""
        if amount is None:
            return self
        with localcontext(EXACT):
            if other_currency is None:
                return replace(self, fees=self.fees + amount)
            before = self.fees_other.get(other_currency, ZERO)
            return replace(self, fees_other={**self.fees_other, other_currency: before + amount})

    def corrected(self, quantity: Decimal, avg_px_open: Decimal | None) -> Holding:
        """Take the exchange's word for what is open now; what was closed and earned before stays."""
        if (quantity, avg_px_open) == (self.quantity, self.avg_px_open):
            return self
        with localcontext(EXACT):
            return replace(
                self,
                quantity=quantity,
                filled_qty=quantity + self.closed_qty,
                avg_px_open=avg_px_open,
                cost=None if avg_px_open is None else quantity * avg_px_open,
                uncounted_qty=quantity,
                traded_cost=ZERO,
            )
