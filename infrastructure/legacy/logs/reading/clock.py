"""The clocks of a log: the moment of a line, in microseconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Self

from domain.values import timestamp_text
from infrastructure.timezones import placed, read_time, zone_of

SECOND: Final = 1_000_000
"""Microseconds: moments are whole numbers of them, so that differences are exact."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CACHED_MAX: Final = 4_096
_SECONDS_MAX: Final = 60  # a leap second


class ZoneNeeded(Exception):
    """A time in the log names no zone, and none was given for such times."""


@dataclass(frozen=True)
class DatedZone:
    """The zone of times without one, from `since` on, which is a time in that zone."""

    zone: tzinfo
    since: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Europe/Moscow`, `+04:00`, or `UTC@2025-10-29`: UTC from that day on. Refuses: ValueError."""
        name, mark, since = text.partition("@")
        zone = zone_of(name)
        if not mark:
            return cls(zone)
        try:
            naive = datetime.fromisoformat(since.strip())
        except ValueError:
            naive = None
        if naive is None or naive.tzinfo is not None:
            raise ValueError(
                f"{text!r:.60} says since when by {since!r:.40}; write a day or a time without a zone, "
                "like UTC@2025-10-29 or UTC@2025-10-29T14:00"
            )
        return cls(zone, naive)


class LogClock:
    """Reads the times of a log, those without a zone in the zone of their date."""

    def __init__(self, zones: Sequence[DatedZone] = ()) -> None:
        """Each zone applies from its date on; one without a date applies before all others.

        Refuses: ValueError for two that begin at the same time.
        """
        self._zones = sorted(zones, key=lambda dated: (dated.since is not None, str(dated.since)))
        starts = [dated.since for dated in self._zones]
        if len(set(starts)) < len(starts):
            raise ValueError(
                "two zones for the same time; say from when the second one counts, like --timezone +04:00 "
                "--timezone UTC@2025-10-29"
            )
        self._minute = lru_cache(_CACHED_MAX)(self._read_minute)

    def second(self, text: bytes, zone: bytes = b"") -> int | None:
        """The moment at which a second begins, written as 2025-10-22 18:50:40, perhaps with a T; `zone` is separate.

        None for a time that is not on the calendar. Refuses: ZoneNeeded.
        """
        minute = self._minute(text[:16], zone)
        seconds_in = int(text[17:19])
        return None if minute is None or seconds_in > _SECONDS_MAX else minute + seconds_in * SECOND

    def _read_minute(self, text: bytes, zone: bytes) -> int | None:
        time = read_time(text.decode("ascii") + zone.decode("ascii").strip())
        return None if time is None else self.moment(time)

    def moment(self, time: datetime) -> int | None:
        """The moment of a time, which may lack its zone. Refuses: ZoneNeeded."""
        if time.tzinfo is not None:
            return _microseconds(time)
        in_utc = placed(time, self._zone(time))
        return None if in_utc is None else _microseconds(in_utc)

    def _zone(self, naive: datetime) -> tzinfo:
        found = None
        for dated in self._zones:
            if dated.since is None or dated.since <= naive:
                found = dated.zone
        if found is None:
            raise ZoneNeeded(
                f"the time {naive.isoformat(' ')} names no zone; say what clock it is on with --timezone, as an offset "
                "(+04:00) or a name (Europe/Moscow); after a change of clocks also --timezone UTC@2025-10-29"
            )
        return found


def day_or_time(text: str) -> tuple[datetime, bool]:
    """Read a time, with or without a zone, and say whether it was a whole day. Refuses: ValueError."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r:.60} is not a time; write it like 2025-10-22, or 2025-10-22T18:50:40Z") from None
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return time, False
    return time, True


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def timestamp(moment: int) -> str:
    """A moment as text: ISO 8601 in UTC."""
    return timestamp_text(utc(moment))


def timestamp_of(name: str) -> Callable[[object], str | None]:
    """A function that returns the attribute `name` of an object, which is a moment, as text; None for None."""

    def text(value: object) -> str | None:
        at: int | None = getattr(value, name)
        return None if at is None else timestamp(at)

    return text


def utc(moment: int) -> datetime:
    """A moment as a time."""
    return _EPOCH + timedelta(microseconds=moment)


def day_and_time(moment: int) -> str:
    """A moment for people: in UTC, to the millisecond."""
    return f"{utc(moment):%Y-%m-%d %H:%M:%S}.{moment // 1_000 % 1_000:03}"


def seconds(microseconds: int) -> float:
    """A span of time in seconds, to the millisecond, for people and JSON."""
    return round(microseconds / SECOND, 3)
