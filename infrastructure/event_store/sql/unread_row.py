"""Rows of the positions table that have not been parsed yet, or cannot be."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

from domain.errors import HistoryDamaged
from infrastructure.event_store.sql.stored_row import stored_row
from projections.positions import COLUMNS, PositionRow


class UnreadableRow(NamedTuple):
    """A stored row of the positions table that cannot be parsed: whose it is, and why not."""

    stream: str
    position_id: str
    reason: str


class UnreadRow(NamedTuple):
    """A stored row of the positions table, not parsed, which would take longer: its values in the order of COLUMNS."""

    stream: str
    position_id: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Self:
        """Take stream and position id out of the values, and parse nothing."""
        return cls(values[_STREAM], values[_POSITION_ID], values)

    def read(self) -> PositionRow | UnreadableRow:
        """Parse the row; UnreadableRow says why it cannot be parsed."""
        try:
            return stored_row(self.values)
        except HistoryDamaged as cause:
            return UnreadableRow(self.stream, self.position_id, cause.message)


_STREAM: Final = COLUMNS.index("stream")
_POSITION_ID: Final = COLUMNS.index("position_id")
