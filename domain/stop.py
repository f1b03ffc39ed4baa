"""The protective stop of a position, and what it takes to call a position protected."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.values import Side


def is_losing_side(side: Side, stop_price: Decimal, entry_price: Decimal) -> bool:
    """Whether a stop is on the losing side of the entry: below it for a long, above it for a short."""
    return stop_price < entry_price if side is Side.LONG else stop_price > entry_price


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that the exchange confirmed.

    Units: `price` in quote asset; `quantity` in base asset, None for "whatever is open".
    """

    price: Decimal
    quantity: Decimal | None
    exchange_order_id: str | None
    locks_profit: bool = False

    def protects(self, side: Side, quantity: Decimal, avg_px_open: Decimal | None) -> bool:
        """Whether it covers the whole position, on the losing side of its known average price or locking in profit."""
        if avg_px_open is None or (self.quantity is not None and self.quantity < quantity):
            return False
        return self.locks_profit or is_losing_side(side, self.price, avg_px_open)
