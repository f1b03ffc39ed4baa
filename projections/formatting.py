"""Formatting numbers, times and durations for people, in the same way everywhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final

from domain.values import EXACT, WIDE, Source, plain
from projections.readable_text import on_one_line

_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

_THOUSANDTH: Final = Decimal("0.001")
_AVERAGE_DIGITS: Final = 11
_TO_THE_SECOND: Final = len("2025-10-22 18:50:40")
"""The length of a time as text up to the seconds; its zone comes after that."""

WHO: Final = {
    Source.SIGNAL: "the signal",
    Source.SYNC: "the synchroniser",
    Source.OPERATOR: "the operator",
    Source.RECOVERY: "the recovery",
    Source.IMPORT: "the import",
}
"""Who sent a command, as the subject of a sentence."""


def length(time: timedelta) -> str:
    """A duration in its two largest units: `4.933 s`, `18 min 5 s`, `3 h 10 min`, `13 d 4 h`."""
    if time < timedelta():
        return f"-{length(-time)}"
    if time < _MINUTE:
        return f"{plain(Decimal(time // timedelta(milliseconds=1)).scaleb(-3, EXACT))} s"
    for large, name, small, small_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", _SECOND, "s"),
    ):
        if time >= large:
            count, rest = divmod(time, large)
            more = f" {rest // small} {small_name}" if rest >= small else ""
            return f"{count:,} {name}{more}"
    raise AssertionError("a minute or more")


def lasting(time: timedelta) -> str:
    """How long something has lasted: `for 3 h 10 min`; for a start in the future, how far it is ahead of the clock."""
    return f"since a time {length(-time)} ahead of the clock" if time < timedelta() else f"for {length(time)}"


def aged(time: timedelta) -> str:
    """How old something is: `3 h 10 min`; a start in the future is `50 s ahead`."""
    return f"{length(-time)} ahead" if time < timedelta() else length(time)


def ago(time: timedelta) -> str:
    """How long ago something was: `3 h 10 min ago`; a time in the future is `50 s ahead of the clock`."""
    return f"{length(-time)} ahead of the clock" if time < timedelta() else f"{length(time)} ago"


def ratio(old: Decimal, new: Decimal) -> Decimal | None:
    """By how many percent `new` differs from `old`; None when there is nothing to compare with."""
    if not old:
        return None
    with localcontext(EXACT):
        return (new - old) / old * 100


def percent(value: Decimal) -> str:
    """A ratio to three decimals, without a sign: `0.118 %`."""
    size = value.copy_abs()
    shown = size.quantize(_THOUSANDTH, context=WIDE)
    return f"{plain(shown)} %" if shown or not size else "less than 0.001 %"


def changed(old: Decimal | None, new: Decimal | None) -> str:
    """A correction: `61.8 → 61 (-1.294 %)`."""
    words = f"{number(old)} → {number(new)}"
    by = None if old is None or new is None else ratio(old, new)
    return words if not by else f"{words} ({'+' if by > 0 else '-'}{percent(by)})"


def number(value: Decimal | None) -> str:
    """A number that may not be known."""
    return "unknown" if value is None else plain(value)


def number_or_none(value: Decimal | None) -> str | None:
    """A number that may not be known, for programs."""
    return None if value is None else plain(value)


def signed(amount: Decimal, currency: str | None) -> str:
    """A gain or a loss with its sign, shortened for people: `+10.74 USDT`, `-0.5 USDT`."""
    shown = for_eyes(amount)
    if amount > 0:
        shown = f"≈+{shown[1:]}" if shown.startswith("≈") else f"+{shown}"
    return shown if currency is None else f"{shown} {currency}"


def first_digits(value: Decimal, most: int = 7) -> str:
    """A number for a label: exact while it is short, else its first digits."""
    if len(value.as_tuple().digits) <= most:
        return plain(value)
    last = Decimal(1).scaleb(-max(most - 1 - value.adjusted(), 0))
    return plain(value.quantize(last, context=WIDE))


def average(value: Decimal | None) -> str:
    """An average price, which may have endless decimals: `3.2295`, `≈60012.833333`."""
    return for_eyes(value, _AVERAGE_DIGITS)


def for_eyes(value: Decimal | None, most: int = 7) -> str:
    """A number shortened for people: its first digits, with `≈` before it if digits are left out."""
    if value is None:
        return "unknown"
    exact = plain(value)
    if len(exact) <= most:  # most numbers of a list are: no digit is left out
        return exact
    shown = first_digits(value, most)
    return shown if Decimal(shown) == value else f"≈{shown}"


def quoted(words: str) -> str:
    """A text from outside in quotes on one line; a character that cannot be printed is shown as its code."""
    return f'"{on_one_line(words)}"'


def clock(at: datetime) -> str:
    """The time of day, to the millisecond."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


def clock_beside(at: datetime, shown: datetime) -> str:
    """The time of day; with its date, if that differs from the date of a time that is shown beside it."""
    return clock(at) if day(at) == day(shown) else f"{day(at)} {clock(at)}"


def stretch(start: datetime, end: datetime) -> str:
    """A period: `from … to …`; with dates if they differ."""
    if day(start) == day(end):
        return f"from {clock(start)} to {clock(end)}"
    return f"from {day(start)} {clock(start)} to {day(end)} {clock(end)}"


def day(at: datetime) -> str:
    """The date."""
    return f"{at:%Y-%m-%d}"


def date_and_time(at: datetime) -> str:
    """A date and a time of day, to the second."""
    return at.isoformat(" ", "seconds")[:_TO_THE_SECOND]


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: `1 rival`, `15 rivals`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(names: list[str], most: int = 5) -> str:
    """Some names, and how many more there are."""
    shown, more = names[:most], len(names) - most
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def sentence(words: str) -> str:
    """Begin with a capital letter; but a name that programs know, as `pending_entry`, stays as it is."""
    return words if "_" in words.partition(" ")[0] else words[:1].upper() + words[1:]
