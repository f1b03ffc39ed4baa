"""The sink that runs a program: JSON on stdin, no shell, bounded time, and none of our secrets in its environment."""

from __future__ import annotations

import fcntl
import json
import sys
import time
from pathlib import Path

import pytest

from infrastructure.watching.sinks.program import ProgramSink
from infrastructure.watching.sinks.sink import DeliveryFailed
from tests.infrastructure.watching.batches import batch


def python(code: str, *words: str, seconds: float = 20.0) -> ProgramSink:
    return ProgramSink((sys.executable, "-c", code, *words), seconds)


def test_a_program_is_given_json_on_its_stdin(tmp_path: Path) -> None:
    taken = tmp_path / "taken.json"
    python("import sys, shutil; shutil.copyfileobj(sys.stdin, open(sys.argv[1], 'w'))", str(taken)).send(batch())
    assert json.loads(taken.read_text(encoding="utf-8"))["notices"][0]["subject"] == "APTUSDT.binance#1"


def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    sink = ProgramSink.read(f"{sys.executable} -c 'import sys; open(sys.argv[1], \"w\")' '{tmp_path}/$(id); x'")
    sink.send(batch())
    assert [path.name for path in tmp_path.iterdir()] == ["$(id); x"]


def test_a_program_that_fails_has_not_taken_it() -> None:
    with pytest.raises(DeliveryFailed, match="ended with 3"):
        python("raise SystemExit(3)").send(batch())


def test_a_program_may_read_nothing_and_what_it_prints_is_not_printed_among_the_notices(
    capfd: pytest.CaptureFixture[str],
) -> None:
    python("print('taken')").send(batch(50))
    assert capfd.readouterr().out == ""


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(DeliveryFailed, match="/no/such/program: FileNotFoundError: No such file"):
        ProgramSink(("/no/such/program",)).send(batch())


STARTS_ANOTHER = """
import fcntl, subprocess, sys
held = open(sys.argv[1], "w")
fcntl.flock(held, fcntl.LOCK_EX)
subprocess.run(["sleep", "60"], pass_fds=[held.fileno()])
"""


def test_a_program_that_does_not_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(DeliveryFailed, match=r"not done in 0\.5 s, and ended"):
        python(STARTS_ANOTHER, str(tmp_path / "held"), seconds=0.5).send(batch())
    with (tmp_path / "held").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # until none of them is left
    assert time.monotonic() - started < 30


def test_it_is_not_given_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEDGER_WATCH_SECRET", "LEDGER_WATCH_WEBHOOK", "LEDGER_TELEGRAM_TOKEN"):
        monkeypatch.setenv(name, "secret")
    python("import os; assert 'secret' not in os.environ.values()").send(batch())


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "{folder}/plain"])
def test_a_program_that_cannot_be_run_is_refused_before_anything_rings(tmp_path: Path, program: str) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(
        ValueError, match=r"(no-such-program|/no/such/program|/plain)' is no program that can be run here"
    ):
        ProgramSink.read(f"{program.format(folder=tmp_path)} --urgent")


def test_a_command_without_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="names no program"):
        ProgramSink.read("  ")
