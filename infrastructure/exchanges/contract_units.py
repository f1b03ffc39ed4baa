"""In which unit an exchange counts: contracts of a size, or units already; held against what it says they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from domain.values import EXACT, plain

COUNTS_UNITS: Final = frozenset({"deribit"})
"""Exchanges whose amounts are units already, beside a contract size that is said all the same."""

APART_MAX: Final = Decimal("0.05")
"""By how much a quantity and what it is said to be worth may differ: marks move, and fees are added."""

_ONE: Final = Decimal(1)


def unit_size(said: Decimal | None, exchange: str) -> Decimal:
    """How many units one contract is.

    Shape:   1 where none is said, and where one was divided out of rounded numbers, as ccxt does: 0.99994 is 1.
    Refuses: ValueError for one that is not above zero.
    """
    if said is None or exchange in COUNTS_UNITS:
        return _ONE
    if said <= 0:
        raise ValueError(f"its contract size is {plain(said)}")
    return _ONE if _about(said, _ONE) else said


def check_worth(quantity: Decimal, worth: Decimal | None, prices: Iterable[Decimal]) -> None:
    """Hold a quantity against what it is said to be worth: in quote, or of an inverse contract in quote or base.

    Refuses: ValueError when that is more than 5 % away at every price that is said; nothing said is no doubt.
    """
    known = list(prices)
    if not worth or not known:
        return
    amount = worth.copy_abs()
    for price in known:
        linear, inverse = EXACT.multiply(quantity, price), EXACT.multiply(amount, price)
        if _about(linear, amount) or _about(inverse, quantity) or _about(quantity, amount):
            return
    raise ValueError(
        f"{plain(quantity)} at {plain(known[0])} is worth {plain(EXACT.multiply(quantity, known[0]))}, and it says "
        f"{plain(amount)}: in which unit it counts is not known"
    )


def power_of_ten(ratio: Decimal) -> Decimal | None:
    """The power of ten that a number is, but for 2 %, as an exchange's contract sizes are; None when it is none."""
    nearest = _ONE.scaleb(int(ratio.log10().to_integral_value()))
    return nearest if (ratio - nearest).copy_abs() <= nearest * Decimal("0.02") else None


def units_worth(worth: Decimal, price: Decimal, *, is_inverse: bool) -> Decimal:
    """How many units are worth so much at a price: worth in quote, or in the base of an inverse contract."""
    return EXACT.multiply(worth, price) if is_inverse else EXACT.divide(worth, price)


def size_by_worth(quantity: Decimal, units: Decimal | None) -> Decimal | None:
    """How much a contract is, where so many of them are said to be so many units; None where that does not follow."""
    ratio = None if units is None else EXACT.divide(units.copy_abs(), quantity)
    return power_of_ten(ratio) if ratio else None


def _about(one: Decimal, other: Decimal) -> bool:
    return EXACT.subtract(one, other).copy_abs() <= EXACT.multiply(other.copy_abs(), APART_MAX)
