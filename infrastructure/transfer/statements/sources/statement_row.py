"""One row of a file: its values are read with their types, or refused with their name and value."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Context, Decimal
from typing import Any, Final, TypeVar

from domain.identifiers import normalized_leg
from domain.values import DECIMALS_MAX, EXACT, Leg, exact, plain
from infrastructure.amounts import read_amount
from infrastructure.timezones import is_ambiguous, placed, read_time, zone_of
from infrastructure.transfer.transfer_errors import StatementRefused

NOTHING: Final = frozenset({"", "-", "--", "—", "nan", "none", "null", "nat", "n/a"})
"""What programs write for a missing value."""
_NOTHING_MAX: Final = 8
"""A longer text, even with blanks around it, is none of these words."""
_AMOUNT: Final = re.compile(r"(?P<number>[+-]?[\d.,]+(?:[eE][+-]?\d+)?) ?(?P<currency>[A-Za-z][A-Za-z0-9]*)?", re.ASCII)
_SHORT_YEAR: Final = re.compile(r"(\d\d)-\d\d-\d\d[ T]", re.ASCII)
"""A time of Binance's website, which alone writes years of two digits."""
_CENTURY: Final = 2000
_TIME_FIRST: Final = re.compile(r"(\d\d:\d\d(?::\d\d)?) (\d{4}-\d\d-\d\d)", re.ASCII)
"""The times of Bybit's website."""
_SINCE_EPOCH: Final = re.compile(r"\d{9,19}(?:\.\d{1,9})?", re.ASCII)
_SEQUENCE: Final = re.compile(r"\d{1,18}", re.ASCII)
"""What fits into an integer of SQLite."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND: Final = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3), (0, 1))
"""The least number that counts nanoseconds, microseconds, milliseconds, seconds: all of these times are after 1973."""
_EMPTY_LIST: Final = "[]"
"""An empty list as programs write it in CSV."""
_FLOAT: Final = Context(prec=15, traps=[])
"""A binary float has 15 exact digits; any further ones are left over from arithmetic."""
_ROUNDED_MAX: Final = Decimal("1e-8")
"""By which share rounding to the stored decimals may change a price or a quantity: a cent of a million."""
_SIDES: Final = {"buy": True, "b": True, "bid": True, "sell": False, "s": False, "ask": False, "a": False}
ZONE: Final = "time zone"
"""The name of the value with which a table states the zone of all its times."""
_ZONE_IN_NAME: Final = re.compile(r"(?:utc|gmt)(?: ?(?:\+|\u2212|--?) ?\d\d?(?::?\d\d)?)?", re.IGNORECASE | re.ASCII)
"""The zone in the name of a column: `Time(UTC)`, `Time (UTC +8)`."""
_MINUS: Final = "\u2212"
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+\.\d+", re.ASCII)
"""A number with commas that can stand only between thousands, because a point follows; `1,234` may be a fraction."""
_IN_PARENTHESES: Final = re.compile(r"^\(([\d.]+)\)$", re.ASCII)
"""A number below zero, as accountants write it."""
MADE_UP: Final = "row-"
"""The prefix of ids that are made up, because a file has none."""

_IN_UTC: Final = ("(utc)", " (utc)", "(utc+0)", " (utc+0)", "(utc+00:00)", " (utc+00:00)")
"""What the names of columns end in whose times are in UTC."""

T = TypeVar("T")


def in_utc(*names: str) -> tuple[str, ...]:
    """The names of columns of times, first those that say that they are in UTC."""
    return (*(f"{name}{mark}" for mark in _IN_UTC for name in names), *names)


class StatementRow:
    """The values of a row by their names; of several names, the first one that has a value is read.

    Shape:   a number that is not text in its file went through a float, and is read with the 15 digits of a float.
    Refuses: ValueError, with the name and the value.
    """

    __slots__ = ("line", "named")

    def __init__(self, line: int, named: Mapping[str, Any]) -> None:
        """Take the values of a row as its file has them; `line` is the line at which it begins."""
        self.line, self.named = line, named

    def find(self, *names: str) -> tuple[str, Any]:
        """The first name that has a value, and the value; the first name and None if none has one."""
        for name in names:
            value = self.named.get(name)
            if value is not None and not (isinstance(value, str) and _is_nothing(value)):
                return name, value
        return names[0], None

    def text(self, *names: str) -> str | None:
        """A text as it is written; None where there is none."""
        name, value = self.find(*names)
        if isinstance(value, str):
            return value.strip() or None
        if isinstance(value, Mapping | list | bool):
            raise ValueError(f"{name} {str(value)!r:.60} is no text")
        return None if value is None else str(value)

    def needed(self, *names: str) -> str:
        """A text that has to be there."""
        text = self.text(*names)
        if text is None:
            raise ValueError(f"{names[0]} is missing")
        return text

    def word(self, *names: str) -> str:
        """A text in lower case, empty where there is none."""
        return (self.text(*names) or "").lower()

    def number(self, *names: str) -> Decimal | None:
        """A number; None where there is none."""
        name, value = self.find(*names)
        return None if value is None else _number(name, value)

    def some(self, *names: str) -> Decimal | None:
        """A number other than zero; None where it is zero, or where there is none."""
        return self.number(*names) or None

    def minus(self, *names: str) -> Decimal | None:
        """A number with the other sign, where a file writes what is paid below zero; None where there is none."""
        number = self.number(*names)
        return None if number is None else EXACT.minus(number)

    def known(self, *names: str) -> Decimal:
        """An amount that has to be there, even if it is zero: an empty one would not prove that there was none."""
        number = self.number(*names)
        if number is None:
            raise ValueError(f"{names[0]} is empty, so how much it was is not known")
        return number

    def above_zero(self, *names: str) -> Decimal:
        """A price or a quantity, which has to be there."""
        number = self.number(*names)
        if number is None or number <= 0:
            name, value = self.find(*names)
            if value is None:  # the error shows words for a missing value as they are written
                name, value = next(((name, self.named[name]) for name in names if self.named.get(name)), (name, ""))
            raise ValueError(f"{name} {str(value)!r:.60} is not above zero")
        if self._would_be_another(number, *names):
            raise ValueError(
                f"{self.find(*names)[0]} {self.text(*names)!r:.60} has more than {DECIMALS_MAX} decimals, and with "
                f"those that are kept it would be {plain(number)}"
            )
        return number

    def _would_be_another(self, number: Decimal, *names: str) -> bool:
        """Whether rounding to the stored decimals has changed a number too much."""
        value = self.find(*names)[1]
        if not isinstance(value, str) or len(value) <= DECIMALS_MAX:
            return False
        exact_value = Decimal(_spelled(value.strip()))
        return EXACT.subtract(exact_value, number).copy_abs() > EXACT.multiply(number, _ROUNDED_MAX)

    def sequence(self, *names: str) -> int | None:
        """A sequence number; None where there is none."""
        text = self.word(*names)
        return int(text) if _SEQUENCE.fullmatch(text) else None

    def amount(self, *names: str) -> tuple[Decimal | None, str | None]:
        """A number, and the currency that may follow it in the same cell."""
        text = self.text(*names)
        if text is None:
            return None, None
        match = _AMOUNT.fullmatch(text)
        if match is None:
            raise ValueError(f"{names[0]} {text!r:.60} is no number")
        return _number(names[0], match["number"]), match["currency"]

    def buys(self, *names: str) -> bool:
        """Whether a side is that of a purchase."""
        text = self.needed(*names)
        if text.lower() not in _SIDES:
            raise ValueError(f"{self.find(*names)[0]} {text!r:.60} is neither BUY nor SELL")
        return _SIDES[text.lower()]

    def leg(self, *names: str) -> Leg:
        """The leg that it says; `BOTH` where it says none."""
        text = self.text(*names)
        return Leg.BOTH if text is None else normalized_leg(text)

    def time(self, *names: str, zone: tzinfo | None = None, first_year: int | None = None) -> datetime:
        """A time, as text or as a number since 1970; `zone` is for a text without a zone, if the file states none.

        With a `first_year` the text may begin with a year of two digits, which is none before it.
        """
        name, _ = self.find(*names)
        return _time(name, self.needed(*names), self.stated_zone(name) or zone, first_year)

    def stated_zone(self, name: str) -> tzinfo | None:
        """The zone of the times of a column, by its name or by the table; None where neither states one."""
        if (match := _ZONE_IN_NAME.search(name)) is not None:
            return zone_of(match[0])
        said = self.named.get(ZONE)
        return zone_of(said) if said else None

    def inside(self, name: str) -> StatementRow:
        """The object that is a value of this one."""
        value = self.named.get(name)
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} is no object")
        return StatementRow(self.line, value)

    def listed(self, name: str) -> list[StatementRow]:
        """The objects of a list that is a value of this one; none where there is no list."""
        found = self.find(name)[1] or []
        if found == _EMPTY_LIST:
            return []
        if not isinstance(found, list) or not all(isinstance(value, Mapping) for value in found):
            raise ValueError(f"{name} is no list of objects")
        return [StatementRow(self.line, value) for value in found]

    def digest(self) -> str:
        """A made-up id, which is the same for an equal row in every file."""
        return made_up(*(str(value).strip() for value in self.named.values()))


class RowIds:
    """Made-up ids for rows without one; equal rows of one moment, which follow each other, are numbered."""

    def __init__(self) -> None:
        """Begin a file."""
        self._moment = ""
        self._alike: Counter[str] = Counter()

    def of(self, row: StatementRow, moment: str) -> str:
        """The id of a row; `moment` is its time as it is written."""
        if moment != self._moment:
            self._moment, self._alike = moment, Counter()
        name = row.digest()
        self._alike[name] += 1
        return name if self._alike[name] == 1 else f"{name}-{self._alike[name]}"


def made_up(*parts: str) -> str:
    """A made-up id, which depends on the parts only."""
    return MADE_UP + hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:24]


def is_made_up(trade_id: str, order_id: str | None) -> bool:
    """Whether the id of a trade was made up; a numbered one is that of its order as well."""
    return trade_id.startswith(MADE_UP) or (trade_id == order_id and trade_id.isdecimal())


def numbered(number: int, *parts: str) -> str:
    """A made-up id of digits; ids of one moment are in the order of `number`."""
    digest = int(made_up(*parts).removeprefix(MADE_UP), 16)
    return f"{number}{digest % 10**9:09d}"


def each(rows: Iterable[StatementRow], read: Callable[[StatementRow], Iterable[T]]) -> Iterator[T]:
    """The results of `read` for every row. Refuses: StatementRefused, with the line of a row that cannot be read."""
    for row in rows:
        try:
            yield from read(row)
        except ValueError as wrong:
            raise StatementRefused.at(row.line, str(wrong)) from None


@contextmanager
def of_row(row: StatementRow) -> Iterator[None]:
    """The same for whatever is read of one row in the block."""
    try:
        yield
    except ValueError as wrong:
        raise StatementRefused.at(row.line, str(wrong)) from None


def _is_nothing(text: str) -> bool:
    if text[:1].isdecimal():  # as most values begin, and none of these words
        return False
    return text.isspace() or (len(text) <= _NOTHING_MAX and text.strip().lower() in NOTHING)


def _number(name: str, value: object) -> Decimal:
    if isinstance(value, str):
        text = _spelled(value.strip())
    elif isinstance(value, Decimal | float):
        text = str(_FLOAT.create_decimal(str(value)))
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        raise ValueError(f"{name} {str(value)!r:.60} is no number")
    number = read_amount(text).number
    if number is None:
        if "," in text:
            raise ValueError(
                f"{name} {text!r:.60} is no number like 1000.5; with --map, a map says how a file writes numbers"
            )
        if _AMOUNT.fullmatch(text) is None or not text[-1:].isdigit():
            raise ValueError(f"{name} {text!r:.60} is no number like 1000.5")
        try:
            exact(text)
        except ValueError as wrong:
            raise ValueError(f"{name} {text!r:.60} is no number that is kept: {wrong}") from None
        raise ValueError(f"{name} {text!r:.60} is no number")
    return number


def _spelled(text: str) -> str:
    """A number as Python writes it, without commas between thousands and with a plain sign."""
    plain = _plain_sign(text)
    return plain.replace(",", "") if _THOUSANDS.fullmatch(plain) else plain


def is_short_year(time: str) -> bool:
    """Whether a time begins with a year of two digits."""
    return _SHORT_YEAR.match(time) is not None


def _plain_sign(text: str) -> str:
    if text.isascii() and not text.startswith("("):
        return text
    return _IN_PARENTHESES.sub(r"-\1", text).replace(_MINUS, "-")


def _time(name: str, text: str, zone: tzinfo | None, first_year: int | None) -> datetime:
    if _SINCE_EPOCH.fullmatch(text):
        since = Decimal(text)
        unit = next(unit for least, unit in _PER_SECOND if since >= least)
        return _EPOCH + timedelta(microseconds=int(since * 1_000_000 / unit))
    century = ""
    if first_year is not None and (match := _SHORT_YEAR.match(text)) is not None:
        if _CENTURY + int(match[1]) < first_year:
            raise ValueError(
                f"{name} {text!r:.60} begins with a year of two digits, and this one is before the exchange began; it "
                "may be the day or the month: give the file as it was handed out"
            )
        century = f"{_CENTURY // 100}"
    time = read_time(_TIME_FIRST.sub(r"\2 \1", f"{century}{text}"))
    if time is None:
        raise ValueError(
            f"{name} {text!r:.60} is no time like 2025-10-22 18:50:40; with --map, a map says in time_format how "
            "a file of fills writes times"
        )
    return in_zone(name, text, time, zone)


def in_zone(name: str, text: str, time: datetime, zone: tzinfo | None) -> datetime:
    """A time in UTC. Refuses: ValueError for a time without a zone if `zone` is None, and for an ambiguous time."""
    if time.tzinfo is not None:
        return time.astimezone(UTC)
    if zone is None:
        raise ValueError(f"{name} {text!r} names no zone; say with --timezone which the file was made in")
    if zone is UTC:
        return time.replace(tzinfo=UTC)
    if is_ambiguous(time, zone):
        raise ValueError(f"{name} {text!r} was on the clock twice, or never, in {zone}; export the file in UTC")
    utc = placed(time, zone)
    if utc is None:
        raise ValueError(f"{name} {text!r} is beyond the calendar")
    return utc
