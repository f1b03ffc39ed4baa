"""A key with many cycles is shown page by page: each cycle once, and a page reads only the events of its cycles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidCommand, UnknownPosition
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.history import HistoryEntry
from position_ledger.testing import memory_ledger
from scripts.serving.key_pages import CYCLES_MAX, KeyPage
from tests.scripts.commands.daily.test_serve import Served, serving

KEY = "APTUSDT.binance"
CYCLES = 2 * CYCLES_MAX + 3


def cycles(ledger: PositionLedger, count: int) -> None:
    for number in range(1, count + 1):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id=f"{number}")
        ledger.fail_entry(position_id=f"{KEY}#{number}", reason="price limit", outcome="rejected")


@pytest.fixture(scope="module")
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger() as ledger:
        cycles(ledger, CYCLES)
        yield ledger


def numbers(page: KeyPage) -> list[int]:
    return sorted({entry.event.cycle for entry in page.entries})


def test_the_last_cycles_are_told_first_and_the_others_are_led_to(ledger: PositionLedger) -> None:
    page = KeyPage.of(ledger, KEY, where="/k", at=None, before=None)
    assert numbers(page) == list(range(CYCLES - CYCLES_MAX + 1, CYCLES + 1))
    assert page.others is not None and page.others.words == "Cycles 24 to 43 of 43."
    assert page.others.ways == [("Earlier cycles", "/k?before=24")]


def test_a_page_between_leads_both_ways_and_keeps_its_moment(ledger: PositionLedger) -> None:
    page = KeyPage.of(ledger, KEY, where="/k", at="2025-10-22T18:50:43Z", before="24")
    assert numbers(page) == list(range(4, 24)) and page.others is not None
    at = "at=2025-10-22T18%3A50%3A43Z"
    assert page.others.ways == [("Earlier cycles", f"/k?{at}&before=4"), ("Later cycles", f"/k?{at}")]
    assert page.others.words == "Cycles 4 to 23 of 43."


def test_the_first_page_leads_to_later_ones_alone(ledger: PositionLedger) -> None:
    page = KeyPage.of(ledger, KEY, where="/k", at=None, before="4")
    assert numbers(page) == [1, 2, 3] and page.others is not None
    assert page.others.ways == [("Later cycles", "/k?before=24")]


def test_of_few_cycles_all_are_told_and_nothing_is_led_to(ledger: PositionLedger) -> None:
    by_then = str(ledger.history(f"{KEY}#{CYCLES_MAX}")[-1].event.originator_version)
    page = KeyPage.of(ledger, KEY, where="/k", at=by_then, before=None)
    assert numbers(page) == list(range(1, CYCLES_MAX + 1))
    assert (page.entries, page.others) == (ledger.history(KEY, as_of=by_then), None)


def test_a_page_reads_the_events_of_its_cycles_alone(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[HistoryEntry] = []
    history = ledger.history

    def counted(*asked: Any, **of_then: Any) -> list[HistoryEntry]:
        read.extend(found := history(*asked, **of_then))
        return found

    monkeypatch.setattr(ledger, "history", counted)
    page = KeyPage.of(ledger, KEY, where="/k", at=None, before="24")
    assert read == [*page.entries] and len(read) == len(page.entries) == 2 * CYCLES_MAX


def test_a_page_of_one_cycle_and_of_a_key_without_any_lead_nowhere(ledger: PositionLedger) -> None:
    assert KeyPage.of(ledger, f"{KEY}#7", where="/k", at=None, before=None) == (ledger.history(f"{KEY}#7"), None)
    ledger.define_instrument(symbol="SUIUSDT", exchange="binance", contract_size="10")
    assert len(KeyPage.of(ledger, "SUIUSDT.binance", where="/k", at=None, before=None).entries) == 1
    with pytest.raises(UnknownPosition):
        KeyPage.of(ledger, "XMRUSDT.binance", where="/k", at=None, before=None)
    assert KeyPage.of(ledger, KEY, where="/k", at="2020-01-01T00:00:00Z", before=None) == ([], None)


def test_before_the_first_cycle_there_is_none(ledger: PositionLedger) -> None:
    with pytest.raises(InvalidCommand, match="the first cycle is 1"):
        KeyPage.of(ledger, KEY, where="/k", at=None, before="1")


@pytest.mark.parametrize("before", ["x", "-1", "1.5", "٣", "9" * 19])
def test_what_is_no_cycle_is_refused(ledger: PositionLedger, before: str) -> None:
    with pytest.raises(InvalidCommand, match="it is the number of a cycle"):
        KeyPage.of(ledger, KEY, where="/k", at=None, before=before)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Served]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        cycles(ledger, CYCLES)
    with serving(url) as served:
        yield served


def test_every_cycle_is_reached_by_links_and_told_once(page: Served) -> None:
    told, way = list[str](), f"/history/{KEY}"
    while way:
        status, text = page.get(way)
        assert status == 200
        told += re.findall(r"<h2>APTUSDT\.<wbr>binance#<wbr>(\d+)</h2>", text)
        earlier = re.search(r'<a href="([^"]+)">Earlier cycles</a>', text)
        way = unescape(earlier[1]) if earlier else ""
    assert sorted(map(int, told)) == list(range(1, CYCLES + 1))
    assert page.get(f"/history/{KEY}?before=x")[0] == 400
    assert page.get(f"/history/{KEY}%231")[0] == 200
