"""`demo`: the incident with the old table and with the ledger at a simulated exchange; then a race."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from infrastructure.ledger.ledger import PositionLedger
from scripts.cli import REFUSED
from scripts.commands.demonstrate import demo

POSITION = "APTUSDT.binance#1"


def test_the_incident_is_one_position_on_the_ledger_and_the_race_has_one_winner(ledger_url: str) -> None:
    ran = CliRunner().invoke(demo.command, ["--database", ledger_url, "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert list(told) == ["incident", "race", "verified", "database"]
    assert [(step["at"], step["ledger"]) for step in told["incident"]] == [
        ("+0.000 s", f"{POSITION}: pending_entry, then entry_placed"),
        ("+3.756 s", f"no second position: {POSITION} is adjusted to 61.0 @ 3.2295 (version 3)"),
        ("+4.933 s", f"{POSITION} is active, protected by a stop at 3.2941"),
        ("afterwards", f"{POSITION}: short 61 @ 3.2295"),
    ]
    assert [row.rpartition(", ")[2] for row in told["incident"][-1]["old_way"].split(" | ")] == [
        "rolled_back",
        "active",
    ]
    assert (len(told["race"]["won"]), len(told["race"]["refused"])) == (1, demo.RIVALS - 1)
    assert {answer["position_id"] for answer in told["race"]["refused"]} == {"PERPUSDT.binance#1"}
    with PositionLedger.connect(ledger_url) as ledger:
        first, *_, last = ledger.history(POSITION)
        assert f"{first.event.ts_recorded:%H:%M:%S.%f}" == "18:50:40.981819"
        assert f"{last.event.ts_recorded:%H:%M:%S.%f}" == "18:50:45.914876"


def test_a_ledger_with_something_in_it_is_not_played_in(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="mine")
    ran = CliRunner().invoke(demo.command, ["--database", ledger_url])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "is not empty; the demo plays in a ledger of its own" in ran.stderr


def test_two_winners_are_exit_1(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    won = {"ok": True, "rival": 1, "position_id": POSITION}
    monkeypatch.setattr(demo, "_race", lambda _: {"rivals": 2, "won": [won, won], "refused": []})
    assert CliRunner().invoke(demo.command, ["--database", ledger_url, "--json"]).exit_code == REFUSED


def processes_of(group: int) -> int:
    said = subprocess.run(["ps", "-A", "-o", "pgid="], capture_output=True, text=True, check=True).stdout
    return said.split().count(str(group))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ended_in_the_race_it_leaves_no_rival_waiting(how: signal.Signals, tmp_path: Path) -> None:
    code = "from scripts.commands.demonstrate.demo import command; command()"
    words = [sys.executable, "-c", code, "--database", f"sqlite:///{tmp_path}/demo.db"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as demo:
        while processes_of(demo.pid) < 6:
            assert demo.poll() is None
        os.killpg(demo.pid, how) if how is signal.SIGINT else demo.send_signal(how)
        assert demo.wait() != 0
        end = time.monotonic() + 60
        while left := processes_of(demo.pid):
            assert time.monotonic() < end, left
            time.sleep(0.1)
