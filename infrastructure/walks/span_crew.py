"""Processes that share the streams of a ledger, the one that asks among them."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from typing import Any, Final, NamedTuple, TypeVar

from domain.errors import StoreUnavailable
from infrastructure.event_store.port import ALL_STREAMS, Store, StreamSpan
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store

Part = TypeVar("Part")
Opening = Callable[[Store], AbstractContextManager[Callable[[StreamSpan], Part]]]
"""What a process has open while it works, and its work on a span; a function of a module, or a part of one."""

_SPANS_EACH: Final = 8
"""Of streams for each process: nobody waits longer for the last one than it takes, and progress is seen."""
_ENDED: Final = (EOFError, ConnectionError)
_SPAWN: Final = get_context("spawn")


class _Share(NamedTuple):
    """What each of the others is told when it is started."""

    settings: Settings
    spans: Sequence[StreamSpan]
    moment: str | None = None
    """Of a snapshot to join."""
    begins_together: bool = False
    """Whether everybody begins to read when it is told to."""


class SpanCrew:
    """Processes at work on spans of streams, each taking the next one that is left."""

    def __init__(self, store: Store, spans: Sequence[StreamSpan], taken: Synchronized[int]) -> None:
        self._store, self._spans, self._taken = store, spans, taken
        self._members: list[Connection[Any, Any]] = []

    def join(self, member: Connection[Any, Any]) -> None:
        """Let one more process take part."""
        self._members.append(member)

    def begin_together(self, snapshots: ExitStack) -> None:
        """Let everybody begin to read while a writer would have to wait: for milliseconds, for all are there by then.

        Refuses: StoreUnavailable.
        """
        self._hear_of_each()
        with self._store.still():
            for member in self._members:
                self._tell(member, None)
            snapshots.enter_context(self._store.snapshot(as_found=True))
            self._store.high_water_mark()
            self._hear_of_each()

    def each(self, opening: Opening[Part], done: str) -> Iterator[Part]:
        """What is made of every span, in their order; `done` is the word for that.

        Refuses: StoreUnavailable when one of the processes was ended; what the work raises.
        """
        parts: dict[int, Part] = {}
        for member in self._members:
            self._tell(member, opening, done)
        with opening(self._store) as work:
            yielded = 0
            for place in _left(self._taken, len(self._spans)):
                parts[place] = work(self._spans[place])
                while wait(self._members, 0):
                    self._gather(parts, done)
                while yielded in parts:
                    yield parts.pop(yielded)
                    yielded += 1
        while yielded < len(self._spans):
            while yielded not in parts:
                self._gather(parts, done)
            yield parts.pop(yielded)
            yielded += 1

    def _gather(self, parts: dict[int, Part], done: str) -> None:
        """Wait for the next part that another process has."""
        for member in wait(self._members):
            place, part = self._heard(member, done)
            parts[place] = part

    def _hear_of_each(self) -> None:
        for member in self._members:
            self._heard(member)

    def _heard(self, member: Any, done: str = "read") -> Any:
        try:
            answer = member.recv()
        except _ENDED:
            raise self._ended(done) from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _tell(self, member: Connection[Any, Any], word: Any, done: str = "read") -> None:
        try:
            member.send(word)
        except _ENDED:
            raise self._ended(done) from None

    def _ended(self, done: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"one of the {len(self._members) + 1} processes that shared the streams was ended, perhaps for want of "
            f"memory, so not all of them were {done}; try again, perhaps with one process"
        )


@contextmanager
def at_one_moment(store: Store, processes: int) -> Iterator[SpanCrew | None]:
    """A snapshot of a store, and processes that share it; None where one is enough, or a moment cannot be shared.

    A server names a moment to others. A file does not: there everybody begins while nothing is written.
    Refuses: StoreUnavailable.
    """
    with ExitStack() as stack:
        with ExitStack() as found:
            found.enter_context(store.snapshot(as_found=True))
            spans = _spans(store, processes)
            if len(spans) == 1 or store.names_moments:
                stack.push(found.pop_all())
        if len(spans) == 1:
            yield None
        elif store.names_moments:
            yield stack.enter_context(_crew(store, _Share(store.settings, spans, moment=store.moment()), processes))
        else:
            crew = stack.enter_context(_crew(store, _Share(store.settings, spans, begins_together=True), processes))
            crew.begin_together(stack)
            yield crew


@contextmanager
def at_any_moment(store: Store, processes: int) -> Iterator[SpanCrew | None]:
    """Processes that share what does not change any more, whoever begins when; None where one is enough.

    Refuses: StoreUnavailable.
    """
    spans = _spans(store, processes)
    if len(spans) == 1:
        yield None
        return
    with _crew(store, _Share(store.settings, spans), processes) as crew:
        yield crew


def _spans(store: Store, processes: int) -> Sequence[StreamSpan]:
    return store.spans(processes * _SPANS_EACH) if processes > 1 else [ALL_STREAMS]


@contextmanager
def _crew(store: Store, share: _Share, processes: int) -> Iterator[SpanCrew]:
    taken = _SPAWN.Value("i", 0)
    crew = SpanCrew(store, share.spans, taken)
    with ExitStack() as stack:
        for _ in range(min(processes, len(share.spans)) - 1):
            ours, theirs = _SPAWN.Pipe()
            member = _SPAWN.Process(target=_work, args=(theirs, taken, share), daemon=True)
            with theirs:
                member.start()
            stack.callback(member.join)
            stack.callback(member.terminate)
            stack.enter_context(ours)
            crew.join(ours)
        yield crew


def _left(taken: Synchronized[int], spans: int) -> Iterator[int]:
    """The places of spans that nobody else works on."""
    while True:
        with taken.get_lock():
            place, taken.value = taken.value, taken.value + 1
        if place >= spans:
            return
        yield place


# -- in each of the others --------------------------------------------------------------------------------------


def _work(asking: Connection[Any, Any], taken: Synchronized[int], share: _Share) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one who asks ends it
    gc.disable()  # nothing that is read here refers to itself, and looking for that takes a tenth of the time
    try:
        with closing(open_store(share.settings, create=False)) as store:
            if share.begins_together:
                asking.send(None)
                asking.recv()
            with store.snapshot(share.moment, as_found=True):
                if share.begins_together:
                    store.high_water_mark()
                    asking.send(None)
                opening: Opening[Any] = asking.recv()
                with opening(store) as work:
                    for place in _left(taken, len(share.spans)):
                        asking.send((place, work(share.spans[place])))
        asking.recv()  # until nobody asks any more; the store is left in order by then
    except _ENDED:
        return
    except Exception as failure:  # noqa: BLE001 - raised again in the process that asks
        asking.send(failure)
