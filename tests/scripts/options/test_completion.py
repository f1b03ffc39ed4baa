"""What a shell is offered for an id."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

from infrastructure.ledger.ledger import PositionLedger

PROGRAM = Path(sysconfig.get_path("scripts")) / "position-ledger"


def offered(words: str, **environment: str) -> list[str]:
    asked = {"_POSITION_LEDGER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": f"{words.count(' ')}"}
    ran = subprocess.run(
        [PROGRAM], env={**os.environ, **environment, **asked}, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    return [line.partition(",")[2] for line in ran.stdout.splitlines() if line]


def test_keys_and_positions_are_offered_that_begin_like_it(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol in ("APTUSDT", "SUIUSDT"):
            ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1")
    words = "position-ledger history "
    assert offered(words, LEDGER_DATABASE_URL=ledger_url) == [
        "SUIUSDT.binance#1",
        "SUIUSDT.binance",
        "APTUSDT.binance#1",
        "APTUSDT.binance",
    ]
    assert offered(f"{words}APT", LEDGER_DATABASE_URL=ledger_url) == ["APTUSDT.binance#1", "APTUSDT.binance"]


def test_nothing_is_offered_of_a_ledger_that_is_not_there(tmp_path: Path) -> None:
    assert offered("position-ledger history ", LEDGER_DATABASE_URL=f"sqlite:///{tmp_path}/none.db") == []


def test_commands_are_offered() -> None:
    assert offered("position-ledger stat") == ["status", "stats"]
