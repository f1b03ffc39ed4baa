"""The unit in which an exchange counts, contracts or units of the base asset, and a check of it by the stated value."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from domain.values import EXACT, plain

COUNTS_UNITS: Final = frozenset({"deribit"})
"""Exchanges whose amounts are in units although they state a contract size."""

APART_MAX: Final = Decimal("0.05")
"""How far a quantity's value and the stated value may differ, as a share: prices move, and fees are added."""

_ONE: Final = Decimal(1)


def unit_size(said: Decimal | None, exchange: str) -> Decimal:
    """How many units one contract is, from the stated size.

    Shape:   1 where no size is stated, and for a size near 1, which ccxt computes from rounded numbers: 0.99994 is 1.
    Refuses: ValueError for a size that is not above zero.
    """
    if said is None or exchange in COUNTS_UNITS:
        return _ONE
    if said <= 0:
        raise ValueError(f"its contract size is {plain(said)}")
    return _ONE if _about(said, _ONE) else said


def check_worth(quantity: Decimal, worth: Decimal | None, prices: Iterable[Decimal]) -> None:
    """Check a quantity by its stated value: in quote, or for an inverse contract in quote or base.

    Refuses: ValueError when the values differ by more than 5 % at every stated price; without any there is no check.
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
    """The power of ten within 2 % of a number, because contract sizes are powers of ten; None if there is none."""
    nearest = _ONE.scaleb(int(ratio.log10().to_integral_value()))
    return nearest if (ratio - nearest).copy_abs() <= nearest * Decimal("0.02") else None


def units_worth(worth: Decimal, price: Decimal, *, is_inverse: bool) -> Decimal:
    """How many units are worth so much at a price: worth in quote, or in the base of an inverse contract."""
    return EXACT.multiply(worth, price) if is_inverse else EXACT.divide(worth, price)


def size_by_worth(quantity: Decimal, units: Decimal | None) -> Decimal | None:
    """The contract size, if `quantity` contracts are stated to be `units`; None if the ratio is no power of ten."""
    ratio = None if units is None else EXACT.divide(units.copy_abs(), quantity)
    return power_of_ten(ratio) if ratio else None


def _about(one: Decimal, other: Decimal) -> bool:
    return EXACT.subtract(one, other).copy_abs() <= EXACT.multiply(other.copy_abs(), APART_MAX)
