"""`report` on the command line: text, JSON, filters, and the page."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import pytest

from domain.values import timestamp_text
from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.cases import APT, HOSTILE, fill
from tests.scripts.program import Program

DAY = ("--since", "2025-10-22T00:00:00Z", "--until", "2025-10-23T00:00:00Z")
MOG = "1000000MOGUSDT.bybit.main#1"


@pytest.fixture
def report(ledger_url: str, program: Program) -> Program:
    fill(ledger_url)
    return partial(program, "--database", ledger_url, "report")


def test_a_day_is_told_with_what_is_open_what_was_missed_and_what_was_odd(report: Program) -> None:
    ran = report(*DAY)
    assert ran.code == 0
    assert ran.out.startswith("2025-10-22 00:00:00 to 2025-10-23 00:00:00 UTC: 4 cycles, 2 of them open now\n")
    for words in (
        f"critical  {MOG}  UNPROTECTED",
        "unprotected_longest_seconds",
        "Refused duplicates: 3\n",
        "hour from (UTC)      refused",
        "2025-10-22 19:00:00        3",
        "Cycles with a warning: 2\n",
        "  ! 2025-10-22 19:25:44.300  Unprotected for 20 min, from 19:25:44.300 to 19:45:44.300: the stop was lost.\n",
    ):
        assert words in ran.out, words
    assert "\x1b" in HOSTILE and "\x1b" not in ran.out


def test_what_a_clock_ahead_of_ours_opened_is_open_now(ledger_url: str, program: Program) -> None:
    ahead = timestamp_text(datetime.now(UTC) + timedelta(seconds=50))
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.adopt(
            symbol="APTUSDT", exchange="x", side="long", quantity="1", avg_px_open="3", reason="seen", at=ahead
        )
    asked = partial(program, "--database", ledger_url, "report", "--json")
    (found,) = asked().json["open"]
    assert (found["position_id"], found["unprotected_seconds"] is None) == ("APTUSDT.x#1", False)
    assert asked("--until", "1m").json["open"] == []


def test_json_has_the_same_for_programs(report: Program) -> None:
    found = json.loads(report(*DAY, "--json").out)
    assert found["cycles"] == 4 and [row["position_id"] for row in found["open"]] == [MOG, "SOLUSDT.binance#1"]
    assert found["open"][0]["unprotected_seconds"] == found["open"][0]["age_seconds"]
    assert found["open"][1]["unprotected_seconds"] is None
    assert len(found["rejections"]) == 24 and sum(bar["count"] for bar in found["rejections"]) == 3
    assert [each["position_id"] for each in found["longest_unprotected"]] == [MOG, APT]
    assert found["longest_unprotected"][1] == {
        "position_id": APT,
        "from": "2025-10-22T19:25:44.300000Z",
        "to": "2025-10-22T19:45:44.300000Z",
        "seconds": "1200",
        "why": "the stop was lost",
        "times": 2,
        "seconds_in_all": "1203.8",
    }
    assert [each["position_id"] for each in found["oddest"]] == [APT, MOG] and found["odd"] == 2
    assert found["statistics"]["opened"] == 4


def test_only_what_is_wanted_is_looked_at(report: Program) -> None:
    found = json.loads(report(*DAY, "--exchange", "Bybit", "--json").out)
    assert found["cycles"] == 2 and found["statistics"]["rejections"]["total"] == 0
    assert {each["position_id"] for each in found["oddest"]} == {MOG}
    assert json.loads(report(*DAY, "--symbol", "apt/usdt", "--json").out)["cycles"] == 1
    assert json.loads(report(*DAY, "--account", "main", "--json").out)["cycles"] == 1


def test_what_was_over_before_and_what_began_after_is_not_in_it(report: Program) -> None:
    early = json.loads(report("--since", "2025-10-20T00:00:00Z", "--until", "2025-10-21T00:00:00Z", "--json").out)
    late = json.loads(report("--since", "2025-10-25T00:00:00Z", "--json").out)
    assert early["cycles"] == 0 and early["oddest"] == []
    assert late["cycles"] == 2 and late["rejections"][0]["count"] == 0


def test_an_empty_ledger_has_an_empty_report(tmp_path: Path, program: Program) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    program("init", "--database", url)
    page = tmp_path / "empty.html"
    ran = program("report", "--html", page, "--database", url)
    assert (ran.code, ran.out, ran.err) == (0, "", f"{page} shows 0 cycles\n")
    assert "None has a warning." in page.read_text(encoding="utf-8")


def test_a_time_without_a_zone_and_an_empty_stretch_are_usage_errors(report: Program) -> None:
    assert report("--since", "2025-10-22").code == 2
    ran = report("--since", "2025-10-23T00:00:00Z", "--until", "2025-10-22T00:00:00Z")
    assert ran.code == 2 and "is not before" in ran.err


def test_a_report_and_the_pages_of_its_cycles_lead_to_each_other(tmp_path: Path, program: Program) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    report = tmp_path / "the report.html"
    assert program("report", *DAY, "--html", report, "--cycles", "--database", url).code == 0
    links = set(re.findall(r'href="([^"]+)"', report.read_text()))
    assert unquote("the%20report-cycles/APTUSDT.binance%25231.html") in {unquote(link) for link in links}
    for link in links:
        page = tmp_path / unquote(link)
        back = re.findall(r'<p class="back"><a href="([^"]+)">', page.read_text())
        assert [(page.parent / unquote(each)).resolve() for each in back] == [report]
    assert len(links) == 3


def test_pages_of_cycles_want_the_page_of_the_report(tmp_path: Path, program: Program) -> None:
    ran = program("report", "--cycles", "--database", f"sqlite:///{tmp_path}/ledger.db")
    assert ran.code == 2 and "--html" in ran.err


def test_a_report_says_at_once_what_is_wrong_what_to_run_and_what_was_earned(tmp_path: Path, program: Program) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    page = tmp_path / "report.html"
    program("report", *DAY, "--html", page, "--database", url)
    text = re.sub(r"<[^>]+>", "", page.read_text())
    assert "critical 1 of 1 unprotected, 1 more needs a person" in text
    assert "position-ledger recover --symbol SOLUSDT --exchange binance --account &#39;&#39; --live" in text
    assert "+4.21815 USDT by 1 cycle that was over" in text
