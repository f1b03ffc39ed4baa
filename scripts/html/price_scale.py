"""The axis of prices: the y of a price, and round prices for its ticks."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from domain.values import plain

_ROUND: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


class PriceScale:
    """An axis from below the lowest of some prices to above the highest, from y `bottom` to y `top`."""

    def __init__(self, prices: Iterable[Decimal], top: float, bottom: float) -> None:
        in_order = sorted(prices)
        low, high = in_order[0], in_order[-1]
        margin = (high - low) * Decimal("0.1") or (high.copy_abs() / 100) or Decimal(1)
        self._low, self._high = low - margin, high + margin
        self._top, self._bottom = top, bottom

    def y(self, price: Decimal) -> float:
        """The y of a price."""
        share = float((price - self._low) / (self._high - self._low))
        return self._bottom - share * (self._bottom - self._top)

    def ticks(self, ticks_max: int) -> list[tuple[float, str]]:
        """The y and the text of each tick: round prices, about `ticks_max` of them."""
        step = round_steps((self._high - self._low) / ticks_max)
        first = int((self._low / step).to_integral_value(ROUND_CEILING))
        last = int((self._high / step).to_integral_value(ROUND_FLOOR))
        return [(self.y(step * number), plain(step * number)) for number in range(first, last + 1)]


def round_steps(least: Decimal) -> Decimal:
    """The smallest step between ticks, not below `least`, at which their numbers are round."""
    power = Decimal(1).scaleb(least.adjusted())
    return next(factor * power for factor in _ROUND if factor * power >= least)
