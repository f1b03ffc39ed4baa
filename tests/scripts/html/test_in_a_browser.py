"""The pages in a real browser: with light and dark colours, on a desktop and on a phone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.cli import main
from tests.scripts.cases import APT, fill
from tests.scripts.html import browser

WIDTHS = (360, 560, 561, 900, 901, 1200)
LIGHT = {"average": (0, 114, 178), "stop": (143, 96, 0), "covered": (86, 180, 233), "unprotected": (213, 94, 0)}
DARK = {"average": (90, 180, 229), "stop": (230, 168, 32), "covered": (47, 120, 168), "unprotected": (255, 138, 61)}
EXITS_AND_REFUSALS = {False: ((0, 121, 90), (139, 58, 139)), True: ((53, 184, 143), (213, 138, 213))}
PAPER = {False: (255, 255, 255), True: (20, 24, 28)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a cycle, and that of its ledger."""
    folder = tmp_path_factory.mktemp("pages")
    url = f"sqlite:///{folder}/ledger.db"
    fill(url)
    written = {name: folder / f"{name}.html" for name in ("cycle", "ledger")}
    run("history", APT, "--html", written["cycle"], "--database", url)
    day = ("--since", "2025-10-22T00:00:00Z", "--until", "2025-10-23T00:00:00Z")
    run("report", *day, "--html", written["ledger"], "--database", url)
    return written


def run(*words: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["position-ledger", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_every_mark_can_be_seen_in_light_and_in_dark(pages: dict[str, Path], *, is_dark: bool) -> None:
    picture = browser.picture(pages["cycle"], 640, 1400, is_dark=is_dark)
    seen = picture.colors()
    assert (picture.width, picture.height) == (640, 1400)
    assert seen.most_common(1)[0][0] == PAPER[is_dark]
    for name, color in (DARK if is_dark else LIGHT).items():
        assert seen[color] > 60, name
    for color in EXITS_AND_REFUSALS[is_dark]:
        assert seen[color] > 8
    assert len(seen) > 50


def test_the_bars_of_the_refused_can_be_seen(pages: dict[str, Path]) -> None:
    assert browser.picture(pages["ledger"], 910, 1600).colors()[(139, 58, 139)] > 200


@pytest.mark.parametrize("name", ["cycle", "ledger"])
def test_nothing_sticks_out_and_no_label_covers_another(pages: dict[str, Path], name: str) -> None:
    for width, said in zip(WIDTHS, browser.measured(pages[name], WIDTHS), strict=True):
        assert (said["page"], said["outside"], said["covered"]) == (width, [], []), f"{width} px"
        assert said["labels"] > 5 and 9 <= said["smallest"] < 25, f"{width} px"


def test_the_measuring_sees_what_sticks_out_and_what_is_covered(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        '<!doctype html><body style="margin:0"><p style="width:900px">wide</p><svg class="drawing" width="300">'
        '<text x="10" y="20">one</text><text x="12" y="21">other</text></svg></body>',
        encoding="utf-8",
    )
    (said,) = browser.measured(page, [400])
    assert said["page"] == 900 and said["outside"] == ["wide"] and said["covered"] == ["one / other"]


def test_a_page_asks_the_network_for_nothing(pages: dict[str, Path], tmp_path: Path) -> None:
    assert browser.asked_for(pages["cycle"]) == set()
    bad = tmp_path / "bad.html"
    bad.write_text('<img src="http://example.invalid/x.png">', encoding="utf-8")
    assert browser.asked_for(bad) == {"http://example.invalid/x.png"}


def test_without_a_browser_the_tests_say_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AssertionError, match="make browser"):
        browser.chromium()
    monkeypatch.setenv(browser.VARIABLE, "/opt/other")
    assert browser.chromium() == "/opt/other"
