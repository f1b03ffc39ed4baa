"""The sink of exports for analysis: it writes records as rows of a CSV or Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.rejection import Rejection
from infrastructure.event_store.records import RecordedEvent
from infrastructure.transfer.columnar.columns import Value, event_values, position_values, rejection_values
from infrastructure.transfer.exporting import Exported
from projections.positions import PositionRow


class TableFile(Protocol):
    """A file with rows."""

    def row(self, values: Sequence[Value]) -> None:
        """Write one row."""

    def finish(self) -> None:
        """Write the rest of the file."""


class ColumnSink:
    """Writes records as rows of a file."""

    def __init__(self, file: TableFile) -> None:
        self._file = file

    def begin(self, what: str, nid: int) -> None:
        """Do nothing: the file has its columns already."""

    def event(self, event: RecordedEvent) -> None:
        """Write an event."""
        self._file.row(event_values(event))

    def position(self, row: PositionRow) -> None:
        """Write a row."""
        self._file.row(position_values(row))

    def rejection(self, rejection: Rejection) -> None:
        """Write a refused duplicate."""
        self._file.row(rejection_values(rejection))

    def end(self, done: Exported) -> None:
        """Finish; a table does not say how many rows it has."""
        del done
        self._file.finish()
