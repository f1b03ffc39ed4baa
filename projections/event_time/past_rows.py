"""The rows of cycles as they stood at a moment on the exchange's clock, and the events that had happened by then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from domain import events as e
from domain.aggregate.row_fold import UNFOLDABLE, not_following
from projections.event_time.telling_order import as_it_was, in_its_order, under_one_name
from projections.event_time.totals import EventTimeTotals
from projections.positions import PositionRow, project


def rows_at(stream: Iterable[e.PositionEvent], moment: datetime) -> Iterator[PositionRow]:
    """The cycles of one stream as they stood at a moment; a cycle that had not begun is left out."""
    for cycle in _cycles(stream):
        row = row_at(cycle, moment)
        if row is not None:
            yield row


def versions_at(stream: Iterable[e.PositionEvent], moment: datetime) -> set[int]:
    """The versions of the events of one stream that had happened by a moment."""
    known = list(stream)
    in_order = [each for cycle in _cycles(known) for each in in_its_order(cycle)]
    in_order += [(event.ts_event, event) for event in known if not event.has_cycle]
    return {event.originator_version for happened_at, event in in_order if happened_at <= moment}


def _cycles(stream: Iterable[e.PositionEvent]) -> Iterable[list[e.PositionEvent]]:
    cycles: dict[int, list[e.PositionEvent]] = {}
    for event in stream:
        if event.has_cycle:
            cycles.setdefault(event.cycle, []).append(event)
    return cycles.values()


def row_at(cycle: Sequence[e.PositionEvent], moment: datetime) -> PositionRow | None:
    """One cycle as it stood at a moment, by all of its events that are known today; None when it had not begun.

    Shape: `cycle` is in the order of recording. The flags and times in the row are those of the events.
    """
    row = None
    named = under_one_name(cycle)
    tally = EventTimeTotals(named)
    for happened_at, event in in_its_order(named):
        if happened_at > moment:
            break
        try:
            counted = tally.count(as_it_was(event, moment))
        except UNFOLDABLE as cause:
            raise not_following(event, cause) from cause
        row = project(row, counted)
    return row
