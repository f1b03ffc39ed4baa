"""Several processes that use one ledger, each in a role of its own (`crowd_member.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

from tests.forked_popen import ForkedPopen

MEMBER = str(Path(__file__).with_name("crowd_member.py"))
END_SECONDS = 120


class Process:
    """One process of the crowd, as the test sees it."""

    def __init__(self, role: str, url: str, name: str) -> None:
        self.process = ForkedPopen[str]([MEMBER, role, url, name], stdin=PIPE, stdout=PIPE, text=True)

    def line(self) -> str:
        """The next line that it prints; blank at its end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def begun(self) -> None:
        assert self.line() == "begun"

    def stop(self) -> Any:
        """Let it end, and return its result."""
        said, _ = self.process.communicate(timeout=END_SECONDS)
        assert self.process.returncode == 0
        return json.loads(said.splitlines()[-1])

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


@contextmanager
def crowd(url: str, **roles: int) -> Iterator[list[Process]]:
    """Start a number of processes of each role; all of them are running."""
    with ExitStack() as stack:
        started = []
        for role, count in roles.items():
            for number in range(count):
                one = Process(role, url, f"{role.upper()}{number}")
                stack.callback(one.kill)
                started.append(one)
        for one in started:
            one.begun()
        yield started
