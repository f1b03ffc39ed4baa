"""The position on one leg of one symbol, and how long it was held without stops for all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from domain.holding import Holding
from domain.instrument import Instrument
from domain.values import ZERO, Leg, Side


@dataclass
class HeldLeg:
    """The position on one leg; only BOTH can turn from long to short and back."""

    leg: Leg
    terms: Instrument
    side: Side = Side.LONG
    holding: Holding = field(default_factory=Holding)
    entries: list[str] = field(default_factory=list)
    """The orders that opened the present position, or added to it."""
    bare_since: datetime | None = None
    bare_seconds: list[float] = field(default_factory=list)
    """For every position there was, how long it was without stops for all of it; the last one may still count."""

    @property
    def quantity(self) -> Decimal:
        """The quantity held, without a sign."""
        return self.holding.quantity

    @property
    def exposure(self) -> Decimal:
        """The quantity held; a short is negative."""
        return self.side.sign * self.quantity

    def closes(self, order_side: str) -> bool:
        """Whether an order of this side reduces the position."""
        return bool(self.quantity) and order_side == self.side.closing_order

    def take(self, order_id: str, order_side: str, quantity: Decimal, price: Decimal) -> bool:
        """Apply a fill; returns whether it added to a position that another order had opened."""
        left = quantity
        if self.closes(order_side):
            closed = min(left, self.quantity)
            self.holding = self.holding.with_exit(self.side, closed, self.terms.worth(closed, price), self.terms)
            left -= closed
        if not self.quantity:
            self.holding, self.entries = Holding(), []
        if not left:
            return False
        if not self.quantity:
            self.side = Side.LONG if order_side == "buy" else Side.SHORT
            self.bare_seconds.append(0.0)
        self.holding = self.holding.entered(self.side, left, self.terms.worth(left, price), self.terms)
        if order_id not in self.entries:
            self.entries.append(order_id)
        return self.entries[0] != order_id

    def mark(self, covered: Decimal | None, at: datetime) -> None:
        """Add up the time without full cover; `covered` is the quantity that open stops would close, None for all."""
        if self.bare_since is not None and self.bare_seconds:
            self.bare_seconds[-1] += (at - self.bare_since).total_seconds()
        is_bare = self.quantity > ZERO and covered is not None and covered < self.quantity
        self.bare_since = at if is_bare else None
