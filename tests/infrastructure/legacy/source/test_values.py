"""Numbers and times of a legacy table, and what a change of them is."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import reset_tzpath

import pytest

from infrastructure.legacy.importing.row_diff import changes
from infrastructure.timezones import is_ambiguous, placed, read_time, zone_of


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-21 21:35:25.774000+00", "2025-10-21 21:35:25.774+00", "2025-10-22 00:35:25.774+03",
        "2025-10-22 03:05:25.774+0530", "2025-10-22 03:05:25.774+05:30", "2025-10-21T21:35:25.774Z",
        "2025-10-21t21:35:25.774z", "2025-10-21 21:35:25.774 UTC", "2025-10-21 18:05:25,774-03:30",
        "2025-10-22 00:05:42.774+02:30:17",
    ],
)  # fmt: skip
def test_a_time_with_its_zone_is_read_in_any_spelling(text: str) -> None:
    assert read_time(text) == datetime(2025, 10, 21, 21, 35, 25, 774000, UTC)


def test_a_time_without_zone_stays_naive_until_it_is_placed() -> None:
    naive = read_time("2025-10-22 21:50:40.981819")
    assert naive == datetime(2025, 10, 22, 21, 50, 40, 981819)  # noqa: DTZ001 - a naive time is what this is about
    assert placed(naive, zone_of("Europe/Moscow")) == datetime(2025, 10, 22, 18, 50, 40, 981819, UTC)
    assert placed(naive, zone_of("+04:00")) == datetime(2025, 10, 22, 17, 50, 40, 981819, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "infinity",
        "-infinity",
        "",
        "now",
        "2025-10-21",
        "21:35:25",
        "1761159045",
        "10/21/2025 21:35",
        "2025-13-01 00:00",
        "0001-01-01 00:00:00+05",
        "9999-12-31 23:59:59-05",
        "2025-10-21 25:00:00+00",
        "0044-03-15 12:00:00 BC",
        "2025-10-21 21:35:25+99",
        "٢٠٢٥-10-21 21:35:25",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_time(text) is None


def test_a_time_beyond_the_calendar_cannot_be_placed() -> None:
    early = read_time("0001-01-01 00:00:00")
    assert early is not None and placed(early, zone_of("+05:00")) is None


@pytest.mark.parametrize(
    ("name", "hours"),
    [("UTC", 0), ("z", 0), ("+04:00", 4), ("-0330", -3.5), ("+4", 4), ("UTC+3", 3), ("Europe/Moscow", 3)],
)
def test_a_zone_is_a_name_or_an_offset(name: str, hours: float) -> None:
    assert zone_of(name).utcoffset(datetime(2025, 10, 22)) == timedelta(hours=hours)  # noqa: DTZ001 - on its clocks


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "+25:00", "Europe", "4"])
def test_what_is_no_zone_is_refused_with_what_would_be_one(name: str) -> None:
    with pytest.raises(ValueError, match=r"write an offset like \+04:00"):
        zone_of(name)


def test_a_machine_without_zones_says_so_and_still_knows_offsets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in {"tzdata", *(name for name in sys.modules if name.startswith("tzdata"))}:
        monkeypatch.setitem(sys.modules, name, None)
    reset_tzpath([tmp_path])
    try:
        with pytest.raises(ValueError, match="the package tzdata"):
            zone_of("Europe/Volgograd")
        assert zone_of("+03:00").utcoffset(None) == timedelta(hours=3)
        assert zone_of("UTC") is UTC
    finally:
        reset_tzpath()


@pytest.mark.parametrize(
    ("text", "zone", "doubt"),
    [
        ("2025-10-26 02:30:00", "Europe/Berlin", "twice"),
        ("2025-03-30 02:30:00", "Europe/Berlin", "never"),
        ("2025-10-26 01:30:00", "Europe/Berlin", None),
        ("2025-10-26 02:30:00", "Europe/Moscow", None),
        ("2025-10-26 02:30:00", "+01:00", None),
    ],
)
def test_a_time_that_clocks_showed_twice_or_never_is_ambiguous(text: str, zone: str, doubt: str | None) -> None:
    time = read_time(text)
    assert time is not None and is_ambiguous(time, zone_of(zone)) is (doubt is not None)


def test_another_spelling_is_no_change() -> None:
    before: dict[str, str | None] = {
        "a": "61.80000000", "b": "2025-10-22 00:35:25.774+03", "c": "t", "d": None, "e": "x", "gone": "1",
        "n": "2025-10-22 00:35:25.500",
    }  # fmt: skip
    now: dict[str, str | None] = {
        "a": "61.8", "b": "2025-10-21 21:35:25.774+00", "c": "true", "d": "", "e": "x", "new": "2",
        "n": "2025-10-22 00:35:25.5",
    }  # fmt: skip
    assert changes(before, now) == []


def test_a_change_is_told_with_both_values() -> None:
    before = {"status": "active", "closed_at": None, "quantity": "61.8", "note": "sNaN"}
    now: dict[str, str | None] = {
        "status": "closed",
        "closed_at": "2025-10-22 00:35:25+00",
        "quantity": "61.80",
        "note": "NaN",
    }
    assert changes(before, now) == [
        "status was 'active' and is 'closed'",
        "closed_at was NULL and is '2025-10-22 00:35:25+00'",
        "note was 'sNaN' and is 'NaN'",
    ]
