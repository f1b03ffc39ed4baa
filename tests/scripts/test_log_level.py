"""The log of a command, which LEDGER_LOG switches on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENTRY = (
    '{"command": "request_entry", "symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8", '
    '"intent_id": "%s"}\n'
)


def recorded(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Record an entry, and one that is refused."""
    return subprocess.run(
        [Path(sys.executable).with_name("position-ledger"), "record", "--database", f"sqlite:///{folder}/ledger.db"],
        input=ENTRY % "1" + ENTRY % "2",
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_is_logged_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert [line.partition(":")[0] for line in recorded(tmp_path).stderr.splitlines()] == ["made a new ledger"]


def test_every_command_is_a_line_of_stderr(tmp_path: Path) -> None:
    done = recorded(tmp_path, LEDGER_LOG="info")
    words = [line.split(" ", 1)[1].split(",")[0] for line in done.stderr.splitlines()]
    assert words[1:] == [
        "INFO APTUSDT.binance#1 request_entry recorded",
        "WARNING APTUSDT.binance request_entry refused",
    ]
    assert len(done.stdout.splitlines()) == 2


def test_a_level_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    done = recorded(tmp_path, LEDGER_LOG="loud")
    assert done.returncode == 2
    assert done.stderr == "Error: LEDGER_LOG is 'loud'; it is debug, info, warning, error\n"
