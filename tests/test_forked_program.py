"""A fork of the program says and does what the installed program does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from tempfile import TemporaryFile

import pytest

from tests.acceptance import bot as acceptance
from tests.acceptance.bot import PROGRAM, Bot, run
from tests.forked_popen import ForkedPopen, fork_server
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
    put_into(tmp_path, fork_server(), PROGRAM)
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
        bot.kill()
        assert bot.stop() == -signal.SIGKILL
        assert not Path(f"/proc/{bot._process.pid}").exists()


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "END_SECONDS", 2)
    monkeypatch.setattr(acceptance, "PROGRAM", str(tmp_path / "waits.py"))
    (tmp_path / "waits.py").write_text("import os, time\nopen('pid', 'w').write(f'{os.getpid()}')\ntime.sleep(60)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        run("")
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()


SAYS = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ.get("A"), __name__, "decimal" in sys.modules]), flush=True)
print(sys.stdin.read(), file=sys.stderr)
sys.exit(7)
"""


def test_any_file_is_forked_with_what_popen_is_told(tmp_path: Path) -> None:
    file = tmp_path / "says.py"
    file.write_text(SAYS)
    for stderr in (PIPE, STDOUT):
        with ForkedPopen[str](
            [str(file), "ä", "b"], cwd=tmp_path, env={"A": "1"}, stdin=PIPE, stdout=PIPE, stderr=stderr, text=True
        ) as process:
            assert process.poll() is None
            out, err = process.communicate("given", 60)
        told, *rest = out.splitlines()
        assert json.loads(told) == [["ä", "b"], str(tmp_path), "1", "__main__", True]
        assert (rest, err) == (([], "given\n") if stderr == PIPE else (["given"], None))
        assert process.poll() == process.wait() == 7


def test_what_a_file_imports_is_imported_before_for_all_that_follow(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text("import sys; sys.exit('this' in sys.modules)")
    codes = []
    for imports in ((), ("this",), ()):
        with ForkedPopen[str]([str(file)], imports=imports, stdout=DEVNULL) as process:
            codes.append(process.wait(60))
    assert codes == [0, 1, 1]


def test_it_hears_signals_and_its_end_is_known_to_every_thread(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text(
        "import sys, time\ntry:\n    print(flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    sys.exit(5)"
    )
    with ForkedPopen[str]([str(file)], stdout=PIPE, text=True) as process, ThreadPoolExecutor(4) as pool:
        assert process.stdout is not None and process.stdout.readline() == "\n"
        waiting = [pool.submit(process.wait) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert {each.result(60) for each in waiting} == {5}


ENDS = """
import atexit, sys, threading, time
def late():
    time.sleep(0.1)
    print("a thread")
threading.Thread(target=late).start()
atexit.register(lambda: print("at the end"))
print("not flushed")
"""


@pytest.mark.parametrize(
    "last", ["", "sys.exit(300)", "sys.exit('words')", "sys.exit(None)", "1 / 0", "sys.exit(True)"]
)
@pytest.mark.parametrize("stdout", ["said", "/dev/full"])
def test_it_ends_as_python_does(last: str, stdout: str, tmp_path: Path) -> None:
    file = tmp_path / "ends.py"
    file.write_text(f"{ENDS}{last}\n")
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ends = []
    for popen, words in ((subprocess.Popen, [sys.executable, str(file)]), (ForkedPopen, [str(file)])):
        with (
            (tmp_path / stdout).open("w") as out,
            popen(words, env=buffered, stdout=out, stderr=PIPE, text=True) as process,
        ):
            _, err = process.communicate(timeout=60)
        ends.append((process.returncode, (tmp_path / "said").read_text() if stdout == "said" else "", err[-30:]))
    assert ends[0] == ends[1]


def test_it_has_no_streams_but_its_own(tmp_path: Path) -> None:
    file = tmp_path / "streams.py"
    file.write_text("import os; print(sorted(map(int, os.listdir('/proc/self/fd'))), flush=True); input()")
    with forked(file) as first, forked(file) as second:
        said = []
        for process in (first, second):
            assert process.stdout is not None
            said.append(process.stdout.readline())
            process.communicate("\n", 60)
    assert said == ["[0, 1, 2, 3]\n"] * 2  # and where it lists them


def test_another_is_forked_when_nobody_waits_for_the_last(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text("input()")
    answers, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with answers, theirs, TemporaryFile() as nothing:
        streams = [nothing.fileno()] * 3
        message = json.dumps([[], [str(file)], str(tmp_path), {}]).encode()
        answers.close()
        socket.send_fds(fork_server(), [message], [*streams, theirs.fileno()])
    with forked(file) as process:
        process.communicate("\n", 60)
    assert process.returncode == 0


def forked(file: Path) -> ForkedPopen[str]:
    return ForkedPopen[str]([str(file)], stdin=PIPE, stdout=PIPE, text=True)
