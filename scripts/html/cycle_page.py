"""The page of a cycle, or of several cycles of a key: their drawings, anomalies, narratives and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from infrastructure.ledger.questions.history import HistoryEntry
from projections.audit.narrative import Narrative
from projections.health.checks import command_line
from projections.health.ledger_status import OLD, LedgerStatus
from scripts.html.cycle_chart import draw, key
from scripts.html.page import TEMPLATES, filled, write
from scripts.html.shapes import Figure
from scripts.narratives.event_rows import EVENT_COLUMNS, event_cells

EVENTS_SHOWN_MAX: Final = 60
"""A table of more events than this is collapsed at first."""
EVENTS_MAX: Final = 2_000
"""The table has at most so many events, the last ones: a browser cannot show a hundred thousand."""


@dataclass(frozen=True)
class EventTable:
    """The last events of a cycle, how many there are in all, and the hash of the last one."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    count: int
    """How many events there are in all."""
    is_open: bool
    hash: str

    @classmethod
    def of(cls, entries: Sequence[HistoryEntry]) -> Self:
        """The table of some entries, at most the last EVENTS_MAX."""
        rows = [event_cells(entry) for entry in entries[-EVENTS_MAX:]]
        return cls(EVENT_COLUMNS, rows, len(entries), len(entries) <= EVENTS_SHOWN_MAX, entries[-1].hash)


@dataclass(frozen=True)
class OtherCycles:
    """In words, which cycles of a key a page shows, and the links to the others: each a text and a URL."""

    words: str
    ways: Sequence[tuple[str, str]]


def with_events(stories: Sequence[Narrative], entries: Sequence[HistoryEntry]) -> list[tuple[Narrative, EventTable]]:
    """Each narrative with the events of its cycle."""
    of_cycles: dict[int, list[HistoryEntry]] = {}
    for entry in entries:
        of_cycles.setdefault(entry.event.cycle, []).append(entry)
    return [(each, EventTable.of(of_cycles[each.row.cycle])) for each in stories]


def page_of(
    title: str,
    told: Sequence[tuple[Narrative, EventTable]],
    *,
    written_at: datetime,
    as_of: str | None,
    is_now: bool,
    age: timedelta = OLD,
    base: str = "base.html",
    back: str | None = None,
    others: OtherCycles | None = None,
    **values: Any,
) -> str:
    """The page of some cycles as text.

    Shape: `base` is the template around it, which gets `values`; `back` is the link to a report. With `is_now` the page
           shows what needs a person, judged as `status` judges it, by the same `age`.
    """
    cycles = [(story, _figure(story), events) for story, events in told]
    standing = (story.row for story, _ in told if story.row.status.is_open or story.timeline.is_exposed)
    lines = LedgerStatus.of(standing, written_at, age).lines if is_now else ()
    return filled(
        TEMPLATES / "cycle.html",
        title=title,
        cycles=cycles,
        lines={line.row.position_id: line for line in lines},
        base=base,
        back=back,
        others=others,
        as_of=as_of,
        written_at=written_at,
        command_line=command_line,
        **values,
    )


def write_page(
    path: Path,
    title: str,
    told: Sequence[tuple[Narrative, EventTable]],
    *,
    as_of: str | None,
    written_at: datetime,
    back: str | None = None,
    others: OtherCycles | None = None,
) -> None:
    """Write the page of some cycles to a file."""
    is_now = as_of is None
    write(path, page_of(title, told, as_of=as_of, is_now=is_now, written_at=written_at, back=back, others=others))


def _figure(story: Narrative) -> Figure | None:
    """The drawing of a cycle; None for a cycle that took no time."""
    time = story.timeline
    if time.start == time.end:
        return None
    caption = f"{story.row.position_id}, from {'its beginning until now' if time.is_open else 'beginning to end'}"
    return Figure.drawn(caption, partial(draw, time, story.row.side, caption), key(time, story.row.side))
