"""The live page in a real browser: it is renewed, keeps the focus, and says when its data is out of date."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.cases import fill
from tests.scripts.commands.daily.test_serve import Served, serving
from tests.scripts.commands.daily.test_status import enter
from tests.scripts.program import Program
from tests.scripts.serving.tab import Tab
from tests.scripts.serving.test_recent_results import close_one

TODAY = datetime.now(UTC).date()
PATHS = ("/", "/positions?at=2025-10-22T18:50:42Z", "/history/APTUSDT.binance%231", f"/day/{TODAY}")
COUNTED = "!document.querySelector('#earned') || document.querySelector('.calendar a')"
"""What was earned is there, on the page that has it."""
SCHEMES = ("light", "dark")
_CONTRAST = """
(() => {
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => numbers(color).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = each => {
    for (; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if ((numbers(color)[3] ?? 1) > 0.99) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const bad = new Set();
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const each = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !each.checkVisibility()) continue;
    if (each.closest("title, desc, .on, noscript")) continue;
    const style = getComputedStyle(each);
    const color = each.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [high, low] = [light(color), light(ground(each))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    seen += 1;
    if (ratio < (isLarge ? 3 : 4.5)) bad.add(`${walker.currentNode.data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [seen, [...bad]];
})()
"""

_WIDE = """
[...document.querySelectorAll("main *")]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scrolls, svg"))
  .map(each => each.outerHTML.slice(0, 80))
"""


def _every(selector: str) -> str:
    return f"[...document.querySelectorAll({selector!r})]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url = f"sqlite:///{tmp_path_factory.mktemp('page')}/ledger.db"
    fill(url)
    with PositionLedger.connect(url) as ledger:
        close_one(ledger, symbol="SUIUSDT", account="an-account-with-a-long-name")
    with serving(url) as served:
        yield served


def at(page: Served, path: str) -> str:
    return f"http://127.0.0.1:{page.port}{path}"


def test_an_event_is_on_the_page_and_the_focus_stays_where_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    enter(url, "APTUSDT", 9_000)
    with serving(url) as page, Tab() as tab:
        tab.open(at(page, "/"))
        tab.until("document.title.startsWith('ok')")
        tab.run("document.querySelector('#positions a').focus()")
        enter(url, "SUIUSDT", 600, stop=False)
        tab.until("document.querySelector('#positions').textContent.includes('SUIUSDT')")
        tab.until("document.title.startsWith('critical: 1 of 2 unprotected')")
        assert tab.run("document.activeElement.textContent") == "APTUSDT.binance#1"
        assert tab.run("document.querySelector('#positions tbody').textContent.includes('SUIUSDT')"), "the worst first"
        tab.until("/^10 min \\d+ s$/.test(document.querySelector('#positions time').textContent)")
        tab.until("/ago/.test(document.querySelector('#fresh').textContent)")
        assert tab.complaints == []


def test_what_is_read_out_is_news_and_not_the_clock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    enter(url, "SUIUSDT", 600, stop=False)
    with serving(url) as page, Tab() as tab:
        tab.open(at(page, "/"))
        tab.until("document.title.startsWith('critical')")
        tab.run(
            "window.changed = []; new MutationObserver(found => found.forEach(each => "
            "each.target.closest('[aria-live=off]') || changed.push(each.target.outerHTML)))"
            ".observe(document.querySelector('[role=status]'), {childList: true, subtree: true})"
        )
        tab.run("window.ticks = 0; setInterval(() => { ticks += 1; }, 1000)")
        tab.until("ticks >= 3")
        assert tab.run("changed") == []


def test_a_server_that_is_gone_is_told_by_the_page_itself(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    with serving(url) as page, Tab() as tab:
        tab.open(at(page, "/"))
        tab.until("document.title.startsWith('critical')")
        assert tab.run("document.getElementById('lost').hidden")
        page.end(signal.SIGTERM)
        tab.until("!document.getElementById('lost').hidden")
        assert tab.run("document.title") == "not known: no word from the server"
        assert "UTC" in tab.run("document.getElementById('lost').textContent")


def test_a_server_that_is_started_again_is_listened_to_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    with Tab() as tab:
        with serving(url) as page:
            tab.open(at(page, "/"))
            tab.until("document.title.startsWith('ok')")
        tab.until("!document.getElementById('lost').hidden")
        enter(url, "SUIUSDT", 600, stop=False)
        with serving(url, port=page.port):
            tab.until("document.title.startsWith('critical') && document.getElementById('lost').hidden")


def test_every_text_stands_out_from_what_is_behind_it(page: Served) -> None:
    with Tab() as tab:
        for path in PATHS:
            tab.open(at(page, path))
            tab.until(COUNTED)
            all_stand_out_in_light_and_in_dark(tab, 5)
        tab.run("document.body.style.setProperty('--muted', '#777'), document.body.style.color = '#777'")
        for scheme in SCHEMES:
            tab.color(scheme)
            assert tab.run(_CONTRAST)[1], "what does not stand out is seen"


def all_stand_out_in_light_and_in_dark(tab: Tab, texts_min: int) -> None:
    for scheme in SCHEMES:
        tab.color(scheme)
        assert tab.run(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        seen, bad = tab.run(_CONTRAST)
        assert seen > texts_min and bad == [], scheme


def test_every_text_of_a_report_on_the_disk_stands_out_too(tmp_path: Path, program: Program) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    report = tmp_path / "report.html"
    program("report", "--since", "2025-10-22T00:00:00Z", "--html", report, "--database", url)
    assert "MISSED" in report.read_text(encoding="utf-8")
    with Tab() as tab:
        tab.open(report.as_uri())
        all_stand_out_in_light_and_in_dark(tab, 50)


def test_nothing_is_wider_than_the_screen(page: Served) -> None:
    with Tab() as tab:
        for path in PATHS:
            tab.widen(360)  # a page is loaded where there is least room
            tab.open(at(page, path))
            tab.until(COUNTED)
            for width in (360, 768, 901):
                tab.widen(width)
                tab.until(f"innerWidth === {width}")
                assert (tab.run(_WIDE), tab.run("document.documentElement.scrollWidth")) == ([], width), path


def test_paper_says_of_when_it_is_and_folds_no_age(page: Served) -> None:
    with Tab(680) as tab:  # the width of a sheet between its margins
        for path in PATHS:
            tab.open(at(page, path))
            tab.until(COUNTED + " && /ago/.test(document.querySelector('.fresh').textContent)")
            tab.ask("Emulation.setEmulatedMedia", media="print")
            fresh = tab.run("document.querySelector('.fresh').innerText")
            assert re.fullmatch(r"As of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.?", fresh), path
            assert (
                tab.run(f"{_every('nav, button, form, .skip')}.filter(each => each.checkVisibility()).length") == 0
            ), path
            ages = _every(".standing [data-name=age] > *")
            assert set(tab.run(f"{ages}.map(each => each.getClientRects().length)")) <= {1}, path
            tab.ask("Emulation.setEmulatedMedia", media="screen")


def test_everything_is_reached_by_keys_and_the_focus_is_seen(page: Served) -> None:
    with Tab() as tab:
        tab.open(at(page, "/positions?at=2025-10-22T18:50:42Z&by=recorded"))
        reached = []
        for _ in range(10):
            tab.press("Tab")
            reached.append(tab.run("document.activeElement.id || document.activeElement.textContent.trim()"))
            assert tab.run("getComputedStyle(document.activeElement).outlineStyle") != "none", reached[-1]
        assert reached[0] == "To the content" and {"Now", "Positions", "at", "slider", "place"} <= set(reached)
        assert any("APTUSDT" in each for each in reached)


def test_the_slider_looks_back_by_keys_alone(page: Served) -> None:
    with Tab() as tab:
        tab.open(at(page, "/positions"))
        assert "SOLUSDT" in tab.run("document.getElementById('then').textContent")
        tab.run("(slider => { slider.value = slider.min; slider.focus(); })(document.getElementById('slider'))")
        tab.press("ArrowRight")
        tab.until("document.getElementById('then').textContent.includes('APTUSDT')")
        assert tab.run("document.getElementById('at').value").startswith("2025-10-22T18:51")
        assert "SOLUSDT" not in tab.run("document.getElementById('then').textContent")
        tab.run("document.querySelector('[value=event-time]').click()")
        tab.until("document.getElementById('then').textContent.includes('as it had happened')")
        assert "by=event-time" in tab.run("location.href") and tab.complaints == []
