"""The comparison of a row with what it was when it was imported; other spellings of a value are equal."""

from __future__ import annotations

from typing import Final

from infrastructure.amounts import read_amount
from infrastructure.timezones import read_time

_FLAGS: Final = {"t": "true", "f": "false"}


def changes(before: dict[str, str | None], now: dict[str, str | None]) -> list[str]:
    """The differences between two readings of a row, in words.

    A column that only one of them has is not a difference, nor is another spelling of the same number, time or flag,
    because a dump and the table itself write them differently.
    """
    return [
        f"{name} was {_shown(before[name])} and is {_shown(now[name])}"
        for name in before
        if name in now and before[name] != now[name] and _plain(before[name]) != _plain(now[name])
    ]


def _plain(text: str | None) -> object:
    if text is None or not (text := text.strip()):
        return None
    if time := read_time(text):
        return time.isoformat()
    number = read_amount(text).number
    return _FLAGS.get(text, text) if number is None else number


def _shown(text: str | None) -> str:
    return "NULL" if text is None else repr(text)
