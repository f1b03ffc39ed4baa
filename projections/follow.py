"""Walking a projection along the log, beside the table that is read, and changing places with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from domain.events import PositionEvent
from projections.positions import PositionRow, project

BATCH_EVENTS: Final = 2_000

Logged = tuple[int, PositionEvent]
"""An event and its place in the global order."""

Progress = Callable[[int], None]
"""Told how many events were done since it was told last."""


class EventLog(Protocol):
    """The log as a projection reads it."""

    def after(self, nid: int, limit: int | None) -> Iterable[Logged]:
        """Events past a place in the global order, in that order."""


class PositionTable(Protocol):
    """A positions table that is being filled."""

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""

    def write(self, rows: Iterable[PositionRow]) -> None:
        """Write rows, replacing those of the same cycle."""

    def swap(self, last_events: Callable[[], object]) -> tuple[int, int]:
        """Keep writers out, take in what they wrote last, and take the place of the table that is read.

        Shape: how many rows there are now, and in how many the old table was wrong.
        """


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did: events folded, rows written, rows in which the old table was wrong."""

    events: int
    rows: int
    differences: int


class Rebuild:
    """One positions table, filled from the log."""

    def __init__(self, log: EventLog, table: PositionTable, progress: Progress) -> None:
        """Start with an empty table, at the beginning of the log."""
        self._log, self._table, self._progress = log, table, progress
        self._open: dict[tuple[str, int], PositionRow] = {}
        self._nid = self._events = 0

    def run(self) -> Rebuilt:
        """Fill the table, catch up, swap."""
        while self._batch(BATCH_EVENTS):
            pass
        rows, differences = self._table.swap(lambda: self._batch(None))
        return Rebuilt(self._events, rows, differences)

    def _before(self, event: PositionEvent, place: tuple[str, int]) -> PositionRow | None:
        return None if event.opens_cycle else self._open.get(place) or self._table.row(*place)

    def _batch(self, limit: int | None) -> int:
        changed: dict[tuple[str, int], PositionRow] = {}
        count = 0
        for nid, event in self._log.after(self._nid, limit):
            place = (event.originator_id, event.cycle)
            changed[place] = project(changed.get(place) or self._before(event, place), event)
            self._nid, count = nid, count + 1
        for place, row in changed.items():
            if row.status.is_open:
                self._open[place] = row
            else:
                self._open.pop(place, None)
        self._table.write(changed.values())
        self._events += count
        self._progress(count)
        return count
