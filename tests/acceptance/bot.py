"""A simulated bot: a process that writes commands to `position-ledger record` and reads the answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from types import TracebackType
from typing import Any, Self

from tests.forked_popen import ForkedPopen

PROGRAM = str(Path(sys.executable).with_name("position-ledger"))
END_SECONDS = 120


def run(url: str, *arguments: str, stdin: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run one command line to its end."""
    words, environment = [PROGRAM, *arguments], os.environ | {"LEDGER_DATABASE_URL": url}
    given = stdin.encode() if isinstance(stdin, str) else stdin
    with ForkedPopen[bytes](words, env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        try:
            out, err = process.communicate(given, END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, out.decode(), err.decode())


def read(url: str, *arguments: str) -> Any:
    """The JSON that a command prints."""
    done = run(url, *arguments, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


class Bot:
    """One `record` process, which gets one line at a time."""

    def __init__(self, url: str) -> None:
        words = [PROGRAM, "record", "--database", url]
        self._process = ForkedPopen[str](words, stdin=PIPE, stdout=PIPE, text=True, bufsize=1)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def send(self, **command: Any) -> None:
        self._stdin.write(json.dumps(command) + "\n")

    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._stdout.readline())
        return answer

    def ask(self, **command: Any) -> dict[str, Any]:
        self.send(**command)
        return self.answer()

    def kill(self) -> None:
        """Kill the process, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End the input, and return the exit code."""
        self._stdin.close()
        self._stdout.read()
        return self._process.wait(END_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        with suppress(BrokenPipeError):  # it had ended before it read what it was sent
            self._stdin.close()
        self._stdout.close()
