"""Processes that share the work of a command, each at the other end of a pipe of its own.

When one of them is ended, so is its pipe, whatever it was doing: whoever waits hears of it at once, where the standard
library's pool waits for ever for the rest of an answer. When the one who waits is ended, the others find their pipes
ended, and end as well.
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
"""How long a process may take to end that has nothing more to do."""


class ProcessLost(Exception):
    """A process was ended, or does not answer; it says which."""


class PipedProcesses:
    """Processes that do what they are asked, each one thing at a time."""

    def __init__(self, members: Sequence[_Member]) -> None:
        self._members = members

    def __len__(self) -> int:
        """How many there are."""
        return len(self._members)

    def everyone(self, work: Callable[[], object], seconds: float) -> None:
        """Have a function of a module called in every process, all at once.

        Refuses: ProcessLost, also when one of them takes longer; what the function raises.
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
        """What a function of a module makes of every part, in their order.

        With `own`, the same function as it is called here, the one who waits takes part. Then a process has its next
        part waiting, for nobody hands it one meanwhile; but not of the last parts, which go to whoever is done.
        Refuses: ProcessLost; what the function raises.
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
    """What most processes do before they are asked."""


@contextmanager
def piped_processes(count: int, begin: Callable[[], object] = _nothing) -> Iterator[PipedProcesses]:
    """So many processes, until the end of the block; those that are at work by then are ended in the middle of it.

    Each imports the module of `begin` and calls it before it is asked for anything, while nobody waits for it.
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
    """A process, and our end of its pipe."""

    def __init__(self, begin: Callable[[], object]) -> None:
        spawning = get_context("spawn")
        self.pipe, theirs = spawning.Pipe()
        self._asked = 0
        # little is handed over here: until the process reads it, nobody would notice that it was ended
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


# -- in each of the processes -----------------------------------------------------------------------------------


def _serve(pipe: Connection, begin: Callable[[], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one who waits ends it
    begin()
    with suppress(EOFError, ConnectionError):  # the one who waits is gone
        while True:
            work, arguments = pipe.recv()
            pipe.send(_tried(work, arguments))


def _tried(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, work(*arguments)
    except Exception as error:  # noqa: BLE001 - it is raised again where it is waited for
        if not isinstance(error, LedgerError):  # which says all there is to say
            error.add_note(traceback.format_exc())
        return False, error
