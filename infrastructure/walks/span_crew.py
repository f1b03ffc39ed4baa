"""Processes that share the streams of a ledger, all of them at one moment."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from typing import Final, NamedTuple, TypeVar

from domain.errors import StoreUnavailable
from infrastructure.event_store.port import ALL_STREAMS, Store, StreamSpan
from infrastructure.piped_processes import PipedProcesses, ProcessLost, piped_processes
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store

Part = TypeVar("Part")

_SPANS_EACH: Final = 4
"""Of streams for each process, so that none waits long for another, and progress is seen."""
_BEGIN_SECONDS: Final = 120.0
"""How long processes may take to start, and to begin."""


class _Moment(NamedTuple):
    """Of a store; a server knows it by a name."""

    settings: Settings
    name: str | None


class SpanCrew:
    """Processes at work on spans of streams; what they read is of the moment that the one who waits reads."""

    def __init__(self, processes: PipedProcesses, moment: _Moment, spans: Sequence[StreamSpan], count: int) -> None:
        self._processes, self._moment, self._spans, self._count = processes, moment, spans, count

    def each(self, work: Callable[[Store, StreamSpan], Part], done: str) -> Iterator[Part]:
        """What a function of a module makes of every span, in their order; `done` is the word for that.

        Refuses: StoreUnavailable when one of the processes was ended; what the function raises.
        """
        try:
            yield from self._processes.each(partial(_of_this_process, self._moment, work), self._spans)
        except ProcessLost as lost:
            raise _incomplete(lost, self._count, done) from None


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
            return
        moment = _Moment(store.settings, store.moment() if store.names_moments else None)
        crew = stack.enter_context(piped_processes(processes))
        if not store.names_moments:
            try:
                _begin_together(store, crew, moment, stack)
            except ProcessLost as lost:
                raise _incomplete(lost, processes, "read") from None
        yield SpanCrew(crew, moment, spans, processes)


def _begin_together(store: Store, crew: PipedProcesses, moment: _Moment, stack: ExitStack) -> None:
    crew.everyone(_nothing, _BEGIN_SECONDS)
    with store.still():
        crew.everyone(partial(_begin, moment), _BEGIN_SECONDS)
        stack.enter_context(store.snapshot(as_found=True))
        store.high_water_mark()


def _incomplete(lost: ProcessLost, processes: int, done: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"one of the {processes} processes that shared the streams {lost}, so not all of them were {done}; "
        "try again, perhaps with one process"
    )


# -- in each of the processes -----------------------------------------------------------------------------------


@cache
def _opened(moment: _Moment) -> tuple[Store, ExitStack]:
    """The store, in the snapshot of the crew, and what keeps it there."""
    gc.disable()  # nothing that is read here refers to itself, and looking for that takes a tenth of the time
    store, kept = open_store(moment.settings, create=False), ExitStack()
    kept.callback(store.close)
    kept.enter_context(store.snapshot(moment.name, as_found=True))
    return store, kept


def _nothing() -> None:
    """What a process can do that has started."""


def _begin(moment: _Moment) -> None:
    _opened(moment)[0].high_water_mark()


def _of_this_process(moment: _Moment, work: Callable[[Store, StreamSpan], Part], span: StreamSpan) -> Part:
    return work(_opened(moment)[0], span)
