"""A crew of processes that share the streams of a ledger; the calling process is one of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from typing import Any, Final, NamedTuple, TypeVar

from domain.errors import StoreUnavailable
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, StreamSpan
from infrastructure.piped_processes import PipedProcesses, ProcessLost, piped_processes
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store

Part = TypeVar("Part")
Opening = Callable[[Store], AbstractContextManager[Callable[[StreamSpan], Part]]]
"""Makes the work on a span, in a context that stays open in its process; it has to be picklable."""

_SPANS_EACH: Final = 8
"""How many spans there are for each process: small ones, so that all finish at about the same time."""
_BEGIN_SECONDS: Final = 120.0
"""How long processes may take to start, and to begin their snapshots."""


class _Moment(NamedTuple):
    """Where a process reads: in the snapshot `name`, else in one that it begins when told, or in none (`is_any`)."""

    settings: Settings
    name: str | None = None
    is_any: bool = False


class SpanCrew:
    """Processes that work on spans of streams."""

    def __init__(self, store: Store, spans: Sequence[StreamSpan], others: PipedProcesses, moment: _Moment) -> None:
        self._store, self._spans, self._others, self._moment = store, spans, others, moment

    def begin_together(self, snapshots: ExitStack) -> None:
        """Let all processes begin a snapshot while writers wait: only for milliseconds, for all have started by then.

        Refuses: StoreUnavailable.
        """
        with self._none_lost("read"):
            self._others.everyone(_nothing, _BEGIN_SECONDS)
            with self._store.still():
                self._others.everyone(partial(_begin, self._moment), _BEGIN_SECONDS)
                snapshots.enter_context(self._store.snapshot(as_found=True))
                self._store.high_water_mark()

    def each(self, opening: Opening[Part], done: str) -> Iterator[Part]:
        """The result of the work on every span, in their order; `done` is its participle, for an error message.

        Refuses: StoreUnavailable when one of the processes was ended; errors of the work pass through.
        """
        with self._none_lost(done), opening(self._store) as own:
            yield from self._others.each(partial(_of_this_process, self._moment, opening), self._spans, own)

    @contextmanager
    def _none_lost(self, done: str) -> Iterator[None]:
        try:
            yield
        except ProcessLost as lost:
            raise StoreUnavailable(
                f"one of the {len(self._others) + 1} processes that shared the streams {lost}, so not all of them were "
                f"{done}; try again, perhaps with one process"
            ) from None


@contextmanager
def at_one_moment(store: Store, processes: int) -> Iterator[SpanCrew | None]:
    """A snapshot of a store, and processes that share it; None where one process is enough, or sharing is impossible.

    A server has names for snapshots. A file has none: there all processes begin while nothing is written.
    Refuses: StoreUnavailable.
    """
    with ExitStack() as stack:
        with ExitStack() as own:
            own.enter_context(store.snapshot(as_found=True))
            spans = store.spans(processes * _SPANS_EACH) if processes > 1 else [ALL_STREAMS]
            if len(spans) == 1 or store.names_moments:
                stack.push(own.pop_all())
        if len(spans) == 1:
            yield None
        elif store.names_moments:
            yield stack.enter_context(_crew(store, spans, processes, _Moment(store.settings, store.moment())))
        else:
            crew = stack.enter_context(_crew(store, spans, processes, _Moment(store.settings)))
            crew.begin_together(stack)
            yield crew


@contextmanager
def at_any_moment(store: Store, processes: int) -> Iterator[SpanCrew]:
    """Processes without a common snapshot, for reading what no longer changes; each may write as well.

    Refuses: StoreUnavailable.
    """
    spans = store.spans(processes * _SPANS_EACH)
    with _crew(store, spans, processes, _Moment(store.settings, is_any=True)) as crew:
        yield crew


@contextmanager
def _crew(store: Store, spans: Sequence[StreamSpan], processes: int, moment: _Moment) -> Iterator[SpanCrew]:
    with piped_processes(min(processes, len(spans)) - 1) as others:
        yield SpanCrew(store, spans, others, moment)


# -- in each of the other processes -----------------------------------------------------------------------------


@cache
def _opened(moment: _Moment) -> tuple[Store, ExitStack]:
    """The store, in the snapshot of the crew if it has one, and the stack that keeps it open until the process ends."""
    gc.disable()  # events and rows have no reference cycles, and the search for them takes a tenth of the time
    store, kept = open_store(moment.settings, create=False), ExitStack()
    kept.callback(store.close)
    if not moment.is_any:
        kept.enter_context(store.snapshot(moment.name, as_found=True))
    return store, kept


@cache
def _at_work(moment: _Moment, opening: Opening[Any]) -> Callable[[StreamSpan], Any]:
    store, kept = _opened(moment)
    return kept.enter_context(opening(store))


def _nothing() -> None:
    """Shows that a process has started."""


def _begin(moment: _Moment) -> None:
    _opened(moment)[0].high_water_mark()


def _of_this_process(moment: _Moment, opening: Opening[Part], span: StreamSpan) -> Part:
    part: Part = _at_work(moment, opening)(span)
    return part
