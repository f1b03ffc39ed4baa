"""Reading rows stream by stream, in step with a walk through the events in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Generic, TypeVar

from infrastructure.event_store.sql.stream_order import OfStream

Row = TypeVar("Row", bound=OfStream)


class GroupedRows(Generic[Row]):
    """Rows sorted by stream; `before` and `rest` yield the rows of streams that have no events."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Read the rows of the first stream; the others are read when they are asked for."""
        self._groups = ((stream, list(group)) for stream, group in groupby(rows, lambda row: row.stream))
        self._next = next(self._groups, None)

    def before(self, stream: str) -> Iterator[list[Row]]:
        """The remaining rows of all streams that are sorted before `stream`, one list for each."""
        while self._next is not None and self._next[0] < stream:
            yield self._next[1]
            self._next = next(self._groups, None)

    def of(self, stream: str) -> list[Row]:
        """The rows of `stream`; empty unless it is the next one that has rows."""
        if self._next is None or self._next[0] != stream:
            return []
        found, self._next = self._next[1], next(self._groups, None)
        return found

    def rest(self) -> Iterator[list[Row]]:
        """The remaining rows, one list for each stream."""
        while self._next is not None:
            yield self._next[1]
            self._next = next(self._groups, None)
