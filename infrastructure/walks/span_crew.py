"""Processes that share the streams of a ledger, all of them at one moment."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from typing import Final, TypeVar

from domain.errors import LedgerError, StoreUnavailable
from infrastructure.event_store.port import ALL_STREAMS, Store, StreamSpan
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store

Part = TypeVar("Part")

_SPANS_EACH: Final = 4
"""Of streams for each process, so that none waits long for another, and progress is seen."""
_BEGIN_SECONDS: Final = 120.0
"""How long processes may take to start."""


class SpanCrew:
    """Processes at work on spans of streams; what they read is of the moment that the one who waits reads."""

    def __init__(self, pool: ProcessPoolExecutor, spans: Sequence[StreamSpan], processes: int) -> None:
        self._pool, self._spans, self._processes = pool, spans, processes

    def each(self, work: Callable[[Store, StreamSpan], Part], done: str) -> Iterator[Part]:
        """What a function of a module makes of every span, in their order; `done` is the word for that.

        Refuses: StoreUnavailable when one of the processes was ended; what the function raises.
        """
        try:
            yield from self._pool.map(partial(_of_this_process, work), self._spans)
        except BrokenProcessPool:
            raise _ended(self._processes, done) from None


@contextmanager
def at_one_moment(store: Store, processes: int) -> Iterator[SpanCrew | None]:
    """A snapshot of a store, and processes that share it; None where one is enough, or a moment cannot be shared.

    A server names a moment to others. A file does not: there everybody begins while a writer would have to wait, which
    is for milliseconds, for the processes were started before.
    Refuses: StoreUnavailable.
    """
    with ExitStack() as stack:
        with ExitStack() as found:
            found.enter_context(store.snapshot(as_found=True))
            spans = store.spans(processes * _SPANS_EACH) if processes > 1 else [ALL_STREAMS]
            processes = min(processes, len(spans))
            if processes == 1 or store.names_moments:
                stack.push(found.pop_all())
        if processes == 1:
            yield None
        elif store.names_moments:
            pool = stack.enter_context(_pool(processes, store.settings, store.moment(), None))
            yield SpanCrew(pool, spans, processes)
        else:
            gate = get_context("spawn").Barrier(processes + 1, timeout=_BEGIN_SECONDS)
            pool = stack.enter_context(_pool(processes, store.settings, None, gate))
            _begin_together(store, pool, processes, gate, stack)
            yield SpanCrew(pool, spans, processes)


def _begin_together(store: Store, pool: ProcessPoolExecutor, processes: int, gate: Barrier, stack: ExitStack) -> None:
    for _ in range(processes):
        pool.submit(_nothing)  # a process is started for each
    try:
        gate.wait()
        with store.still():
            gate.wait()
            stack.enter_context(store.snapshot(as_found=True))
            store.high_water_mark()
            gate.wait()
    except BrokenBarrierError:
        raise _ended(processes, "read") from None
    except BaseException:
        gate.abort()
        raise


def _ended(processes: int, done: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"one of the {processes} processes that shared the streams was ended, perhaps for want of memory, so not all "
        f"of them were {done}; try again, perhaps with one process"
    )


def _pool(processes: int, settings: Settings, moment: str | None, gate: Barrier | None) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, get_context("spawn"), _begin, (settings, moment, gate))


# -- in each of the processes -----------------------------------------------------------------------------------


@dataclass
class _Member:
    """What a process of a crew has open."""

    settings: Settings
    moment: str | None
    opened: ExitStack = field(default_factory=ExitStack)
    store: Store | None = None
    failure: LedgerError | None = None

    def begin(self) -> Store:
        """The store, in the snapshot of the crew."""
        if self.failure is not None:
            raise self.failure
        if self.store is None:
            self.store = open_store(self.settings, create=False)
            self.opened.callback(self.store.close)
            self.opened.enter_context(self.store.snapshot(self.moment, as_found=True))
        return self.store


_MEMBER: list[_Member] = []


def _begin(settings: Settings, moment: str | None, gate: Barrier | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one who waits ends it
    gc.disable()  # nothing that is read here refers to itself, and looking for that takes a tenth of the time
    member = _Member(settings, moment)
    _MEMBER.append(member)
    if gate is None:
        return
    try:
        gate.wait()
        gate.wait()
        member.begin().high_water_mark()
        gate.wait()
    except BrokenBarrierError:
        member.failure = StoreUnavailable(f"{settings.shown}: not all that share the streams could begin")
    except LedgerError as failure:
        member.failure = failure
        gate.abort()


def _nothing() -> None:
    """Work enough for a process to be started for it."""


def _of_this_process(work: Callable[[Store, StreamSpan], Part], span: StreamSpan) -> Part:
    (member,) = _MEMBER
    return work(member.begin(), span)
