"""`subprocess.Popen` of a Python file that is forked instead of started (`tests.forked_program`)."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, AnyStr

from tests import forked_program
from tests.forked_program import answer, fork


@cache
def fork_server() -> socket.socket:
    """Where forks are asked for; it ends with this process."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, "-P", forked_program.__file__, str(theirs.fileno())]
        server = subprocess.Popen(words, pass_fds=[theirs.fileno()], start_new_session=True)
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


class ForkedPopen(subprocess.Popen[AnyStr]):
    """The file, its arguments, and what else `Popen` takes, but for what says how a program is started.

    It is no child of this process, so that it is waited for where forks are asked for, and not of the system.
    """

    _waitpid_lock: threading.Lock
    _handle_exitstatus: Callable[[int], None]
    _close_pipe_fds: Callable[..., None]

    def __init__(self, args: Sequence[str], *, imports: Sequence[str] = (), **told: Any) -> None:
        """`imports` are modules that are imported before, once for all forks."""
        self._imports = imports
        super().__init__(args, **told)

    def _execute_child(self, args: Sequence[str], *told: Any) -> None:
        cwd, env = told[4:6]
        pipes = told[9:15]
        p2cread, _, _, c2pwrite, _, errwrite = pipes
        streams = [own if given == -1 else given for own, given in enumerate((p2cread, c2pwrite, errwrite))]
        folder, environment = str(cwd or Path.cwd()), os.environ if env is None else env
        stdin, stdout, stderr = streams
        words = [str(word) for word in args]
        self._answers = fork(fork_server(), words, folder, environment, (stdin, stdout, stderr), imports=self._imports)
        self._close_pipe_fds(*pipes)
        self.pid = answer(self._answers)
        self._child_created = True

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        try:
            status = answer(self._answers, socket.MSG_DONTWAIT if wait_flags else 0)
        except BlockingIOError:
            return 0, 0
        self._answers.close()
        return self.pid, status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode
