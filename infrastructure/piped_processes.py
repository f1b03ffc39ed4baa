"""Worker processes that share the work of a command, each connected by a pipe of its own.

When a worker is killed, its pipe ends, whatever it was doing, and the caller notices at once; the standard library's
pool would wait for ever for the rest of an answer. When the caller is killed, the workers find their pipes ended, and
end as well.
"""

from __future__ import annotations

import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final, TypeVar

from domain.errors import LedgerError

Part = TypeVar("Part")
Answer = TypeVar("Answer")

_END_SECONDS: Final = 10.0
"""How long a worker may take to end when it has nothing more to do."""


class ProcessLost(Exception):
    """A worker was killed or does not answer; the message says which of the two."""


class PipedProcesses:
    """The workers; each does one thing at a time."""

    def __init__(self, members: Sequence[_Member]) -> None:
        self._members = members

    def __len__(self) -> int:
        """How many there are."""
        return len(self._members)

    def everyone(self, work: Callable[[], object], seconds: float) -> None:
        """Call a function of a module in every worker at the same time.

        Refuses: ProcessLost, also when a worker takes longer than `seconds`; errors of the function pass through.
        """
        deadline = time.monotonic() + seconds
        for member in self._members:
            member.ask(work)
        for member in self._members:
            if not member.pipe.poll(max(0.0, deadline - time.monotonic())):
                raise ProcessLost(f"did not answer within {seconds:g} s")
            member.answer()

    def each(
        self, work: Callable[[Part], Answer], parts: Sequence[Part], own: Callable[[Part], Answer] | None = None
    ) -> Iterator[Answer]:
        """The results of a function of a module for every part, in the order of the parts.

        With `own`, which is the same function for use in this process, the caller works on parts, too. Then each worker
        gets one part in advance, because the caller cannot hand out parts while it works. The last parts are not given
        in advance, so that they go to whoever is free.
        Refuses: ProcessLost; errors of the function pass through.
        """
        left = deque(enumerate(parts))
        asked: dict[_Member, deque[int]] = {member: deque() for member in self._members}
        answers: dict[int, Answer] = {}
        for number in range(len(parts)):
            while number not in answers:
                for ahead in (0, 1) if own is not None else (0,):
                    for member, waiting in asked.items():
                        if len(waiting) == ahead and len(left) > ahead * 2 * len(asked):
                            taken, part = left.popleft()
                            member.ask(work, part)
                            waiting.append(taken)
                patience = None
                if own is not None and left:
                    taken, part = left.popleft()
                    answers[taken], patience = own(part), 0
                busy: dict[Any, _Member] = {member.pipe: member for member, waiting in asked.items() if waiting}
                for pipe in wait(list(busy), patience):
                    answers[asked[busy[pipe]].popleft()] = busy[pipe].answer()
            yield answers.pop(number)


def _nothing() -> None:
    """The default for `begin`."""


@contextmanager
def piped_processes(count: int, begin: Callable[[], object] = _nothing) -> Iterator[PipedProcesses]:
    """Start `count` workers until the end of the block; a worker that is still busy then is killed.

    Each worker imports the module of `begin` and calls it when it starts, while the caller does not wait for it.
    """
    members: list[_Member] = []
    try:
        for _ in range(count):
            members += [_Member(begin)]
        yield PipedProcesses(members)
    finally:
        for member in members:
            member.dismiss()
        for member in members:
            member.end()


class _Member:
    """A worker process, and our end of its pipe."""

    def __init__(self, begin: Callable[[], object]) -> None:
        spawning = get_context("spawn")
        self.pipe, theirs = spawning.Pipe()
        self._asked = 0
        # only little is passed on here: if the process were killed before it has read that, it would not be noticed
        self._process = spawning.Process(target=_serve, args=(theirs, begin), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, work: Callable[..., Any], *arguments: Any) -> None:
        self._asked += 1
        try:
            self.pipe.send((work, arguments))
        except OSError:
            raise self._lost() from None

    def answer(self) -> Any:
        try:
            is_done, answer = self.pipe.recv()
        except (EOFError, OSError):
            raise self._lost() from None
        self._asked -= 1
        if not is_done:
            raise answer
        return answer

    def _lost(self) -> ProcessLost:
        self._process.join(_END_SECONDS)
        code = self._process.exitcode
        if code is None or code >= 0:
            return ProcessLost(f"was ended (exit code {'not known' if code is None else code})")
        name = signal.Signals(-code).name
        return ProcessLost(f"was ended by {name}{', perhaps for want of memory' * (name == 'SIGKILL')}")

    def dismiss(self) -> None:
        self.pipe.close()
        if self._asked:
            self._process.kill()

    def end(self) -> None:
        self._process.join(_END_SECONDS)
        self._process.kill()
        self._process.join()


# -- in each of the workers -------------------------------------------------------------------------------------


def _serve(pipe: Connection, begin: Callable[[], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the caller ends this one
    begin()
    with suppress(EOFError, ConnectionError):  # the caller is gone
        while True:
            work, arguments = pipe.recv()
            pipe.send(_tried(work, arguments))


def _tried(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, work(*arguments)
    except Exception as error:  # noqa: BLE001 - it is raised again in the caller
        if not isinstance(error, LedgerError):  # whose message is enough
            error.add_note(traceback.format_exc())
        return False, error
