"""A simulated bot: a process that writes commands to `position-ledger record` and reads the answers."""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

from tests import forked_program
from tests.forked_program import Fork

PROGRAM = str(Path(sys.executable).with_name("position-ledger"))


@cache
def fork_server() -> socket.socket:
    """Where forks of the program are asked for; it ends with this process."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, "-P", forked_program.__file__, str(theirs.fileno())]
        server = subprocess.Popen(words, pass_fds=[theirs.fileno()], start_new_session=True)
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def run(url: str, *arguments: str, stdin: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run one command line to its end."""
    words, environment = [PROGRAM, *arguments], os.environ | {"LEDGER_DATABASE_URL": url}
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode() if isinstance(stdin, str) else stdin)
        given.seek(0)
        code = Fork(fork_server(), words, environment, (given.fileno(), out.fileno(), err.fileno())).wait()
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(words, code, out.read().decode(), err.read().decode())


def read(url: str, *arguments: str) -> Any:
    """The JSON that a command prints."""
    done = run(url, *arguments, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


class Bot:
    """One `record` process, which gets one line at a time."""

    def __init__(self, url: str) -> None:
        (given, stdin), (stdout, said) = os.pipe(), os.pipe()
        self._stdin, self._stdout = os.fdopen(stdin, "w", buffering=1), os.fdopen(stdout)
        self._process = Fork(fork_server(), [PROGRAM, "record", "--database", url], os.environ, (given, said, 2))
        os.close(given)
        os.close(said)

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

    def stop(self) -> int:
        """End the input, and return the exit code."""
        self._stdin.close()
        self._stdout.read()
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._stdin.close()
        self._stdout.close()
