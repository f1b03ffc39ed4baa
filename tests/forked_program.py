"""`position-ledger` as a fork of a process that has imported it: a process of its own, 0.7 s sooner.

What depends on how the program is started needs the installed one (`tests.acceptance.bot.PROGRAM`).
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

MESSAGE_BYTES_MAX = 200_000
END_SECONDS = 120
STORES = ("infrastructure.event_store.sqlite.store", "infrastructure.event_store.postgres.store")


class Fork:
    """One process that runs a command line, with these descriptors as stdin, stdout and stderr."""

    def __init__(
        self,
        server: socket.socket,
        words: Sequence[str],
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
    ) -> None:
        self._answers, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            message = json.dumps([words, str(Path.cwd()), {**environment}])
            socket.send_fds(server, [message.encode()], [*streams, theirs.fileno()])
        self.pid = self._answer()
        self._exit_code: int | None = None

    def wait(self) -> int:
        """Its exit code; below zero, the signal that ended it. Where it does not end, it is killed: TimeoutError."""
        if self._exit_code is None:
            try:
                self._exit_code = self._answer()
            except TimeoutError:
                self.kill()
                raise
            self._answers.close()
        return self._exit_code

    def kill(self) -> int:
        """Kill it if it is still there, as a power cut would; returns its exit code."""
        if self._exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def _answer(self) -> int:
        self._answers.settimeout(END_SECONDS)
        return int(self._answers.recv(16))


def put_into(folder: Path, server: socket.socket) -> None:
    """Write a program `position-ledger` that asks for a fork on this socket, which must be passed on to it."""
    program = folder / "position-ledger"
    program.write_text(
        f"#!{sys.executable} -IS\n"
        "import os, socket, sys\n"
        f"sys.path.append({str(Path(__file__).parent)!r})\n"
        "from forked_program import Fork\n"
        f"with socket.socket(fileno={server.fileno()}) as server:\n"
        "    sys.exit(Fork(server, sys.argv, os.environ, (0, 1, 2)).wait())\n"
    )
    program.chmod(0o755)


def serve(requests: socket.socket) -> None:
    """Fork for every request, until nobody can ask any more."""
    catalogue = import_module("scripts.catalogue")
    for name in [*(entry.module for entry in catalogue.COMMANDS.values()), *STORES]:
        import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE_BYTES_MAX, 4)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            *streams, answer = descriptors
            _watch_over(streams, answer)
            _become(streams, *json.loads(message))
        for descriptor in descriptors:
            os.close(descriptor)


def _watch_over(streams: list[int], answer: int) -> None:
    """Return in a fork; this process answers which process that is, waits for it, and answers how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if program := os.fork():
        os.write(answer, b"%d" % program)
        for descriptor in streams:
            os.close(descriptor)
        _, status = os.waitpid(program, 0)
        os.write(answer, b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.close(answer)


def _become(streams: list[int], words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run the program as its script does, which ends this process."""
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    sys.exit(import_module("position_ledger_start").main())


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
