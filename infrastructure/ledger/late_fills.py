"""What cycles hold that are over, and whether somebody dealt with it: read from the log of their keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Final

from domain.errors import HistoryDamaged
from domain.events import PositionAdjusted, PositionAdopted, RolledBack
from infrastructure.event_store.codec import decode, stored_names
from infrastructure.event_store.port import AsOf, Store, until
from infrastructure.event_store.records import RecordedEvent
from projections.exposure import taken_over_at
from projections.positions import PositionRow

_SAYING: Final = stored_names(PositionAdopted, PositionAdjusted, RolledBack)
"""What may say, in a later cycle, what is held of the key."""
_AT_ONCE: Final = 5_000
"""Strays that are asked for at once: a statement has room for so many parameters."""


def left_over(store: Store) -> list[PositionRow]:
    """The cycles that are over and hold something that no later cycle took over, oldest first."""
    strays = list(store.rows(strays_only=True))
    seen_to = successors(store, strays)
    return [row for row in strays if row.position_id not in seen_to]


def successors(store: Store, rows: Iterable[PositionRow], as_of: AsOf | None = None) -> dict[str, datetime]:
    """When a later cycle took over what some cycles hold that are over, by position.

    Those that none took over are left out, and those of a key of which something cannot be read. The strays are read
    and what may speak of them, of all keys in one question: of each by itself it would be read with all that lies
    between, which is the whole log where many keys have some.
    """
    found: dict[str, datetime] = {}
    strays = iter(sorted((row for row in rows if row.stray), key=attrgetter("stream", "cycle")))
    while asked := list(islice(strays, _AT_ONCE)):
        by_stream = {stream: list(of_stream) for stream, of_stream in groupby(asked, attrgetter("stream"))}
        for stream, records in groupby(_speaking(store, asked, as_of), attrgetter("originator_id")):
            found |= _taken_over(by_stream[stream], records)
    return found


def _speaking(store: Store, strays: Sequence[PositionRow], as_of: AsOf | None) -> Iterator[RecordedEvent]:
    """The events of some strays, and those that may say of their keys what is held."""
    conditions, values = until(store.visible(as_of), store.placeholder)
    streams = sorted({row.stream for row in strays})
    (each, kinds), cycle = (_list(store, len(names)) for names in (streams, _SAYING)), _list(store, 2)
    of_strays = ", ".join([cycle] * len(strays))
    conditions += [f"stream IN {each}", f"(type IN {kinds} OR (stream, cycle) IN (VALUES {of_strays}))"]
    values += [*streams, *_SAYING, *(value for row in strays for value in (row.stream, row.cycle))]
    return store.select(conditions, values, "stream, version")


def _list(store: Store, length: int) -> str:
    return f"({', '.join([store.placeholder] * length)})"


def _taken_over(strays: Iterable[PositionRow], records: Iterable[RecordedEvent]) -> dict[str, datetime]:
    try:
        events = list(map(decode, records))
    except HistoryDamaged:
        return {}
    moments = {row.position_id: taken_over_at(row, events) for row in strays}
    return {position_id: at for position_id, at in moments.items() if at is not None}
