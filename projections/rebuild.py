"""Walking a projection along the log, beside the table that is read, and changing places with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from domain.errors import HistoryDamaged
from domain.events import PositionEvent
from projections.positions import PositionRow, project

BATCH_EVENTS: Final = 2_000

Logged = tuple[int, PositionEvent]
"""An event and its place in the global order."""

Progress = Callable[[int], None]
"""Told how many events (or rows) were done since it was told last."""


def unheard(_: int) -> None:
    """Progress that nobody wants to hear of."""


class EventLog(Protocol):
    """The log as a projection reads it."""

    def after(self, nid: int, limit: int | None) -> Iterable[Logged]:
        """Events past a place in the global order, in that order."""


class PositionTable(Protocol):
    """A positions table that is being filled."""

    @property
    def name(self) -> str:
        """By which other processes find it."""

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""

    def add(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have none yet."""

    def replace(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have one."""

    def differing(self) -> set[str]:
        """The ids of the positions that have another row, or none, in the table that is read."""

    def swap(self, last_events: Callable[[], Collection[str]]) -> tuple[int, int]:
        """Keep writers out, take in what they wrote last, and take the place of the table that is read.

        Shape: how many rows there are now, and in how many the old table was wrong; `last_events` says which
        positions have to be compared.
        """


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did: events folded, rows written, rows in which the old table was wrong."""

    events: int
    rows: int
    differences: int


class Filling:
    """A positions table that is filled from events, each cycle's in their order.

    A cycle that is over is written once. One that is open is kept in memory, of which there are as many as streams.
    """

    def __init__(self, table: PositionTable) -> None:
        self._table = table
        self._open: dict[str, PositionRow] = {}
        self._written: set[str] = set()
        """Cycles that are open, and in the table nevertheless."""

    def take(self, events: Iterable[PositionEvent]) -> set[str]:
        """Take in some events; which positions they changed. Refuses: HistoryDamaged for one that does not follow."""
        changed: dict[str, PositionRow] = {}
        for event in events:
            if event.has_cycle:
                position_id = event.position_id
                try:
                    changed[position_id] = project(changed.get(position_id) or self._before(event), event)
                except (AssertionError, ValueError) as cause:
                    raise HistoryDamaged(
                        f"{event.originator_id} version {event.originator_version} cannot be folded: {cause}; the "
                        "table is as it was, and `position-ledger verify` names all that does not fit"
                    ) from cause
        self._keep(changed)
        return {*changed}

    def _before(self, event: PositionEvent) -> PositionRow | None:
        if event.opens_cycle:
            return None
        row = self._open.get(event.position_id)
        if row is None and (row := self._table.row(event.originator_id, event.cycle)) is not None:
            self._written.add(event.position_id)
        return row

    def _keep(self, changed: dict[str, PositionRow]) -> None:
        over = {}
        for position_id, row in changed.items():
            if row.status.is_open:
                self._open[position_id] = row
            else:
                self._open.pop(position_id, None)
                over[position_id] = row
        self._write(over)
        self._written -= over.keys()

    def write_open(self) -> None:
        """Write the cycles that are open as well."""
        self._write(self._open)
        self._written |= self._open.keys()

    def _write(self, rows: dict[str, PositionRow]) -> None:
        again = [row for position_id, row in rows.items() if position_id in self._written]
        new = [row for position_id, row in rows.items() if position_id not in self._written]
        if again:
            self._table.replace(again)
        if new:
            self._table.add(new)


class Rebuild:
    """One positions table, filled from the log; `filled` events up to `nid` may be in it before it begins."""

    def __init__(
        self,
        log: EventLog,
        table: PositionTable,
        progress: Progress,
        *,
        batch_events: int = BATCH_EVENTS,
        nid: int = 0,
        filled: int = 0,
    ) -> None:
        self._log, self._table, self._progress, self._batch_events = log, table, progress, batch_events
        self._filling = Filling(table)
        self._nid, self._events = nid, filled

    def run(self) -> Rebuilt:
        """Fill the table, compare it while nobody waits, catch up, swap."""
        while self._batch(self._batch_events):
            pass
        self._filling.write_open()
        suspects = self._table.differing()
        while changed := self._batch(self._batch_events):
            suspects |= changed
        rows, differences = self._table.swap(lambda: suspects | self._last())
        return Rebuilt(self._events, rows, differences)

    def _last(self) -> set[str]:
        changed = self._batch(None)
        self._filling.write_open()
        return changed

    def _batch(self, limit: int | None) -> set[str]:
        """Take in some events, or all that are left; which positions they changed."""
        logged = [*self._log.after(self._nid, limit)]
        changed = self._filling.take(event for _, event in logged)
        if logged:
            self._nid = logged[-1][0]
        self._events += len(logged)
        self._progress(len(logged))
        return changed
