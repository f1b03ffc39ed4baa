"""A fork of the program says and does what the installed program does."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests import forked_program
from tests.acceptance.bot import PROGRAM, Bot, fork_server, run
from tests.forked_program import put_into

UNREACHABLE = "postgresql://127.0.0.1:1/none?timeout=1"
ENTRY = '{"command": "request_entry", "symbol": "ΩUSDT", "exchange": "binance", "side": "up", "quantity": "1"}\n'
LINES = [(["--version"], 0), (["record"], 1), (["positions", "--sorted"], 2), (["positions"], 3)]


@pytest.mark.parametrize(("words", "code"), LINES)
def test_it_answers_and_ends_as_the_installed_one(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = UNREACHABLE if code == 3 else f"sqlite:///{tmp_path}/ledger.db"
    environment = os.environ | {"LEDGER_DATABASE_URL": url}
    monkeypatch.chdir(tmp_path)
    put_into(tmp_path, fork_server())
    run(url, "init")
    started = [
        subprocess.run(
            [program, *words],
            input=ENTRY,
            env=environment,
            capture_output=True,
            text=True,
            pass_fds=[fork_server().fileno()],
            check=False,
        )
        for program in (PROGRAM, tmp_path / "position-ledger")
    ]
    forked = run(url, *words, stdin=ENTRY)
    installed, asked = ((done.returncode, done.stdout, done.stderr) for done in started)
    assert installed == asked == (forked.returncode, forked.stdout, forked.stderr)
    assert forked.returncode == code


def test_it_is_killed_as_a_process(tmp_path: Path) -> None:
    with Bot(f"sqlite:///{tmp_path}/ledger.db") as bot:
        assert bot.ask(command="activate", position_id="APTUSDT.binance#1")["error"] == "UnknownPosition"
        assert bot._process.kill() == -signal.SIGKILL
        assert not Path(f"/proc/{bot._process.pid}").exists()


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bot(f"sqlite:///{tmp_path}/ledger.db") as bot:
        bot.ask(command="activate", position_id="APTUSDT.binance#1")
        monkeypatch.setattr(forked_program, "END_SECONDS", 0.2)
        with pytest.raises(TimeoutError):
            bot._process.wait()
        assert not Path(f"/proc/{bot._process.pid}").exists()
        assert bot.stop() == -signal.SIGKILL
