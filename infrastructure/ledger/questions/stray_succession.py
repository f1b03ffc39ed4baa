"""Strays, which are held in cycles that are over, and the later cycles that took them over: read from the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Final

from domain.errors import HistoryDamaged
from domain.events import PositionAdjusted, PositionAdopted, PositionEvent, RolledBack
from infrastructure.event_store.codec import decode, stored_names
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.places import AsOf, CyclePlace
from projections.exposure import taken_over_at
from projections.listed_row import Listed
from projections.positions import PositionRow

_SAYING: Final = stored_names(PositionAdopted, PositionAdjusted, RolledBack)
"""The events of a later cycle that may say what is held of the key, and so take a stray over."""
_AT_ONCE: Final = 5_000
"""How many strays one query asks for."""
_REACH: Final = 500
"""How many versions ahead the next such event is looked for: a few cycles of a busy key."""
_ALL: Final = 2**62
_STEPS_MAX: Final = 10
"""After so many events that did not take a stray over, the rest of its key is read at once."""


def left_over(store: Store) -> list[PositionRow]:
    """The cycles that are over and still hold something which no later cycle took over, oldest first."""
    strays = list(store.rows(strays_only=True))
    seen_to = successors(store, strays)
    return [row for row in strays if row.position_id not in seen_to]


def successors(store: Store, rows: Iterable[Listed], as_of: AsOf | None = None) -> dict[str, datetime]:
    """When a later cycle took each stray over, by the position id of the stray's cycle.

    A stray is left out if no cycle took it over, or if one of the events to look at cannot be read.
    """
    found: dict[str, datetime] = {}
    strays = iter([row for row in rows if row.stray])
    while asked := list(islice(strays, _AT_ONCE)):
        found |= _Succession(store, asked, as_of).found()
    return found


class _Succession:
    """Looks for the event that took each stray over: usually it is one of the next few that say what is held.

    So each query reads the next such event of all strays at once. The rest of a key is read only for a stray that none
    of the first _STEPS_MAX events took over.
    """

    def __init__(self, store: Store, strays: Sequence[Listed], as_of: AsOf | None) -> None:
        self._store, self._as_of = store, as_of
        self._own = self._events_of(strays)
        self._open = {row.position_id: row for row in strays if row.position_id in self._own}
        self._after = {position_id: self._own[position_id][0].originator_version for position_id in self._open}
        self._found: dict[str, datetime] = {}

    def found(self) -> dict[str, datetime]:
        """When each was taken over; a stray that was not is left out."""
        near = list(self._open)
        for _ in range(_STEPS_MAX):
            if not near:
                break
            near = self._look_further(near, map(self._place, near), reach=_REACH, limit=1)
        if self._open:
            self._look_further(list(self._open), self._first_places(), reach=_ALL, limit=_ALL)
        return self._found

    def _events_of(self, strays: Sequence[Listed]) -> dict[str, list[PositionEvent]]:
        places = [CyclePlace(row.stream, row.cycle) for row in strays]
        records = self._by_then(self._store.load_cycles(places))
        read = {f"{stream}#{cycle}": _read(each) for (stream, cycle), each in groupby(records, key=_of_cycle)}
        return {position_id: events for position_id, events in read.items() if events is not None}

    def _by_then(self, records: Iterable[RecordedEvent]) -> Iterable[RecordedEvent]:
        moment = self._store.visible(self._as_of)
        return records if moment is None else filter(moment.__contains__, records)

    def _place(self, position_id: str) -> CyclePlace:
        row = self._open[position_id]
        return CyclePlace(row.stream, row.cycle, self._after[position_id])

    def _first_places(self) -> Iterator[CyclePlace]:
        """For each key the earliest place from which any of its strays has to be followed."""
        places = sorted(map(self._place, self._open), key=attrgetter("stream", "after"))
        for stream, each in groupby(places, attrgetter("stream")):
            known = list(each)
            yield CyclePlace(stream, min(place.cycle for place in known), known[0].after)

    def _look_further(
        self, position_ids: Sequence[str], places: Iterable[CyclePlace], *, reach: int, limit: int
    ) -> list[str]:
        """Read the next events after some strays; returns those strays that had any, and were not taken over yet."""
        records = self._by_then(self._store.following([*places], _SAYING, reach=reach, limit=limit))
        by_stream = {
            stream: list(each) for stream, each in groupby(sorted(records, key=_in_stream), attrgetter("originator_id"))
        }
        went_on = []
        for position_id in position_ids:
            row, after = self._open[position_id], self._after[position_id]
            later = [
                each
                for each in by_stream.get(row.stream, ())
                if each.originator_version > after and each.cycle > row.cycle
            ][:limit]  # further events were read for another stray of the key; before them some may be missing here
            events = _read(later)
            at = None if events is None else taken_over_at(row, [*self._own[position_id], *events])
            if at is not None:
                self._found[position_id] = at
            if at is not None or events is None:
                del self._open[position_id]
            elif later:
                self._after[position_id] = later[-1].originator_version
                went_on.append(position_id)
        return went_on


_of_cycle: Final = attrgetter("originator_id", "cycle")
_in_stream: Final = attrgetter("originator_id", "originator_version")


def _read(records: Iterable[RecordedEvent]) -> list[PositionEvent] | None:
    """The events; None when one cannot be read."""
    try:
        return list(map(decode, records))
    except HistoryDamaged:
        return None
