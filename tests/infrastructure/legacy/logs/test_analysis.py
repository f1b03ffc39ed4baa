from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.legacy.logs.parsing.filter import LogFilter
from infrastructure.legacy.logs.reading.clock import DatedZone, LogClock, ZoneNeeded
from infrastructure.legacy.logs.reading.reader import TimeRange
from tests.infrastructure.legacy.logs.examples import DAY, PERP, analysed, analysed_parts, joined, line, violated


def moment(text: bytes) -> int:
    found = LogClock([DatedZone.parse("UTC")]).second(text)
    assert found is not None
    return found


def test_every_line_is_counted_once() -> None:
    report = analysed(
        "before any record",
        "",
        line("10:00:00,000", "a"),
        "goes on",
        "",
        line("10:59:59,000", "b", "ERROR"),
        line("11:00:00,000", "c", "CRITICAL"),
        line("12:00:00,000", "d", "WARN"),
        "2025-13-45 10:00:00,000 - x - INFO - no such day",
        "of that one",
    )
    numbers = report.statistics()
    counted = {
        name: numbers[name] for name in ("lines", "records", "continuation_lines", "blank_lines", "levels", "errors")
    }
    assert counted == {
        "lines": 10,
        "records": 4,
        "continuation_lines": 1,
        "blank_lines": 2,
        "levels": {"INFO": 1, "ERROR": 1, "CRITICAL": 1, "WARNING": 1},
        "errors": 2,
    }
    assert numbers["unread_lines"] == {
        "count": 3,
        "examples": ["before any record", "2025-13-45 10:00:00,000 - x - INFO - no such day", "of that one"],
    }
    assert numbers["errors_per_hour"] == {
        "2025-10-22T10:00:00.000000Z": 1,
        "2025-10-22T11:00:00.000000Z": 1,
        "2025-10-22T12:00:00.000000Z": 0,
    }
    assert (numbers["span_hours"], numbers["errors_per_hour_average"]) == (2.0, 1.0)
    assert numbers["projected_per_day"] == {"errors": 24.0, "duplicate_errors": 0.0, "failed_entries": 0.0}


def test_a_log_of_no_time_projects_nothing() -> None:
    numbers = analysed(b"").statistics()
    assert (numbers["first_time"], numbers["projected_per_day"]["errors"], numbers["records"]) == (None, None, 0)


def test_an_error_in_words_that_nobody_knows_is_told() -> None:
    report = analysed(
        line("10:00:00,000", "position_error happened twice", "ERROR"), line("10:00:01,000", "fine", "ERROR")
    )
    assert report.statistics()["not_understood"] == {"count": 1, "examples": ["position_error happened twice"]}


def test_everything_that_is_recognised_is_counted() -> None:
    assert analysed(DAY, zone="+04:00").tally.facts == {
        "bot_started": 2,
        "unprotected": 2,
        "entry_failed": 2,
        "bot_stopped": 1,
        "not_found": 1,
        "phantom": 1,
        "quantity_mismatch": 1,
        "added_missing": 1,
        "refused_early": 1,
    }


def test_only_what_lies_within_a_span_is_read() -> None:
    text = [
        line("10:00:00,500", "a"),
        "goes on",
        line("10:00:05,000", "b"),
        line("10:00:09,999", "c"),
        line("10:00:10,000", "d"),
    ]
    report = analysed(text, span=TimeRange(moment(b"2025-10-22 10:00:05"), moment(b"2025-10-22 10:00:09")))
    assert (report.tally.records, report.tally.outside) == (2, 3)


def test_only_findings_that_are_wanted_are_reported() -> None:
    text = [*violated("10:00:00,000", "APTUSDT"), *violated("10:00:01,000", "KASUSDT", "bybit")]

    def symbols(symbol: str | None, exchange: str | None) -> list[str | None]:
        report = analysed(text, wanted=LogFilter(symbol, exchange))
        assert report.failures.count == report.duplicates.count
        return [each.symbol for each in report.duplicates.kept]

    assert symbols("APTUSDT", None) == symbols(None, "binance") == ["APTUSDT"]
    assert symbols("KASUSDT", "binance") == []
    assert symbols(None, None) == ["APTUSDT", "KASUSDT"]


def test_a_time_without_a_zone_ends_the_analysis() -> None:
    with pytest.raises(ZoneNeeded):
        analysed_parts([PERP], zone="UTC@2030-01-01")


def comparable(*parts: bytes) -> dict[str, Any]:
    return analysed_parts(parts, zone="+04:00").as_json()


@given(st.lists(st.integers(0, 28), max_size=5))
@settings(max_examples=40)
def test_a_log_that_was_rotated_at_any_line_says_the_same(cuts: list[int]) -> None:
    middle = DAY.index(b"2025-10-22 01:40")
    lines = (DAY[:middle] + PERP + DAY[middle:]).splitlines(keepends=True)
    places = [0, *sorted(cuts), len(lines)]
    parts = [b"".join(lines[begin:end]) for begin, end in pairwise(places)]
    whole = comparable(b"".join(lines))
    assert comparable(*parts) == whole
    assert [duplicate["scenario"] for duplicate in whole["duplicate_errors"]] == ["B"]


words = st.sampled_from(
    [*PERP.splitlines(), *DAY.splitlines(), b"{", b"'", b"DETAIL:  Key (symbol, exchange)=(", b"\xff\xfe\n"]
)


@given(st.lists(words | st.binary(max_size=40), max_size=30), st.binary(max_size=4))
@settings(max_examples=150)
def test_no_bytes_bring_it_down(parts: list[bytes], between: bytes) -> None:
    report = analysed_parts([between.join(parts), b"\n".join(parts)])
    numbers = report.statistics()
    assert json.dumps(report.as_json())
    assert numbers["continuation_lines"] >= 0


CROWD = """
import re, sys
from pathlib import Path
from infrastructure.legacy.logs.analysis import Analysis
from infrastructure.legacy.logs.reading.clock import LogClock, DatedZone
from infrastructure.legacy.logs.reading.lines import batches
from infrastructure.legacy.logs.reading.reader import TimeRange
from infrastructure.legacy.logs.parsing.filter import LogFilter

analysis = Analysis(LogClock([DatedZone.parse("UTC")]), TimeRange(), LogFilter())
for lines in batches(sys.stdin.buffer, print, print):
    analysis.read(lines)
report = analysis.finish()
most = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())  # ru_maxrss is the parent's, if more
print(report.tally.lines, report.duplicates.count, most[1])
"""


def test_a_long_log_is_read_in_the_memory_of_a_short_one() -> None:
    time = "12:00:00,000"
    quiet = [line(time, f"Position update: C{n}USDT mark_price={n}", logger="core.m") for n in range(995)]
    block = joined(quiet, violated(time, "APTUSDT"), ["a", "b", "c"])

    def read(count: int) -> tuple[int, int, int]:
        with subprocess.Popen([sys.executable, "-c", CROWD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            assert reader.stdin is not None
            for number in range(count // 1_000):
                reader.stdin.write(block.replace(b"12:00:00", b"%02d:%02d:%02d" % (number // 60, number % 60, 0)))
            out, _ = reader.communicate()
        lines, duplicates, kilobytes = map(int, out.split())
        return lines, duplicates, kilobytes

    short, long = read(50_000), read(300_000)
    assert (short[0], long[0], long[1] > short[1] > 0) == (50_000, 300_000, True)
    assert long[2] < 100_000
    assert long[2] - short[2] < 16_000
