"""A Python file as a fork of a process that has its imports: a process of its own, 0.7 s sooner.

What depends on how the program is started needs the installed one (`tests.acceptance.bot.PROGRAM`).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from runpy import run_path
from select import select
from typing import NoReturn

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
    """Fork for every request, and answer how each fork ended, until nobody can ask any more."""
    catalogue = import_module("scripts.catalogue")
    for name in [*(entry.module for entry in catalogue.COMMANDS.values()), *STORES]:
        import_module(name)
    gc.freeze()
    running: dict[int, tuple[int, int]] = {}
    while True:
        ready, _, _ = select([requests.fileno(), *running], [], [])
        for ended in running.keys() & ready:
            program, answers = running.pop(ended)
            _answer(answers, os.waitpid(program, 0)[1])
            os.close(answers)
            os.close(ended)
        if requests.fileno() not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE_BYTES_MAX, 4)
        if not message:
            return
        imports, *asked = json.loads(message)
        for name in imports:
            import_module(name)
        *streams, answers = descriptors
        program = os.fork()
        if program == 0:
            for descriptor in (requests.detach(), answers, *running, *(others for _, others in running.values())):
                os.close(descriptor)
            _become(streams, *asked)
        _answer(answers, program)
        running[os.pidfd_open(program)] = program, answers
        for descriptor in streams:
            os.close(descriptor)


def _answer(answers: int, number: int) -> None:
    with suppress(BrokenPipeError):  # whoever asked is gone
        os.write(answers, b"%d" % number)


def _become(streams: list[int], words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run the file as Python does, and end this process."""
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    try:
        run_path(words[0], run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _end(end.code or 0)
    _end(0)


def _end(status: int) -> NoReturn:
    """End as Python does, but for taking apart what was imported, which copies all memory that the fork shares."""
    threading._shutdown()  # type: ignore[attr-defined]  # what Python calls; it has no other name
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
    except OSError:
        sys.exit(status)  # Python tries again, and says so
    os._exit(status & 0xFF)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
