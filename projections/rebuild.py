"""Rebuilding the positions table: a new table is filled from the log beside the one that is read, then swapped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from domain.errors import HistoryDamaged
from domain.events import PositionEvent
from domain.json_object import JsonObject
from projections.cycle_rows import CycleRows
from projections.positions import PositionRow
from projections.progress import Progress

BATCH_EVENTS: Final = 2_000
_AS_IT_WAS: Final = "the table is as it was, and `position-ledger verify` names everything that does not fit"

Logged = tuple[int, PositionEvent]
"""An event and its place in the global order."""

EventsAfter = Callable[[int, int | None], Iterable[Logged]]
"""The events after a nid, in log order: so many of them, or all."""


class PositionTable(Protocol):
    """A positions table that is being filled."""

    @property
    def name(self) -> str:
        """The name by which other processes find it."""

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""

    def add(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have none yet."""

    def replace(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have one already."""

    def differing(self) -> set[str]:
        """The position ids whose row differs from the one in the table that is read, or is missing in either."""

    def swap(self, last_events: Callable[[], Collection[str]]) -> tuple[int, int]:
        """Lock writers out, apply what they wrote last, and replace the table that is read.

        Shape: how many rows there are now, and in how many of them the old table was wrong; `last_events` applies the
        last events, and returns the position ids that have to be compared.
        """


@dataclass(frozen=True)
class Rebuilt(JsonObject):
    """The result of a rebuild: events folded, rows written, and rows in which the old table was wrong."""

    events: int
    rows: int
    differences: int


class Filling:
    """Fills a positions table from events, which come in the order of each cycle.

    A row is written when its cycle is over.
    """

    def __init__(self, table: PositionTable) -> None:
        self._table, self._rows = table, CycleRows(self._stored)
        self._written: set[str] = set()
        """Open cycles whose row is in the table nevertheless."""

    def take(self, events: Iterable[PositionEvent]) -> set[str]:
        """Apply some events; returns the changed position ids. Refuses: HistoryDamaged for one that does not follow."""
        for event in events:
            try:
                self._rows.take(event)
            except HistoryDamaged as damage:
                raise HistoryDamaged(f"{damage.message}; {_AS_IT_WAS}") from damage
        changed = self._rows.changed()
        over = {position_id: row for position_id, row in changed.items() if not row.status.is_open}
        self._write(over)
        self._written -= over.keys()
        return {*changed}

    def _stored(self, event: PositionEvent) -> PositionRow | None:
        row = self._table.row(event.originator_id, event.cycle)
        if row is not None:
            self._written.add(event.position_id)
        return row

    def write_open(self) -> None:
        """Write the rows of open cycles as well. Refuses: HistoryDamaged when a key has two of them."""
        open_of = dict[str, str]()
        for position_id, row in self._rows.open.items():
            if (other := open_of.setdefault(row.stream, position_id)) != position_id:
                raise HistoryDamaged(f"{other} and {position_id} are open together, by their events; {_AS_IT_WAS}")
        self._write(self._rows.open)
        self._written |= self._rows.open.keys()

    def _write(self, rows: dict[str, PositionRow]) -> None:
        again = [row for position_id, row in rows.items() if position_id in self._written]
        new = [row for position_id, row in rows.items() if position_id not in self._written]
        if again:
            self._table.replace(again)
        if new:
            self._table.add(new)


class Rebuild:
    """One rebuild of the positions table from the log; `filled` events up to `nid` may be in the table already."""

    def __init__(
        self,
        events_after: EventsAfter,
        table: PositionTable,
        progress: Progress,
        *,
        batch_events: int = BATCH_EVENTS,
        nid: int = 0,
        filled: int = 0,
    ) -> None:
        self._events_after, self._table, self._progress = events_after, table, progress
        self._batch_events = batch_events
        self._filling = Filling(table)
        self._nid, self._events = nid, filled

    def run(self) -> Rebuilt:
        """Fill the table, compare it while writers go on, catch up, and swap."""
        self._catch_up()
        self._filling.write_open()
        suspects = self._table.differing()
        suspects |= self._catch_up()
        rows, differences = self._table.swap(lambda: suspects | self._last())
        return Rebuilt(self._events, rows, differences)

    def _catch_up(self) -> set[str]:
        """Apply batches up to one that is not full; returns the changed position ids.

        Not up to an empty one: writers that never rest add events meanwhile, which are applied when they are locked
        out.
        """
        changed, is_full = set[str](), True
        while is_full:
            before = self._events
            changed |= self._batch(self._batch_events)
            is_full = self._events - before == self._batch_events
        return changed

    def _last(self) -> set[str]:
        changed = self._batch(None)
        self._filling.write_open()
        return changed

    def _batch(self, limit: int | None) -> set[str]:
        """Apply the next events, or all that are left; returns the changed position ids."""
        logged = [*self._events_after(self._nid, limit)]
        changed = self._filling.take(event for _, event in logged)
        if logged:
            self._nid = logged[-1][0]
        self._events += len(logged)
        self._progress(len(logged))
        return changed
