from __future__ import annotations

import pytest

from infrastructure.legacy.logs.reading.clock import DatedZone, LogClock, ZoneNeeded, day_or_time, timestamp


def clock(*zones: str) -> LogClock:
    return LogClock([DatedZone.parse(zone) for zone in zones])


def said(clock: LogClock, second: bytes, zone: bytes = b"") -> str | None:
    moment = clock.second(second, zone)
    return None if moment is None else timestamp(moment)


@pytest.mark.parametrize("zone", ["+04:00", "+04", "UTC+4", "Asia/Dubai"])
def test_a_time_without_a_zone_is_read_in_the_one_that_is_given(zone: str) -> None:
    assert said(clock(zone), b"2025-10-22 22:50:40") == "2025-10-22T18:50:40.000000Z"


@pytest.mark.parametrize(
    ("second", "zone"),
    [(b"2025-10-22 18:50:40", b"Z"), (b"2025-10-22T22:50:40", b"+04:00"), (b"2025-10-22 22:50:40", b" +0400")],
)
def test_a_time_that_names_its_zone_is_read_in_it(second: bytes, zone: bytes) -> None:
    assert said(clock(), second, zone) == said(clock("Asia/Tokyo"), second, zone) == "2025-10-22T18:50:40.000000Z"


def test_the_clocks_were_changed_on_a_day() -> None:
    both = clock("UTC@2025-10-29", "+04:00")
    assert said(both, b"2025-10-28 23:59:59") == "2025-10-28T19:59:59.000000Z"
    assert said(both, b"2025-10-29 00:00:00") == "2025-10-29T00:00:00.000000Z"


def test_the_clocks_were_changed_at_a_time() -> None:
    both = clock("+04:00", "UTC@2025-10-29T14:00")
    assert said(both, b"2025-10-29 13:59:59") == "2025-10-29T09:59:59.000000Z"
    assert said(both, b"2025-10-29 14:00:00") == "2025-10-29T14:00:00.000000Z"


def test_a_zone_is_never_guessed() -> None:
    with pytest.raises(ZoneNeeded, match=r"2025-10-22 22:50:00 names no zone; .* --timezone"):
        clock().second(b"2025-10-22 22:50:40")
    with pytest.raises(ZoneNeeded):
        clock("UTC@2025-10-29").second(b"2025-10-22 22:50:40")


@pytest.mark.parametrize(
    "second", [b"2025-13-01 00:00:00", b"2025-02-30 00:00:00", b"2025-10-22 24:61:00", b"2025-10-22 10:00:75"]
)
def test_what_is_on_no_calendar_is_no_time(second: bytes) -> None:
    assert clock("UTC").second(second) is None


@pytest.mark.parametrize("text", ["Mars/Olympus", "UTC@yesterday", "UTC@", "+04:00@2025-10-29T00:00Z"])
def test_a_zone_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time zone|without a zone"):
        DatedZone.parse(text)


def test_two_zones_for_one_time_are_refused() -> None:
    with pytest.raises(ValueError, match="two zones for the same time"):
        clock("UTC", "+04:00")


def test_a_day_is_told_from_a_time() -> None:
    assert day_or_time("2025-10-22")[1]
    assert not day_or_time("2025-10-22T00:00")[1]
    with pytest.raises(ValueError, match="is not a time"):
        day_or_time("noon")
