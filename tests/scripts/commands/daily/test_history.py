"""`history` on the command line: the narrative, the table, JSON, and the page."""

from __future__ import annotations

import json
import re
from functools import partial
from html import unescape
from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.cases import APT, HOSTILE, fill
from tests.scripts.program import Program
from tests.spec import second


@pytest.fixture
def history(ledger_url: str, program: Program) -> Program:
    fill(ledger_url)
    return partial(program, "--database", ledger_url, "history")


def test_a_cycle_is_told_as_a_story(history: Program) -> None:
    ran = history(APT)
    assert ran.code == 0 and ran.err == ""
    assert ran.out.startswith(
        "APTUSDT.binance#1: Short 60.5 APTUSDT at binance, entered at 3.2295: closed after 55 min 4 s\n"
    )
    assert (
        "\n  ! 19:20:44.300  The stop was moved away from the price, 3.27 → 3.275 (+0.153 %): more at risk.\n"
        in ran.out
    )
    assert (
        "\n  ! 19:25:44.300  Unprotected for 20 min, from 19:25:44.300 to 19:45:44.300: the stop was lost.\n" in ran.out
    )
    assert (
        "\n  - 19:00:44.300  3 rivals refused from 19:00:44.300 to 19:20:44.300: rival-0, rival-1, rival-2.\n"
        in ran.out
    )
    assert re.search(r"\n  18:50:40\.400  \+0\.4 s +The exchange acknowledges the entry as order 53190368\.\n", ran.out)


def test_what_others_wrote_cannot_draw_on_a_terminal(history: Program) -> None:
    assert "\x1b" in HOSTILE and "\x1b" not in history(APT).out


def test_a_key_is_a_table_of_its_events(history: Program) -> None:
    ran = history("APTUSDT.binance")
    assert ran.out.startswith("version  cycle  when (UTC)") and len(ran.out.splitlines()) == 2 + 12


def test_a_table_of_a_cycle_and_stories_of_a_key_can_be_had(history: Program) -> None:
    assert history(APT, "--table").out == history("APTUSDT.binance").out
    assert history("APTUSDT.binance", "--story").out == history(APT).out


def test_json_is_the_events_and_with_story_the_story(history: Program, ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        stored = [entry.as_json() for entry in ledger.history(APT)]
    assert json.loads(history(APT, "--json").out) == stored
    (story,) = json.loads(history(APT, "--json", "--story").out)
    assert story["position_id"] == APT and story["refused"] == 3
    assert [gap["seconds"] for gap in story["gaps"]] == ["3.8", "1200"]
    assert {oddity["kind"] for oddity in story["oddities"]} == {
        "unprotected",
        "slippage",
        "quantity",
        "stop_widened",
        "refused",
        "adjusted",
        "gone",
    }


def test_the_past_is_told_without_what_came_later(history: Program) -> None:
    ran = history(APT, "--as-of", second(1000).isoformat())
    assert "active, open for 16 min 40 s, protected by a stop at 3.28" in ran.out
    assert "Rivals refused  1" in ran.out and "Closed" not in ran.out
    assert "open for 4.3 s" in history(APT, "--as-of", "4").out


def test_the_past_of_the_exchange_is_a_table_for_a_story_is_told_as_it_was_recorded(history: Program) -> None:
    words = (APT, "--as-of", second(3).isoformat(), "--by", "event-time")
    assert len(history(*words).out.splitlines()) == 2 + 3
    assert history(*words, "--story").code == 2


def test_a_page_is_written_and_replaces_the_old_one(history: Program, tmp_path: Path) -> None:
    page = tmp_path / "apt.html"
    page.write_text("the old one")
    ran = history(APT, "--html", page)
    assert (ran.code, ran.out, ran.err) == (0, "", f"{page} shows {APT}\n")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".db"} >= {"apt.html"}
    assert not list(tmp_path.glob(".*"))


def test_a_page_that_cannot_be_written_is_a_usage_error(history: Program, tmp_path: Path) -> None:
    ran = history(APT, "--html", tmp_path / "missing" / "apt.html")
    assert ran.code == 2 and "cannot be written" in ran.err


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_story_is_as_wide_as_the_terminal(history: Program, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    elsewhere = history(APT).out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lines = history(APT).out.splitlines()[1:]
    assert max(map(len, lines)) <= min(columns, 120)
    assert columns == 60 or max(map(len, lines)) > 70
    assert (lines == elsewhere.splitlines()[1:]) == (columns >= 120)


def test_what_never_was_is_refused_with_what_is_near_it(history: Program) -> None:
    assert history("APTUSD.binance").err.endswith("nothing ever happened to APTUSD.binance; there is APTUSDT.binance\n")
    assert history("APTUSDT.binance#7").err.endswith("#7; its last cycle is APTUSDT.binance#1\n")


def test_what_never_was_is_refused(history: Program) -> None:
    ran = history("NOPEUSDT.binance#1")
    assert ran.code == 1 and ran.err.endswith("nothing ever happened to NOPEUSDT.binance#1\n")


def test_before_the_beginning_there_is_nothing_to_tell(history: Program, tmp_path: Path) -> None:
    ran = history(APT, "--as-of", "2020-01-01T00:00:00Z")
    assert (ran.code, ran.out) == (0, "") and "nothing had happened" in ran.err
    page = tmp_path / "none.html"
    assert history(APT, "--as-of", "2020-01-01T00:00:00Z", "--html", page).code == 0
    assert not page.exists()


def test_a_page_of_a_cycle_with_many_events_has_the_last_ones_and_says_how_all_are_had(
    history: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written() -> tuple[int, str]:
        assert history(APT, "--html", tmp_path / "apt.html").code == 0
        text = (tmp_path / "apt.html").read_text(encoding="utf-8")
        return text.count('<tr><td class="number">'), unescape(text)

    count, text = written()
    assert count == 12 and "<summary>Every event</summary>" in text and "--table" not in text
    monkeypatch.setattr("scripts.html.cycle_page.EVENTS_MAX", 5)
    count, text = written()
    assert count == 5 and "<summary>The last 5 of 12 events</summary>" in text
    assert f"data-copy=\"position-ledger history '{APT}' --table --database " in text
    assert len(history(APT, "--table").out.splitlines()) == 2 + 12


@pytest.fixture
def many(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The history of a key with five cycles, of which a page tells two."""
    monkeypatch.setattr("scripts.commands.daily.history.CYCLES_MAX", 2)
    with PositionLedger.connect(f"sqlite:///{tmp_path}/many.db") as ledger:
        for number in range(1, 6):
            ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id=f"{number}")
            ledger.fail_entry(position_id=f"APTUSDT.binance#{number}", reason="price limit", outcome="rejected")
    return partial(program, "--database", f"sqlite:///{tmp_path}/many.db", "history")


def told_on(page: Path) -> list[str]:
    return re.findall(r"<h[12]>APTUSDT\.<wbr>binance#<wbr>(\d+)</h", page.read_text(encoding="utf-8"))


def test_a_page_of_many_cycles_tells_the_last_ones_and_how_the_others_are_had(many: Program, tmp_path: Path) -> None:
    page, told, way = tmp_path / "apt.html", list[str](), list[str]()
    for words in ("Cycles 4 to 5 of", "Cycles 2 to 3 of", "Cycle 1, one of"):
        ran = many("APTUSDT.binance", "--html", str(page), *way)
        assert (ran.code, ran.out) == (0, "")
        assert ran.err.startswith(f"{page} shows APTUSDT.binance: {words} 5. ")
        assert ran.err.partition(": ")[2].strip() in unescape(page.read_text(encoding="utf-8"))
        told += told_on(page)
        way = re.findall(r"--html FILE (--before) (\d+) ", ran.err.strip())
        way = [*way[0]] if way else []
    assert sorted(told) == ["1", "2", "3", "4", "5"] and not way
    assert ran.err.endswith("There are none before.\n")


def test_a_page_of_few_cycles_says_nothing_of_others(many: Program, tmp_path: Path) -> None:
    page = tmp_path / "apt.html"
    assert many("APTUSDT.binance#2", "--html", str(page)).err == f"{page} shows APTUSDT.binance#2\n"
    assert "--before" not in page.read_text(encoding="utf-8")


def test_what_is_printed_beside_a_page_has_all_cycles(many: Program, tmp_path: Path) -> None:
    ran = many("APTUSDT.binance", "--html", str(tmp_path / "apt.html"), "--json", "--story")
    assert len(ran.json) == 5 and len(told_on(tmp_path / "apt.html")) == 2


def test_before_is_of_a_page_and_names_a_cycle_with_some_before_it(many: Program, tmp_path: Path) -> None:
    page = tmp_path / "apt.html"
    assert many("APTUSDT.binance", "--before", "3").code == 2
    assert many("APTUSDT.binance", "--html", str(page), "--before", "0").code == 2
    ran = many("APTUSDT.binance", "--html", str(page), "--before", "1")
    assert (ran.code, ran.err) == (1, "InvalidCommand: before 1: the first cycle is 1\n") and not page.exists()
