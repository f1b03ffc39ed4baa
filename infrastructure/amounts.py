"""Reading numbers that other programs wrote: too long, infinite, out of range, or usable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.values import DECIMALS_MAX, MAGNITUDE_MAX, exact, rounded

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_LONG = re.compile(rf"[+-]?\d*\.\d{{{DECIMALS_MAX}}}0*[1-9]\d*", re.ASCII)
_NOT_FINITE: Final = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


class AmountDoubt(StrEnum):
    """What is doubtful about the text of a number."""

    LONG_DECIMAL = "long_decimal"
    NOT_FINITE = "not_finite"
    UNREADABLE_NUMBER = "unreadable_number"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, or None when it cannot be read; and what was doubtful about its text, if anything."""

    number: Decimal | None
    doubt: AmountDoubt | None = None


def read_amount(text: str) -> Amount:
    """Read a number; beyond 18 decimals it is rounded half-even."""
    try:
        return Amount(exact(text))
    except ValueError:
        pass
    if text.lower() in _NOT_FINITE:
        return Amount(None, AmountDoubt.NOT_FINITE)
    if not _NUMBER.fullmatch(text):
        return Amount(None, AmountDoubt.UNREADABLE_NUMBER)
    number = Decimal(text)
    if number.copy_abs() >= MAGNITUDE_MAX:
        return Amount(None, AmountDoubt.UNREADABLE_NUMBER)
    if number and number.adjusted() < -DECIMALS_MAX - 1:
        return Amount(Decimal(0), AmountDoubt.LONG_DECIMAL)
    short = rounded(number)
    return Amount(short if short.copy_abs() < MAGNITUDE_MAX else None, AmountDoubt.LONG_DECIMAL)


def doubt_of(text: str) -> AmountDoubt | None:
    """What is doubtful about the text of a column that is not read, if it looks like a number."""
    if text.lower() in _NOT_FINITE:
        return AmountDoubt.NOT_FINITE
    return AmountDoubt.LONG_DECIMAL if len(text) > DECIMALS_MAX and _LONG.fullmatch(text) else None
