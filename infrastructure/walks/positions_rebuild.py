"""Rebuilding the positions table of a ledger stream by stream, by several processes for a large ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import StreamSpan
from infrastructure.walks.span_crew import at_any_moment
from projections.progress import Progress, no_progress
from projections.rebuild import BATCH_EVENTS, Filling, Logged, PositionTable, Rebuild, Rebuilt


def rebuilt(
    store: Store, progress: Progress = no_progress, *, batch_events: int = BATCH_EVENTS, processes: int = 1
) -> Rebuilt:
    """Fold a new positions table from the events, and swap it for the old one.

    The table is filled stream by stream, up to one place in the log, so that rows that are neighbours in the table are
    written together; with several processes each has some of the streams. Events after that place are then applied in
    the order of the log.
    Refuses: HistoryDamaged for an event that cannot be read; StoreUnavailable.
    """
    with store.rebuilding() as table:
        settled, filled = store.high_water_mark(), 0
        with at_any_moment(store, processes) as crew:  # up to the high-water mark all processes read the same
            for events in crew.each(_Filling(table.name, settled, batch_events), "folded"):
                filled += events
                progress(events)

        def events_after(nid: int, limit: int | None) -> list[Logged]:
            return [(record.id, decode(record)) for record in list(store.log(after=nid, limit=limit))]

        return Rebuild(events_after, table, progress, batch_events=batch_events, nid=settled, filled=filled).run()


@dataclass(frozen=True)
class _Filling:
    """The work of one process: fill a table with the events up to a nid."""

    table: str
    until: int
    batch_events: int

    @contextmanager
    def __call__(self, store: Store) -> Iterator[Callable[[StreamSpan], int]]:
        yield partial(self._filled, store, store.table_beside(self.table))

    def _filled(self, store: Store, table: PositionTable, span: StreamSpan) -> int:
        """Write the rows of a span; returns how many events were folded."""
        filling, events = Filling(table), 0
        for batch in store.batches(span, self.batch_events):
            known = [decode(record) for record in batch if record.id <= self.until]
            filling.take(known)
            events += len(known)
        filling.write_open()
        return events
