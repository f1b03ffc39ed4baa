"""What an import writes in one transaction: events, the rows of their cycles, and refused duplicates."""

from __future__ import annotations

from typing import Final

from domain.errors import HistoryDamaged
from domain.events import PositionEvent
from domain.rejection import Rejection
from infrastructure.event_store.codec import columns, decode
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.append_conflicts import AppendConflict, VersionTaken
from infrastructure.transfer.transfer_errors import ImportRefused
from projections.cycle_rows import CycleRows
from projections.positions import PositionRow

LINES_MAX: Final = 2_000
"""How many events and refused duplicates make one batch."""


class Batch:
    """A buffer of records, written whenever it is full."""

    def __init__(self, store: Store, lines_max: int) -> None:
        self._lines_max = lines_max
        self.after = 0
        """The last place in the log that has been written."""
        self.events = self.rejections = 0
        """How many of each have been written."""
        self._store, self._rows = store, CycleRows(self._stored, store.rows(open_only=True))
        self._events: list[RecordedEvent] = []
        self._rejections: list[Rejection] = []
        self._lines = (0, 0)

    def add_event(self, number: int, recorded: RecordedEvent) -> None:
        """Add an event; its index columns are computed from it. Refuses: ImportRefused for what is no event."""
        try:
            event = decode(recorded)
            self._rows.take(event)
        except HistoryDamaged as wrong:
            raise ImportRefused.at(number, str(wrong)) from None
        self._events.append(RecordedEvent(*recorded[:6], *columns(event)))
        self._added(number)

    def add_rejection(self, number: int, rejection: Rejection) -> None:
        """Add a refused duplicate."""
        self._rejections.append(rejection)
        self._added(number)

    def _stored(self, event: PositionEvent) -> PositionRow | None:
        return next(self._store.rows(position_id=event.position_id), None)

    def _added(self, number: int) -> None:
        self._lines = (self._lines[0] or number, number)
        if len(self._events) + len(self._rejections) >= self._lines_max:
            self.write()

    def write(self) -> None:
        """Write what was added since the last write. Refuses: ImportRefused, StoreError; then none of it is written."""
        if not self._events and not self._rejections:
            return
        first, last = self._lines
        try:
            self._store.restore(
                self._events, after=self.after, rows=[*self._rows.changed().values()], rejections=self._rejections
            )
        except VersionTaken as moved:
            raise ImportRefused(f"another process writes into this ledger during the import: {moved}") from None
        except AppendConflict as conflict:
            why = " ".join(str(conflict).split())
            raise ImportRefused.at(
                first, f"the lines from here to line {last:,} cannot all be in one ledger: {why}"
            ) from None
        self.after = self._events[-1].id if self._events else self.after
        self.events += len(self._events)
        self.rejections += len(self._rejections)
        self._events, self._rejections, self._lines = [], [], (0, 0)
