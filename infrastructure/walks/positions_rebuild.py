"""Rebuilding the positions table of a ledger, by several processes where there is much to fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import StreamSpan
from infrastructure.store_opening import open_store
from infrastructure.walks.span_crew import at_any_moment
from projections.rebuild import BATCH_EVENTS, Filling, Logged, PositionTable, Progress, Rebuild, Rebuilt, unheard


def rebuilt(
    store: Store, progress: Progress = unheard, *, batch_events: int = BATCH_EVENTS, processes: int = 1
) -> Rebuilt:
    """Fold the positions table anew from the events, and let it take the place of the old one.

    With several processes each fills it with some of the streams, up to one place in the log, and what was recorded
    after that is taken in as ever.
    Refuses: HistoryDamaged for an event that cannot be read; StoreUnavailable.
    """
    with store.rebuilding() as table:
        nid = filled = 0
        if processes > 1:
            settled = store.high_water_mark()
            with at_any_moment(store, processes) as crew:  # what was recorded up to there is the same at each
                if crew is not None:
                    for events in crew.each(_Filling(table.name, settled), "folded"):
                        filled += events
                        progress(events)
                    nid = settled
        log = _DecodedLog(store)
        return Rebuild(log, table, progress, batch_events=batch_events, nid=nid, filled=filled).run()


@dataclass(frozen=True)
class _Filling:
    """Filling a table with what was recorded until a place in the log."""

    table: str
    until: int

    @contextmanager
    def __call__(self, reading: Store) -> Iterator[Callable[[StreamSpan], int]]:
        with closing(open_store(reading.settings, create=False)) as writing:
            yield partial(_filled, writing.table_beside(self.table), self.until, reading)


def _filled(table: PositionTable, until: int, reading: Store, span: StreamSpan) -> int:
    """Write the rows of a span; how many events there were."""
    filling = Filling(table)
    records = (record for record in reading.streams(span) if record.id <= until)
    events = 0
    while batch := [decode(record) for record in islice(records, BATCH_EVENTS)]:
        filling.take(batch)
        events += len(batch)
    filling.write_open()
    return events


class _DecodedLog:
    """The log of a store, as projections read it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def after(self, nid: int, limit: int | None) -> Iterator[Logged]:
        for each in list(self._store.log(after=nid, limit=limit)):
            yield each.id, decode(each)
