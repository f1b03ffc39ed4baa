"""Reading expiries and strikes, as exchanges write them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from domain.values import plain

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CODES: Final = "FGHJKMNQUVXZ"
"""The month codes of futures, January to December."""
_DAY = re.compile(rf"(\d\d?)({'|'.join(_MONTHS)})(?:20)?(\d\d)", re.ASCII)
_CODE = re.compile(rf"([{_CODES}])(\d\d)", re.ASCII)
_FRIDAY: Final = 4
_LONG: Final = len("20251226")
STRIKE_DIGITS_MAX: Final = 18
STRIKE_WRITTEN_MAX: Final = 60
"""A strike may be written with leading and trailing zeros, but not with more characters than this."""

DATE: Final = rf"\d{{6}}|\d{{8}}|\d{{4}}-\d\d-\d\d|\d\d?(?:{'|'.join(_MONTHS)})(?:20)?\d\d|[{_CODES}]\d\d"
"""`251226`, `20251226`, `2025-12-26`, `26DEC25`, and `Z25` for the last Friday of a month."""
STRIKE: Final = r"(?:\d+[.D]?\d*|\.\d+)(?:E[+-]?\d{1,2})?"
"""A price; `0D625` is Deribit's for 0.625."""


def expiry_of(written: str, symbol: str) -> str:
    """Convert an expiry to YYMMDD.

    Refuses: ValueError for what is not a date of this century.
    """
    if match := _CODE.fullmatch(written):
        return _last_friday(2000 + int(match[2]), _CODES.index(match[1]) + 1).strftime("%y%m%d")
    if match := _DAY.fullmatch(written):
        digits, year = f"{match[3]}{_MONTHS.index(match[2]) + 1:02}{match[1]:0>2}", f"20{match[3]}"
    else:
        digits = written.replace("-", "")[-6:]
        year = written[:4] if len(written) >= _LONG else f"20{written[:2]}"
    try:
        date(int(year), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        raise ValueError(f"symbol {symbol[:80]!r} expires on {written}, which is no date; write it as YYMMDD") from None
    if not year.startswith("20"):
        raise ValueError(f"symbol {symbol[:80]!r} expires in {year}; a year of this century is expected")
    return digits


def _last_friday(year: int, month: int) -> date:
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - _FRIDAY) % 7)


def strike_of(written: str, symbol: str) -> str:
    """Convert a strike to a plain number.

    Refuses: ValueError for zero, and for more digits than a price may have.
    """
    price = Decimal(written.replace("D", ".")) if len(written) <= STRIKE_WRITTEN_MAX else Decimal()
    strike = plain(price)
    if not price or len(strike.replace(".", "")) > STRIKE_DIGITS_MAX:
        raise ValueError(
            f"symbol {symbol[:80]!r} has a strike of {written[:40]!r}; it is a price above zero of at most "
            f"{STRIKE_DIGITS_MAX} digits"
        )
    return strike
