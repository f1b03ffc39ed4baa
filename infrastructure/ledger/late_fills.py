"""What cycles hold that are over, and whether somebody dealt with it: read from the log of their keys."""

from __future__ import annotations

from datetime import datetime

from domain.errors import HistoryDamaged
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from projections.exposure import taken_over_at
from projections.positions import PositionRow


def left_over(store: Store) -> list[PositionRow]:
    """The cycles that are over and hold something that no later cycle took over, oldest first."""
    return [row for row in store.rows(strays_only=True) if successor_at(store, row) is None]


def successor_at(store: Store, row: PositionRow) -> datetime | None:
    """When a later cycle took over what one holds that is over; None while none has, or its events cannot be read."""
    try:
        return taken_over_at(row, [decode(stored) for stored in store.history(row.stream)])
    except HistoryDamaged:
        return None
