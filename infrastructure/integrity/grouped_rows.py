"""Rows in the order of their streams, taken stream by stream beside the events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Generic, Protocol, TypeVar


class _InStream(Protocol):
    @property
    def stream(self) -> str:
        """Whose row it is."""


Row = TypeVar("Row", bound=_InStream)


class GroupedRows(Generic[Row]):
    """Rows that are sorted by their streams; those of streams that have no events come out as well."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Read the first stream's."""
        self._groups = ((stream, list(group)) for stream, group in groupby(rows, lambda row: row.stream))
        self._next = next(self._groups, None)

    def before(self, stream: str) -> Iterator[list[Row]]:
        """Those of all streams that are left before one."""
        while self._next is not None and self._next[0] < stream:
            yield self._next[1]
            self._next = next(self._groups, None)

    def of(self, stream: str) -> list[Row]:
        """Those of the stream that comes next, if it is this one."""
        if self._next is None or self._next[0] != stream:
            return []
        found, self._next = self._next[1], next(self._groups, None)
        return found

    def rest(self) -> Iterator[list[Row]]:
        """Those of all streams that are left."""
        while self._next is not None:
            yield self._next[1]
            self._next = next(self._groups, None)
