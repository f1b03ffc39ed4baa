"""Numbers as a legacy table writes them: over-long, infinite, absurd, or fine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.values import DECIMALS_MAX, MAGNITUDE_MAX, exact, rounded
from infrastructure.legacy.importing.import_findings import ImportFindingKind

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_LONG = re.compile(rf"[+-]?\d*\.\d{{{DECIMALS_MAX}}}\d*[1-9]\d*", re.ASCII)
_NOT_FINITE: Final = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, or None when it cannot be known; and what was doubtful about its text, if anything."""

    number: Decimal | None
    doubt: ImportFindingKind | None = None


def read_amount(text: str) -> Amount:
    """Read a number, rounding half to even beyond the 18 decimals that are kept."""
    try:
        return Amount(exact(text))
    except ValueError:
        pass
    if text.lower() in _NOT_FINITE:
        return Amount(None, ImportFindingKind.NOT_FINITE)
    if not _NUMBER.fullmatch(text):
        return Amount(None, ImportFindingKind.UNREADABLE_NUMBER)
    number = Decimal(text)
    if number.copy_abs() >= MAGNITUDE_MAX:
        return Amount(None, ImportFindingKind.UNREADABLE_NUMBER)
    if number and number.adjusted() < -DECIMALS_MAX - 1:
        return Amount(Decimal(0), ImportFindingKind.LONG_DECIMAL)
    short = rounded(number)
    return Amount(short if short.copy_abs() < MAGNITUDE_MAX else None, ImportFindingKind.LONG_DECIMAL)


def doubt_of(text: str) -> ImportFindingKind | None:
    """What is doubtful about a value that nothing is read from, if it looks like a number."""
    if text.lower() in _NOT_FINITE:
        return ImportFindingKind.NOT_FINITE
    return ImportFindingKind.LONG_DECIMAL if len(text) > DECIMALS_MAX and _LONG.fullmatch(text) else None
