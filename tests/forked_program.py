"""A Python file as a fork of a process that has its imports: a process of its own, 0.7 s sooner.

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
from importlib import import_module
from pathlib import Path
from runpy import run_path

MESSAGE_BYTES_MAX = 200_000
STORES = ("infrastructure.event_store.sqlite.store", "infrastructure.event_store.postgres.store")


def fork(
    server: socket.socket,
    words: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
    *,
    imports: Sequence[str] = (),
) -> socket.socket:
    """Run a file with arguments in a folder, with these descriptors as stdin, stdout and stderr.

    Shape: where it is answered, first which process that is, and when it has ended, its status, as `waitpid` has it.
    """
    answers, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        message = json.dumps([[*imports], [*words], folder, {**environment}])
        socket.send_fds(server, [message.encode()], [*streams, theirs.fileno()])
    return answers


def answer(answers: socket.socket, flags: int = 0) -> int:
    """The next number that is answered."""
    return int(answers.recv(16, flags))


def put_into(folder: Path, server: socket.socket, program: str) -> None:
    """Write a program of the same name that asks for a fork on this socket, which must be passed on to it."""
    forking = folder / Path(program).name
    forking.write_text(
        f"#!{sys.executable} -IS\n"
        "import os, socket, sys\n"
        f"sys.path.append({str(Path(__file__).parent)!r})\n"
        "from forked_program import answer, fork\n"
        f"with socket.socket(fileno={server.fileno()}) as server:\n"
        f"    answers = fork(server, [{program!r}, *sys.argv[1:]], os.getcwd(), os.environ, (0, 1, 2))\n"
        "answer(answers)\n"
        "sys.exit(os.waitstatus_to_exitcode(answer(answers)))\n"
    )
    forking.chmod(0o755)


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
        imports, *asked = json.loads(message)
        for name in imports:
            import_module(name)
        if os.fork() == 0:
            requests.close()
            *streams, answers = descriptors
            _watch_over(streams, answers)
            _become(streams, *asked)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch_over(streams: list[int], answers: int) -> None:
    """Return in a fork; this process answers which process that is, waits for it, and answers how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if program := os.fork():
        os.write(answers, b"%d" % program)
        for descriptor in streams:
            os.close(descriptor)
        _, status = os.waitpid(program, 0)
        os.write(answers, b"%d" % status)
        os._exit(0)
    os.close(answers)


def _become(streams: list[int], words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run the file as Python does, which ends this process."""
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    run_path(words[0], run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
