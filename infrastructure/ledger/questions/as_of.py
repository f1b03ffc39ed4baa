"""Queries about the past: a moment, the clock on which it is read, and the cycles as they stood then."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from typing import Final, Self, TypeVar

from domain.errors import InvalidCommand
from domain.identifiers import PositionId
from domain.values import utc
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.sql.conditions import until
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.questions.stray_succession import successors
from projections.exposure import taken_over_at
from projections.listed_row import Listed
from projections.positions import PositionRow, project

_AT_ONCE: Final = 5_000
"""How many cycles one query reads."""

Row = TypeVar("Row", bound=Listed)

PastMoment = AsOf | datetime | int | str | None
"""A past moment as callers write it: a time with its zone, a version, or `#nid`; None is now."""


class TimeAxis(StrEnum):
    """The clock on which a past moment is read."""

    RECORDED = "recorded"
    """What the ledger had recorded by then."""
    EVENT_TIME = "event-time"
    """What had happened by then at the exchange, as far as the ledger knows today."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        raise ValueError(f"{value!r:.40} is no clock; it is {' or '.join(map(repr, map(str, cls)))}")


def as_of(moment: PastMoment) -> AsOf:
    """Read a past moment.

    Refuses: InvalidCommand for anything else, also for a time without a zone.
    """
    if moment is None:
        return AsOf()
    if isinstance(moment, AsOf):
        return moment
    text = str(moment).strip()
    if re.fullmatch("[0-9]{1,18}", text, re.ASCII):
        return AsOf(version=int(text))
    if re.fullmatch("#[0-9]{1,18}", text, re.ASCII):
        return AsOf(nid=int(text[1:]))
    try:
        return AsOf(time=utc(moment))
    except ValueError as wrong:
        raise InvalidCommand(
            f"as of {text!r:.80}: {wrong}; or give a version (7), or a place in the log (#42)"
        ) from None


@dataclass(frozen=True)
class AsOfQuery:
    """A query about the past: a moment, and the clock on which it is read.

    On the exchange's clock `moment` has a time. If it also has a nid or a version, the query asks what the ledger knew
    at that place in the log about what had happened by that time.
    """

    moment: AsOf
    by: TimeAxis = TimeAxis.RECORDED

    @classmethod
    def read(cls, moment: PastMoment, by: TimeAxis | str) -> Self:
        """Read a moment and a clock as callers write them; no moment means everything that is recorded.

        Refuses: InvalidCommand for anything that is no moment or no clock, and for event time without a time.
        """
        try:
            axis = TimeAxis(by)
        except ValueError:
            raise InvalidCommand(f"by {by!r:.80}: it is one of {', '.join(TimeAxis)}") from None
        asked = as_of(moment)
        if axis is TimeAxis.EVENT_TIME and asked.time is None:
            given = "no moment" if moment is None else f"{moment!r:.80}"
            raise InvalidCommand(
                f"as of {given} by event-time: only a time (2025-10-22T18:50:43Z) says when something happened; a "
                "version and a place in the log say when it was recorded"
            )
        return cls(asked, axis)

    @property
    def _log_end(self) -> AsOf:
        """Up to which place the log is read."""
        return self.moment if self.by is TimeAxis.RECORDED else replace(self.moment, time=None)

    def require_reached(self, store: Store, stream: str | None = None) -> None:
        """Refuses: InvalidCommand for a place that the log, or a version that the stream, has not come to."""
        place, version = self.moment.nid, self.moment.version
        if place is None and version is None:
            return
        reach = store.visible(None)
        until_nid = None if reach is None else reach.nid
        if place is not None:
            end = store.last_event() if until_nid is None else None
            last = until_nid or (0 if end is None else end.id)
            if place > last:
                ends = "the log ends" if reach is None else "this replica is read"
                raise InvalidCommand(f"as of #{place}: {ends} at #{last}; name an earlier place, or none for now")
        if version is not None and stream is not None:
            conditions = {"stream =": stream, "nid <=": until_nid}
            newest = next((each.originator_version for each in store.select(conditions, "version DESC", 1)), None)
            if newest is not None and version > newest:
                raise InvalidCommand(
                    f"as of version {version}: {stream} is at version {newest}; name an earlier one, or none for now"
                )

    def positions(self, store: Store, *, open_only: bool = False) -> list[PositionRow]:
        """All cycles as they stood then, oldest first; `open_only` may leave out those that were over, not strays."""
        return self._rows(store, partial(store.rows, open_only=open_only), open_only=open_only)

    def listed(self, store: Store, *, open_only: bool = False) -> list[Listed]:
        """The same, where a cycle that has not changed since then has only the columns of a list."""
        return self._rows(store, partial(store.listed, open_only=open_only), open_only=open_only)

    def _rows(self, store: Store, today: Callable[[], Iterable[Row]], *, open_only: bool) -> list[Row | PositionRow]:
        if self.moment == AsOf():
            return list(today())
        self.require_reached(store)
        rows: list[Row | PositionRow] | None
        if self.by is TimeAxis.RECORDED:
            with store.snapshot():
                rows = [*_rows_by_recording(store, self._log_end, today())]
        else:
            rows = self._standing_by_event_time(store) if open_only else None
            if rows is None:  # no index knows when something happened, so every stream is read
                known = store.select(until(store.visible(self._log_end)), "stream, version")
                rows = [*self._rows_by_event_time(known)]
        return sorted(rows, key=attrgetter("opened_at", "position_id"))

    def position(self, store: Store, place: PositionId) -> Iterable[PositionRow]:
        """One cycle as it stood then, if it existed."""
        self.require_reached(store, place.key.stream)
        records = store.history(place.key.stream, place.cycle, self._log_end)
        return _folded(records) if self.by is TimeAxis.RECORDED else self._rows_by_event_time(records)

    def successors(self, store: Store, rows: Iterable[Listed]) -> dict[str, datetime]:
        """When a later cycle had taken each stray over by then, by the position id of the stray's cycle."""
        if self.by is TimeAxis.RECORDED:
            return successors(store, rows, self.moment)
        found = {}
        for row in rows:
            if row.stray:
                events = (each.event for each in self.history(store, row.stream, None))
                found[row.position_id] = taken_over_at(row, events)
        return {position_id: at for position_id, at in found.items() if at is not None}

    def _standing_by_event_time(self, store: Store) -> list[Row | PositionRow] | None:
        """The cycles that may have stood then; None where the facts do not tell them, or tell more than was asked."""
        from infrastructure.ledger.questions import standing_cycles  # noqa: PLC0415 - a bot need not wait for it

        assert self.moment.time is not None, "checked when it was read"
        if store.visible(self._log_end) != AsOf() or not standing_cycles.are_told(store):
            return None
        rows: list[Row | PositionRow] = []
        with store.snapshot():
            may_stand = standing_cycles.may_stand(store, self.moment.time)
            while places := list(islice(may_stand, _AT_ONCE)):
                rows += self._rows_by_event_time(store.load_cycles(places))
        return rows

    def _rows_by_event_time(self, records: Iterable[RecordedEvent]) -> Iterator[PositionRow]:
        from projections.event_time.past_rows import rows_at  # noqa: PLC0415 - as above

        assert self.moment.time is not None, "checked when it was read"
        for _, of_stream in groupby(records, lambda stored: stored.originator_id):
            yield from rows_at(map(decode, of_stream), self.moment.time)

    def cycles(self, store: Store, stream: str) -> list[int]:
        """The numbers of the cycles of a stream that had begun by then."""
        self.require_reached(store, stream)
        return store.cycles(stream, self.moment)

    def history(self, store: Store, stream: str, cycle: int | None) -> list[HistoryEntry]:
        """The events of a stream, or of one cycle, that belong to the moment, in the order of recording."""
        self.require_reached(store, stream)
        entries = [HistoryEntry.of(stored) for stored in store.history(stream, cycle, self._log_end)]
        if self.by is TimeAxis.RECORDED:
            return entries
        from projections.event_time.past_rows import versions_at  # noqa: PLC0415 - as above

        assert self.moment.time is not None, "checked when it was read"
        happened = versions_at((entry.event for entry in entries), self.moment.time)
        return [entry for entry in entries if entry.event.originator_version in happened]


def _rows_by_recording(store: Store, moment: AsOf, today: Iterable[Row]) -> Iterator[Row | PositionRow]:
    """Rows by what was recorded: a cycle without events after the moment has the row of today."""
    reaches = {reach.stream: reach for reach in store.reaches(moment)}
    for row in today:
        reach = reaches.get(row.stream)
        if reach is not None and row.version <= reach.version:
            yield row
    visible = store.visible(moment) or moment
    gone_on = store.gone_on([*reaches.values()])
    while places := list(islice(gone_on, _AT_ONCE)):
        yield from _folded(record for record in store.load_cycles(places) if record in visible)


def _folded(records: Iterable[RecordedEvent]) -> Iterable[PositionRow]:
    rows: dict[str, PositionRow] = {}
    for event in map(decode, records):
        if event.has_cycle:
            rows[event.position_id] = project(rows.get(event.position_id), event)
    return rows.values()
