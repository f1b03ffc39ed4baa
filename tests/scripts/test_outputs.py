"""The files that commands write: pipes stay pipes, links are not followed, and a full disk leaves no file."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import ForkedPopen
from tests.scripts.cases import APT, fill
from tests.scripts.program import Program


@pytest.fixture
def url(tmp_path: Path) -> str:
    folder = tmp_path / "books"
    folder.mkdir()
    fill(f"sqlite:///{folder}/ledger.db")
    return f"sqlite:///{folder}/ledger.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


LOG = Path(__file__).parent.parent / "samples_logs" / "day.log"
Asked = Callable[[Path], list[object]]
OUTPUTS: dict[str, Asked] = {
    "export": lambda path: ["export", "--format", "jsonl", "--output", path],
    "export --force": lambda path: ["export", "--format", "csv", "--force", "--output", path],
    "history --html": lambda path: ["history", APT, "--html", path],
    "report --html": lambda path: ["report", "--html", path],
    "metrics --textfile": lambda path: ["metrics", "--textfile", path],
    "analyze-logs --html": lambda path: ["analyze-logs", LOG, "--timezone", "UTC", "--html", path],
    "analyze-logs --export": lambda path: ["analyze-logs", LOG, "--timezone", "UTC", "--export", path],
}
"""Every way of having a file written; `cleanup --backup` has its own tests, for it takes nothing that is there."""
every_output = pytest.mark.parametrize("asked", OUTPUTS.values(), ids=OUTPUTS)


@every_output
@pytest.mark.parametrize("is_linked", [True, False])
def test_a_pipe_stays_a_pipe(
    asked: Asked, url: str, folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch, *, is_linked: bool
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", url)
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    link = folder / "link"
    link.symlink_to(pipe)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    ran = program(*asked(link if is_linked else pipe))
    reader.join(10)
    assert ran.code in (0, 1) and len(read[0]) > 500, ran.err
    assert pipe.is_fifo() and link.is_symlink() and len([*folder.iterdir()]) == 2


@every_output
def test_a_link_is_not_followed_unawares(
    asked: Asked, url: str, folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", url)
    link, target = folder / "link", folder / "target"
    link.symlink_to(target)
    ran = program(*asked(link))
    if "--force" in asked(link):
        assert ran.code == 0 and target.stat().st_size > 500 and link.is_symlink()
    else:
        assert ran.code in (1, 2) and f"{link} is a link; name" in ran.err
        assert [*folder.iterdir()] == [link]


@every_output
def test_a_full_disk_leaves_nothing_behind(asked: Asked, url: str, folder: Path) -> None:
    """A file may grow to 400 bytes: what SQLite needs was written before."""
    limited = folder.with_name("limited.py")
    limited.write_text(
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))\n"
        f"sys.argv[0] = {PROGRAM!r}\n"
        f"runpy.run_path({PROGRAM!r}, run_name='__main__')\n"
    )
    with PositionLedger.connect(url) as ledger:
        ledger.positions()
    words = [str(limited), *map(str, asked(folder / "out.jsonl"))]
    surroundings = {**os.environ, "LEDGER_DATABASE_URL": url}
    with ForkedPopen[str](words, env=surroundings, cwd=folder, stdout=PIPE, stderr=PIPE, text=True) as ran:
        _, said = ran.communicate(timeout=60)
    assert ran.returncode != 0 and "Traceback" not in said, said
    assert [*folder.iterdir()] == []


def shell(script: str, url: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """What a shell does with the program, which it knows as $0."""
    environment = {**os.environ, "LEDGER_DATABASE_URL": url}
    return subprocess.run(
        ["sh", "-c", script, PROGRAM], env=environment, input=text, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", ["positions", "positions --json", "status", "anchor", "history APTUSDT.binance#1"])
def test_a_stdout_that_is_full_is_named(url: str, words: str) -> None:
    ran = shell(f'"$0" {words} > /dev/full', url)
    assert (ran.returncode, ran.stderr) == (1, "stdout cannot be written to: No space left on device\n")


@pytest.mark.parametrize("words", ["--help", "positions --help", "--version"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_cannot_be_printed_is_no_wrong_usage(url: str, words: str, unbuffered: str) -> None:
    ran = shell(f'PYTHONUNBUFFERED={unbuffered} "$0" {words} > /dev/full', url)
    assert (ran.returncode, ran.stderr) == (1, "stdout: OSError: [Errno 28] No space left on device\n")


def unread(pipe: int) -> int:
    """How many bytes wait in a pipe for whoever reads it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_was_not_printed_whole_is_told(url: str, folder: Path, unbuffered: str) -> None:
    """Without a buffer a write may take a part, and say so only to whoever asks."""
    ran = shell(f'ulimit -f 8; PYTHONUNBUFFERED={unbuffered} "$0" record --schema > {folder}/schema', url)
    assert (ran.returncode, ran.stderr) == (1, "stdout cannot be written to: File too large\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stdout_that_does_not_wait_for_its_reader_is_waited_for(url: str, unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    environment = {**os.environ, "LEDGER_DATABASE_URL": url, "PYTHONUNBUFFERED": unbuffered}
    with Popen([PROGRAM, "record", "--schema"], stdout=writing, stderr=PIPE, env=environment) as ran:
        os.close(writing)
        while ran.poll() is None and unread(reading) < fcntl.fcntl(reading, fcntl.F_GETPIPE_SZ):
            time.sleep(0.01)
        with os.fdopen(reading, "rb") as pipe:
            assert json.load(pipe)
        assert ran.wait(60) == 0


def test_a_stdin_that_does_not_wait_for_its_writer_is_waited_for(url: str) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    environment = {**os.environ, "LEDGER_DATABASE_URL": url}
    with ForkedPopen[str]([PROGRAM, "record"], stdin=reading, stdout=PIPE, env=environment, text=True) as ran:
        os.write(writing, b'{"query": "receipt", ')
        while ran.poll() is None and unread(reading):
            time.sleep(0.01)
        os.write(writing, b'"command_id": "none"}\n')
        os.close(writing)
        os.close(reading)
        assert ran.communicate(timeout=60)[0] == '{"ok": true, "query": "receipt", "receipt": null}\n'


def test_nothing_is_recorded_of_which_nobody_could_be_told(url: str) -> None:
    command = (
        '{"command": "adopt", "symbol": "NEWUSDT", "exchange": "x", "side": "long", "quantity": "1", '
        '"avg_px_open": "3", "reason": "seen"}'
    )
    ran = shell('"$0" record >&-', url, command)
    assert ran.returncode == 2 and "stdout is closed" in ran.stderr and "Traceback" not in ran.stderr
    with PositionLedger.connect(url) as ledger:
        assert "NEWUSDT" not in {row.symbol for row in ledger.positions()}
    assert shell('"$0" record', url, command).returncode == 0


def test_a_closed_stdin_has_no_lines_and_a_closed_stderr_no_reader(url: str) -> None:
    assert shell('"$0" record <&-', url).returncode == 0
    ran = shell('"$0" positions 2>&-', url)
    assert ran.returncode == 0 and APT in ran.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_whoever_is_woken_is_told_though_the_log_has_no_room(url: str, folder: Path, unbuffered: str) -> None:
    told = folder / "told"
    ran = shell(
        f'PYTHONUNBUFFERED={unbuffered} "$0" watch --once --verify 0 --exec "cp /dev/stdin {told}" > /dev/full', url
    )
    assert ran.returncode == 1 and "log: not delivered: stdout cannot be written to: No space left" in ran.stderr
    assert "notices" in told.read_text(encoding="utf-8")
