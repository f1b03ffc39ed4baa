"""Reading times that other programs wrote, and the time zone of those that name none."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?) ?"
    r"(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(
    r"(?:UTC|GMT)? ?(?P<sign>\+|\u2212|--?) ?(?P<hours>\d\d?)(?::?(?P<minutes>\d\d))?", re.ASCII | re.IGNORECASE
)
_UTC_NAMES: Final = {"z", "utc", "gmt", "etc/utc"}


def zone_of(text: str) -> tzinfo:
    """Read a zone: an IANA name (Europe/Moscow), or an offset (+04:00).

    Refuses: ValueError for anything else, also for a name of which this machine has no data.
    """
    name = text.strip()
    if name.lower() in _UTC_NAMES:
        return UTC
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        if offset < timedelta(hours=24):
            return timezone(offset if match["sign"] == "+" else -offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{text!r:.60} is not a time zone that this machine knows; write an offset like +04:00, or a name like "
            "Europe/Moscow (names need a time-zone database: the system's, or the package tzdata)"
        ) from None


def read_time(text: str) -> datetime | None:
    """Read a time: in UTC if it names its zone, else naive and unchanged. None for a text that is no time."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    zone = match["zone"] or ""
    try:
        time = datetime.fromisoformat(
            f"{match['day']}T{match['time'].replace(',', '.')}{'Z' if zone.lower() in _UTC_NAMES else zone}"
        )
        return time if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def placed(naive: datetime, zone: tzinfo) -> datetime | None:
    """The UTC time of a naive time in a zone. None when that is beyond the calendar."""
    try:
        return naive.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_ambiguous(naive: datetime, zone: tzinfo) -> bool:
    """Whether the clocks of a zone show a time twice, or never, because they are put back or forward."""
    return naive.replace(tzinfo=zone, fold=0).utcoffset() != naive.replace(tzinfo=zone, fold=1).utcoffset()
