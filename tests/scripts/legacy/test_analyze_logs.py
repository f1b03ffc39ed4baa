"""`analyze-logs` on the command line: its output, its files, and its exit codes."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts.html.shapes import SIZES
from tests.scripts.program import Program

SAMPLES = Path(__file__).parents[2] / "samples_logs"
PERP, DAY = SAMPLES / "perp.log", SAMPLES / "day.log"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Program) -> Program:
    monkeypatch.chdir(tmp_path)
    return partial(program, "analyze-logs")


def test_a_duplicate_error_is_found_with_its_race(run: Program) -> None:
    ran = run(PERP, "--timezone", "+04:00")
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0] == "16 lines, 14 records: 2025-10-21 21:35:25 to 2025-10-21 21:35:29 UTC"
    assert (
        "2025-10-21 21:35:28.556  PERPUSDT  binance   B         "
        "the synchroniser added PERPUSDT as row 2439 0.838 s after the entry began" in lines
    )
    assert "added_missing" not in ran.out
    assert ran.err == ""


def test_verbose_tells_the_ten_seconds_before(run: Program) -> None:
    out = run(PERP, "--timezone", "+04:00", "--verbose").out
    assert " -2.011  added_missing      core.position_synchronizer    ✅ Added missing position: PERP/USDT:USDT" in out
    assert "HNTUSDT" not in out


def test_nothing_that_must_not_happen_is_exit_0(run: Program) -> None:
    ran = run(DAY, "--timezone", "+04:00")
    assert ran.code == 0
    assert "Duplicates refused early (as expected): 1" in ran.out
    assert "Duplicate errors" not in ran.out


def test_the_export_holds_what_other_programs_rely_on(run: Program, tmp_path: Path) -> None:
    ran = run(PERP, DAY, "--timezone", "+04:00", "--export", "report.json", "--json")
    exported = json.loads((tmp_path / "report.json").read_text())
    assert exported == ran.json
    assert ran.err == "report.json holds the report as JSON\n"
    (duplicate,) = exported["duplicate_errors"]
    assert duplicate.keys() >= {"timestamp", "symbol", "exchange", "scenario", "timeline"}
    assert (duplicate["timestamp"], duplicate["scenario"]) == ("2025-10-21T21:35:28.556000Z", "B")
    assert [(each["symbol"], each["exchange"], each["code"]) for each in exported["failed_entries"]] == [
        ("PERPUSDT", "binance", None),
        ("METUSDT", "binance", "-4140"),
    ]
    assert {name: len(exported[name]) for name in ("refusals", "unprotected_alarms", "restarts")} == {
        "refusals": 1,
        "unprotected_alarms": 1,
        "restarts": 1,
    }
    assert exported["statistics"]["lines"] == 28


def test_the_page_shows_the_log_and_executes_nothing_of_it(run: Program, tmp_path: Path) -> None:
    log = tmp_path / "evil.log"
    evil = "Atomic operation failed: pos_APTUSDT_1761082560 - <script>alert(1)</script> \x1b[31mred \x9b"
    log.write_text(f"{PERP.read_text()}2025-10-22 01:36:00,000 - x - ERROR - {evil}\n")
    ran = run(log, "--timezone", "+04:00", "--html", "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("4 errors in an hour, from 2025-10-21 21:00:00") == len(SIZES)
    assert "the synchroniser added PERPUSDT" in page
    assert "\x9b" not in ran.out
    assert "\x1b" not in ran.out


def test_rotated_files_in_any_order_say_what_the_whole_says(run: Program, tmp_path: Path) -> None:
    lines = PERP.read_bytes().splitlines(keepends=True)
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "bot.log"
    log.write_bytes(b"".join(lines[11:]))  # the file begins with the rest of a record
    log.with_name("bot.log.1").write_bytes(b"".join(lines[5:11]))
    log.with_name("bot.log.2.gz").write_bytes(gzip.compress(b"".join(lines[:5])))

    def told(*arguments: object) -> dict[str, Any]:
        report: dict[str, Any] = run(*arguments, "--timezone", "+04:00", "--json").json
        report["statistics"]["files"] = len(report["statistics"]["files"])
        return report

    whole = told(PERP)
    whole["statistics"]["files"] = 3
    assert told(log, log.with_name("bot.log.1"), log.with_name("bot.log.2.gz")) == whole
    assert told(log.with_name("bot.log.2.gz"), log, log.with_name("bot.log.1")) == whole
    assert told(log.parent) == whole
    assert told(log, "--rotated") == whole
    alone = run(log, "--timezone", "+04:00")
    assert "bot.log.1" in alone.err
    assert "--rotated reads what was rotated, too" in " ".join(alone.err.split())


@pytest.mark.parametrize("arguments", [[], ["-"]])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_log_may_come_through_a_pipe(
    run: Program, monkeypatch: pytest.MonkeyPatch, arguments: list[str], pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(PERP.read_bytes()))))
    report = run(*arguments, "--timezone", "+04:00", "--json").json
    assert [duplicate["scenario"] for duplicate in report["duplicate_errors"]] == ["B"]


def test_only_a_part_is_read(run: Program) -> None:
    def records(*arguments: str) -> int:
        found: int = run(DAY, "--timezone", "+04:00", "--json", *arguments).json["statistics"]["records"]
        return found

    assert records() == 12
    assert records("--lines", "3") == 3
    assert records("--from", "2025-10-22 05:00") == 4
    assert records("--from", "2025-10-22T01:00:00Z", "--to", "2025-10-22 05:00:00") == 3
    assert records("--to", "2025-10-22") == 12
    assert records("--to", "2025-10-21") == 0


def test_only_what_is_wanted_is_reported(run: Program) -> None:
    ran = run(PERP, DAY, "--timezone", "+04:00", "--symbol", "MET/USDT", "--exchange", "Binance", "--json")
    assert ran.code == 0
    assert ran.json["statistics"]["counts"] == {
        "duplicate_errors": 0,
        "failed_entries": 1,
        "refusals": 0,
        "unprotected_alarms": 0,
        "restarts": 1,
        "creates_close_together": 0,
    }


def test_the_clocks_were_changed_in_between(run: Program, tmp_path: Path) -> None:
    later = tmp_path / "later.log"
    later.write_text(PERP.read_text().replace("2025-10-22", "2025-10-30"))
    zones = ("--timezone", "+04:00", "--timezone", "UTC@2025-10-29")
    report = run(later, PERP, *zones, "--json").json
    assert [duplicate["timestamp"] for duplicate in report["duplicate_errors"]] == [
        "2025-10-21T21:35:28.556000Z",
        "2025-10-30T01:35:28.556000Z",
    ]


def test_a_damaged_file_is_read_as_far_as_it_goes(run: Program, tmp_path: Path) -> None:
    path = tmp_path / "bot.log.gz"
    path.write_bytes(gzip.compress(PERP.read_bytes() + bytes(range(256)) * 999)[:-40])
    ran = run(path, "--timezone", "+04:00")
    assert ran.code == 1
    assert "bot.log.gz: cut off or damaged:" in ran.out


def test_only_so_many_findings_of_a_kind_are_shown(run: Program, tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text(
        "".join(
            f"2025-10-22 01:{n:02}:00,000 - x - ERROR - Atomic operation failed: pos_C{n}USDT_1761082560 - no\n"
            for n in range(23)
        )
    )
    out = run(path, "--timezone", "UTC").out
    assert "Failed entries: 23" in out
    assert "and 13 more; see them with --verbose or --json" in out
    assert "more; see" not in run(path, "--timezone", "UTC", "--verbose").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([PERP], "the time 2025-10-22 01:35:00 names no zone; say what clock it is on with --timezone"),
        ([PERP, "--timezone", "Mars/Olympus"], "'Mars/Olympus' is not a time zone"),
        ([PERP, "--timezone", "UTC", "--timezone", "+04:00"], "two zones for the same time"),
        ([PERP, "--timezone", "UTC", "--from", "noon"], "--from: 'noon' is not a time"),
        ([PERP, "--timezone", "UTC", "--to", "soon"], "--to: 'soon' is not a time"),
        ([PERP, "--from", "2025-10-22"], "names no zone"),
        ([PERP, "--timezone", "UTC", "--export", "no/where.json"], "--export: there is no folder 'no'"),
        ([PERP, "--timezone", "UTC", "--html", "no/where.html"], "--html: there is no folder 'no'"),
        ([PERP, "-", "--timezone", "UTC"], "stdin (-) stands alone"),
        (["nowhere.log"], "'nowhere.log' does not exist"),
        ([PERP, "--timezone", "UTC", "--symbol", "?!"], "is not a symbol"),
        ([PERP, "--timezone", "UTC", "--lines", "0"], "--lines"),
    ],
)
def test_a_wrong_word_is_usage(run: Program, arguments: list[object], words: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in " ".join(ran.err.split())
