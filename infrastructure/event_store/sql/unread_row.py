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
        """Take the position id and its stream out of the values, and parse nothing."""
        position_id = values[_POSITION_ID]
        return cls(position_id.partition("#")[0], position_id, values)

    def read(self) -> PositionRow | UnreadableRow:
        """Parse the row; UnreadableRow says why it cannot be parsed."""
        try:
            return stored_row(self.values)
        except HistoryDamaged as cause:
            return UnreadableRow(self.stream, self.position_id, cause.message)


_POSITION_ID: Final = COLUMNS.index("position_id")
