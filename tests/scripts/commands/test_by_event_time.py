"""`--by event-time` on the command line: what had happened by a moment, compared with what had been recorded by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import Clock
from scripts.cli import REFUSED, USAGE, cli

FIRST = "APTUSDT.binance#1"
SLEEPING = "2025-10-22T18:50:43Z"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """I-01: the fill of 18:50:41 is recorded at 18:50:45."""
    url, clock = f"sqlite:///{tmp_path}/ledger.db", Clock()
    with PositionLedger.connect(url) as opened:
        ledger = PositionLedger(opened.store, clock=clock)
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", intent_id="5483266")
        clock.tick(5)
        fill: dict[str, Any] = {
            "trade_id": "881",
            "last_qty": "61",
            "last_px": "3.2295",
            "at": "2025-10-22T18:50:41.336Z",
        }
        ledger.record_entry_fill(position_id=FIRST, **fill)
    return url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--database", url])


def told(url: str, *arguments: str) -> Any:
    ran = run(url, *arguments, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_positions_are_read_on_either_clock(url: str) -> None:
    quantities = [
        [row["quantity"] for row in told(url, "positions", "--as-of", SLEEPING, *by)]
        for by in ([], ["--by", "recorded"], ["--by", "event-time"])
    ]
    assert quantities == [["0"], ["0"], ["61"]]


def test_a_history_is_read_on_either_clock(url: str) -> None:
    for key in (FIRST, "APTUSDT.binance"):
        events = [
            [event["type"] for event in told(url, "history", key, "--as-of", SLEEPING, "--by", by)]
            for by in ("recorded", "event-time")
        ]
        assert events == [["EntryRequested"], ["EntryRequested", "EntryFilled"]]


def test_a_cycle_by_event_time_is_a_table_for_a_story_is_told_as_it_was_recorded(url: str) -> None:
    by = ("history", FIRST, "--as-of", SLEEPING, "--by", "event-time")
    assert run(url, *by).stdout.startswith("version")
    for telling in (["--story"], ["--html", "page.html"]):
        ran = run(url, *by, *telling)
        assert (ran.exit_code, "as it was recorded" in ran.output) == (USAGE, True)


@pytest.mark.parametrize("moment", [["--as-of", "2"], ["--as-of", "#2"], []])
def test_only_a_time_is_read_on_the_exchanges_clock(url: str, moment: list[str]) -> None:
    for asked in (["positions"], ["history", FIRST]):
        refused = run(url, *asked, *moment, "--by", "event-time")
        assert (refused.exit_code, refused.stderr.partition(":")[0]) == (REFUSED, "InvalidCommand")


def test_there_are_two_clocks(url: str) -> None:
    assert run(url, "positions", "--as-of", SLEEPING, "--by", "moon").exit_code == USAGE
