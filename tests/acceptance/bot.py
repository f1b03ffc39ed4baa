"""A simulated bot: a process that writes commands to `position-ledger record` and reads the answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAM = str(Path(sys.executable).with_name("position-ledger"))


def run(url: str, *arguments: str, stdin: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run one command line to its end."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=120,
        env=os.environ | {"LEDGER_DATABASE_URL": url},
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def read(url: str, *arguments: str) -> Any:
    """The JSON that a command prints."""
    done = run(url, *arguments, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


class Bot:
    """One `record` process, which gets one line at a time."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "record", "--database", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def send(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, **command: Any) -> dict[str, Any]:
        self.send(**command)
        return self.answer()

    def kill(self) -> None:
        """Kill the process, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End the input, and return the exit code."""
        self.process.communicate(timeout=60)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
