"""Folding events into the rows of their cycles, with the rows of open cycles in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from domain.events import PositionEvent
from projections.positions import PositionRow, project


class CycleRows:
    """The rows of cycles while events are folded, which come in the order of each cycle.

    The rows of open cycles are kept: at most one for each stream. Others are asked for.
    """

    def __init__(
        self, stored: Callable[[PositionEvent], PositionRow | None], open_rows: Iterable[PositionRow] = ()
    ) -> None:
        """`stored` looks up the row of an event's cycle that was written before."""
        self._stored = stored
        self.open = {row.position_id: row for row in open_rows}
        self._changed: dict[str, PositionRow] = {}

    def take(self, event: PositionEvent) -> None:
        """Fold an event. Refuses: HistoryDamaged for one that does not follow from the row."""
        if not event.has_cycle:
            return
        position_id = event.position_id
        before = None
        if not event.opens_cycle:
            before = self._changed.get(position_id) or self.open.get(position_id) or self._stored(event)
        self._changed[position_id] = project(before, event)

    def changed(self) -> dict[str, PositionRow]:
        """The rows that changed since the last call, in the order of their first change."""
        changed, self._changed = self._changed, {}
        for position_id, row in changed.items():
            if row.status.is_open:
                self.open[position_id] = row
            else:
                self.open.pop(position_id, None)
        return changed
