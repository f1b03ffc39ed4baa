"""An entry of the positions table that nobody has read yet, or that cannot be read."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

from domain.errors import HistoryDamaged
from infrastructure.event_store.sql.stored_row import stored_row
from projections.positions import COLUMNS, PositionRow


class UnreadableRow(NamedTuple):
    """An entry of the positions table that cannot be read as a row: where, and why not."""

    stream: str
    position_id: str
    reason: str


class UnreadRow(NamedTuple):
    """An entry of the positions table as a database gives it back, in the order of COLUMNS: reading it costs more."""

    stream: str
    position_id: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Self:
        """Find out whose it is by its id, and no more."""
        position_id = values[_POSITION_ID]
        return cls(position_id.partition("#")[0], position_id, values)

    def read(self) -> PositionRow | UnreadableRow:
        """The row, or why it is none."""
        try:
            return stored_row(self.values)
        except HistoryDamaged as cause:
            return UnreadableRow(self.stream, self.position_id, cause.message)


_POSITION_ID: Final = COLUMNS.index("position_id")
