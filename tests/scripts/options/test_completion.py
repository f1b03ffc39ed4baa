"""The completions of an id in a shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from subprocess import PIPE

from domain.values import Leg, Side
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import ForkedPopen, fork_server
from tests.forked_program import put_into


def offered(words: str, **environment: str) -> list[str]:
    asked = {"_POSITION_LEDGER_COMPLETE": "bash_complete", "COMP_WORDS": words}
    surroundings = {**os.environ, **environment, **asked}
    with ForkedPopen[str]([PROGRAM], env=surroundings, stdout=PIPE, stderr=PIPE, text=True) as ran:
        said, complaint = ran.communicate(timeout=60)
    assert complaint == ""
    return [line.partition(",")[2] for line in said.splitlines() if line]


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


def test_an_option_that_is_tied_to_its_value_is_completed() -> None:
    assert offered("position-ledger positions --sort=wo") == ["worst"]


def put_on_the_line(programs: Path, line: str, *, word_breaks: str = " \t\n\"'><=;|&(:") -> list[str]:
    """What bash itself has to choose from, where the cursor stands at the end of a line."""
    script = (
        'eval "$(position-ledger)"; COMP_WORDBREAKS=$BREAKS; _position_ledger_completion position-ledger; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "_POSITION_LEDGER_COMPLETE": "bash_source",
        "COMP_LINE": line,
        "COMP_POINT": f"{len(line)}",
        "BREAKS": word_breaks,
    }
    bash, server = ["bash", "-c", script], [fork_server().fileno()]
    ran = subprocess.run(bash, env=environment, pass_fds=server, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return [each for each in ran.stdout.splitlines() if each]


def test_bash_completes_a_word_behind_its_colon(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    put_into(tmp_path, fork_server(), PROGRAM)
    with PositionLedger.connect(url) as ledger:
        for leg, side in ((Leg.LONG, Side.LONG), (Leg.SHORT, Side.SHORT)):
            ledger.request_entry(symbol="BTCUSDT", exchange="okx", side=side, leg=leg, quantity="1", intent_id="1")
    line = f"position-ledger --database {url} history BTCUSDT.okx"
    assert put_on_the_line(tmp_path, line)[:2] == ["BTCUSDT.okx:SHORT#1", "BTCUSDT.okx:SHORT"]
    assert put_on_the_line(tmp_path, f"{line}:L") == ["LONG#1", "LONG"]
    assert put_on_the_line(tmp_path, f"{line}:L", word_breaks=" \t\n") == ["BTCUSDT.okx:LONG#1", "BTCUSDT.okx:LONG"]
    assert put_on_the_line(tmp_path, f"{line}:X") == []
