"""The axis of prices: where a price stands on it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from domain.values import plain

_ROUND: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


class PriceScale:
    """An axis from below the lowest of some prices to above the highest, between two y."""

    def __init__(self, prices: Iterable[Decimal], top: float, bottom: float) -> None:
        known = sorted(prices)
        low, high = known[0], known[-1]
        air = (high - low) * Decimal("0.1") or (high.copy_abs() / 100) or Decimal(1)
        self._low, self._high = low - air, high + air
        self._top, self._bottom = top, bottom

    def y(self, price: Decimal) -> float:
        """Where a price stands."""
        share = float((price - self._low) / (self._high - self._low))
        return self._bottom - share * (self._bottom - self._top)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Round prices, with their y."""
        step = round_steps((self._high - self._low) / most)
        first = int((self._low / step).to_integral_value(ROUND_CEILING))
        last = int((self._high / step).to_integral_value(ROUND_FLOOR))
        return [(self.y(step * number), plain(step * number)) for number in range(first, last + 1)]


def round_steps(least: Decimal) -> Decimal:
    """How far ticks should be apart, at least so far, that their numbers are round."""
    power = Decimal(1).scaleb(least.adjusted())
    return next(each * power for each in _ROUND if each * power >= least)
