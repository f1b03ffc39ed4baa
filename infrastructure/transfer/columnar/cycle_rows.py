"""The rows of cycles while events are imported: open ones are kept in memory, others are read from the store."""

from __future__ import annotations

from domain.events import PositionEvent
from infrastructure.event_store.port import Store
from projections.positions import PositionRow, project


class CycleRows:
    """The rows of the positions table that a batch of events changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open = {row.position_id: row for row in store.rows(open_only=True)}
        self._changed: dict[str, PositionRow] = {}

    def take(self, event: PositionEvent) -> None:
        """Apply an event to the row of its cycle. Raises: AssertionError for an event that does not fit the row."""
        if not event.has_cycle:
            return
        position_id = event.position_id
        before = None if event.opens_cycle else self._changed.get(position_id) or self._before(position_id)
        self._changed[position_id] = project(before, event)

    def _before(self, position_id: str) -> PositionRow | None:
        return self._open.get(position_id) or next(iter(self._store.rows(position_id=position_id)), None)

    def changed(self) -> list[PositionRow]:
        """The rows that changed since the last call, in the order of their first change."""
        rows = list(self._changed.values())
        for row in rows:
            if row.status.is_open:
                self._open[row.position_id] = row
            else:
                self._open.pop(row.position_id, None)
        self._changed = {}
        return rows
