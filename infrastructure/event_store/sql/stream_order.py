"""Rows of cycles in the order of their streams, found by their ids: no database has to sort them for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Protocol, TypeVar

from infrastructure.event_store.sql.conditions import compared
from infrastructure.event_store.sql.dialect import Dialect
from infrastructure.event_store.vocabulary.places import StreamSpan

_MARK: Final = "#"
"""What stands between a stream and a cycle in an id."""


class OfStream(Protocol):
    """A row that belongs to a stream."""

    @property
    def stream(self) -> str:
        """The stream."""


Row = TypeVar("Row", bound=OfStream)


def ids_within(span: StreamSpan, dialect: Dialect) -> tuple[list[str], list[Any]]:
    """The conditions on the ids of cycles whose streams are in a span, and their values: found by a key of ids."""
    bounds = {"position_id >=": span.first, f"{dialect.stream} >=": span.first, f"{dialect.stream} <": span.end}
    if span.end is not None and not _may_stand_before(span.end):
        bounds["position_id <"] = span.end
    return compared(bounds, dialect.placeholder)


def in_stream_order(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows that come in the order of their ids.

    That is the order of their streams but for what is no key: `A!#1` comes before `A#1`, and waits for it here.
    """
    waiting: list[tuple[str, list[Row]]] = []
    for stream, group in groupby(rows, lambda row: row.stream):
        if _may_stand_before(stream):
            waiting.append((stream, list(group)))
            continue
        if waiting:
            yield from _taken(waiting, stream)
        yield from group
    yield from _taken(waiting, None)


def _taken(waiting: list[tuple[str, list[Row]]], until: str | None) -> Iterator[Row]:
    """Those of streams up to before one, which wait no longer."""
    waiting.sort(key=itemgetter(0))
    while waiting and (until is None or waiting[0][0] < until):
        yield from waiting.pop(0)[1]


def _may_stand_before(stream: str) -> bool:
    """Whether its ids may come before those of a stream that its name begins with."""
    return min(stream, default=_MARK) < _MARK
