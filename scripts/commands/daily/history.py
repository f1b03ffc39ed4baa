"""`history`: what happened to a key, or in one of its cycles, as a story, a table or a page."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from domain.events import PositionEvent
from domain.identifiers import PositionKey
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.as_of import TimeAxis
from infrastructure.ledger.questions.as_of import as_of as moment_of
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.questions.late_fills import successors
from infrastructure.ledger_clock import now
from projections.audit.narrative import Narrative, story
from projections.positions import PositionRow, project
from scripts.narrative_text import print_story
from scripts.options.completion import places
from scripts.options.database import by_option, database_option, html_option, json_option
from scripts.output import print_table, say, show
from scripts.replica_place import print_read_list, reading, show_place, with_place

if TYPE_CHECKING:
    from scripts.html.cycle_page import EventTable
    from scripts.html.told_cycles import ToldCycles

CYCLES_MAX: Final = 100
"""How many cycles a page in a file tells: some megabytes, that a browser shows and prints."""
_ENVELOPE: Final = frozenset(
    {"command_id", "request", "cycle", "ts_event", "ts_recorded", "source", "metadata", "holding", "row"}
)


@click.command("history")
@click.argument("key_or_position_id", metavar="KEY|POSITION_ID", shell_complete=places)
@database_option
@json_option
@click.option(
    "--as-of", metavar="TIME|VERSION|#NID", help="Only what had been recorded by then; a time names its zone."
)
@by_option
@click.option(
    "--story/--table",
    "as_story",
    default=None,
    help="Tell a story a cycle, or print a table of events.  [default: a story for a cycle, a table for a key]",
)
@html_option
@click.option(
    "--before",
    metavar="CYCLE",
    type=click.IntRange(min=1),
    help=f"With --html: the last {CYCLES_MAX} cycles before this one, of a key that has more.",
)
def command(
    key_or_position_id: str,
    database: str | None,
    as_of: str | None,
    by: str,
    html: Path | None,
    *,
    before: int | None,
    as_json: bool,
    as_story: bool | None,
) -> None:
    """Tell what happened in a cycle (APTUSDT.binance#1) or to a key (APTUSDT.binance), oldest first.

    A cycle is told as a story: what was known and done, how long after the step before, who was refused meanwhile, and
    what is odd about it. `--json` prints the events as they were stored; with `--story` the story, for programs. A page
    of --html tells the last 100 cycles of a key, and says how to get earlier ones.

    \b
    Examples:
      position-ledger history APTUSDT.binance#1
      position-ledger history APTUSDT.binance#1 --html apt.html
      position-ledger history APTUSDT.binance --html earlier.html --before 101
      position-ledger history APTUSDT.binance --json
      position-ledger history APTUSDT.binance --as-of 3
      position-ledger history APTUSDT.binance --as-of 2025-10-22T18:50:43Z --by event-time
    """
    by_event_time = by == TimeAxis.EVENT_TIME
    if by_event_time and (as_story or html):
        raise click.UsageError("a story is told as it was recorded: leave out --story and --html, or --by event-time")
    if before is not None and html is None:
        raise click.UsageError("--before says which cycles stand on a page: add --html FILE")
    is_printed = as_json or html is None
    with reading(database) as (ledger, place), ledger.store.snapshot():
        entries = ledger.history(key_or_position_id, as_of=as_of, by=by) if is_printed else []
        tells = as_story if as_story is not None else "#" in key_or_position_id and not as_json and not by_event_time
        stories = tell(ledger, entries, as_of=as_of) if tells and is_printed else []
        happened = bool(entries)
        if html is not None:
            shown = _told_cycles(ledger, key_or_position_id, as_of=as_of, before=before)
            happened = bool(shown.entries)
            if happened:
                _write_page(html, tell(ledger, shown.entries, as_of=as_of), shown, as_of=as_of)
                way = _way_back(shown, key_or_position_id, as_of)
                say(with_place(f"{html} shows {key_or_position_id}{f': {shown.words} {way}' if way else ''}", place))
    if not happened:
        say(f"nothing had happened to {key_or_position_id} as of {as_of}")
    if as_json:
        told = (each.as_json() for each in (stories if tells else entries))
        print_read_list(place, told, "stories" if tells else "events")
    elif entries and html is None:
        show_place(place)
        if tells and not stories:
            say(f"no cycle of {key_or_position_id} has begun yet; --table prints what was recorded of it")
        elif tells:
            print_stories(stories)
        else:
            print_history(entries)


def tell(ledger: PositionLedger, entries: Sequence[HistoryEntry], *, as_of: str | None = None) -> list[Narrative]:
    """The stories of the cycles of one key, up to now or to a moment in the past."""
    if not entries:
        return []
    key = PositionKey.parse(entries[0].event.originator_id)
    until, end = now(), now()
    if as_of is not None:
        last_recorded = max(entry.event.ts_recorded for entry in entries)
        until = moment_of(as_of).time or last_recorded
        end = moment_of(as_of).time or datetime.min.replace(tzinfo=UTC)
    refused = [refusal for refusal in ledger.rejections(key) if refusal.ts_recorded <= until]
    of_cycles = (entry.event for entry in entries if entry.event.has_cycle)
    by_cycle = sorted(of_cycles, key=lambda event: (event.cycle, event.originator_version))
    cycles = [list(events) for _, events in groupby(by_cycle, key=lambda event: event.cycle)]
    taken_over = successors(ledger.store, [_last_row(events) for events in cycles], moment_of(as_of))
    return [story(events, refused, end, taken_over.get(events[0].position_id)) for events in cycles]


def _last_row(cycle: Sequence[PositionEvent]) -> PositionRow:
    row: PositionRow | None = None
    for event in cycle:
        row = project(row, event)
    assert row is not None, "a cycle has an event"
    return row


def write_history(path: Path, ledger: PositionLedger, position_id: str, back: str) -> None:
    """Write the page of a cycle as it stands, with the way back to a report."""
    shown = _told_cycles(ledger, position_id)
    _write_page(path, tell(ledger, shown.entries), shown, back=back)


def _told_cycles(
    ledger: PositionLedger, key_or_position_id: str, *, as_of: str | None = None, before: int | None = None
) -> ToldCycles:
    from scripts.html.told_cycles import ToldCycles  # noqa: PLC0415 - only pages tell some of them

    return ToldCycles.last(ledger, key_or_position_id, CYCLES_MAX, as_of=as_of, before=before)


def _way_back(shown: ToldCycles, key: str, as_of: str | None) -> str:
    """By which command the cycles before those of a page are had; nothing where there are none, or no others."""
    if shown.is_all or shown.are_first:
        return "" if shown.is_all else "There are none before."
    at = f" --as-of {shlex.quote(as_of)}" if as_of else ""
    return f"Those before: position-ledger history {key}{at} --html FILE --before {shown.numbers[0]}"


def _write_page(
    path: Path,
    stories: Sequence[Narrative],
    shown: ToldCycles,
    *,
    as_of: str | None = None,
    back: str | None = None,
) -> None:
    from scripts.html.cycle_page import OtherCycles, write_page  # noqa: PLC0415 - only pages are drawn

    title = title_of(stories, shown.entries)
    told, way = with_events(stories, shown.entries), _way_back(shown, title, as_of)
    others = OtherCycles(f"{shown.words} {way}", ()) if way else None
    write_page(path, title, told, as_of=as_of, written_at=now(), back=back, others=others)


def title_of(stories: Sequence[Narrative], entries: Sequence[HistoryEntry]) -> str:
    """The cycle that is told, or the key of several."""
    return stories[0].row.position_id if len(stories) == 1 else str(entries[0].event.originator_id)


def with_events(stories: Sequence[Narrative], entries: Sequence[HistoryEntry]) -> list[tuple[Narrative, EventTable]]:
    """Each story with the last events behind it, for a page."""
    from scripts.html.cycle_page import EVENTS_MAX, EVENTS_SHOWN_MAX, EventTable  # noqa: PLC0415 - only pages are drawn

    of_cycles: dict[int, list[HistoryEntry]] = {}
    for entry in entries:
        of_cycles.setdefault(entry.event.cycle, []).append(entry)
    told = []
    for each in stories:
        own = of_cycles[each.row.cycle]
        rows = [event_cells(entry) for entry in own[-EVENTS_MAX:]]
        told.append((each, EventTable(EVENT_COLUMNS, rows, len(own), len(own) <= EVENTS_SHOWN_MAX, own[-1].hash)))
    return told


def print_stories(stories: Sequence[Narrative]) -> None:
    """Print stories, for people."""
    for number, each in enumerate(stories):
        if number:
            show("")
        print_story(each)


def print_history(entries: Sequence[HistoryEntry]) -> None:
    """Print events as a table, for people."""
    print_table(EVENT_COLUMNS, [event_cells(entry) for entry in entries], right=frozenset({"version", "cycle"}))


EVENT_COLUMNS: Final = ("version", "cycle", "when (UTC)", "event", "source", "what")


def event_cells(entry: HistoryEntry) -> tuple[object, ...]:
    """An event as a row of a table."""
    event = entry.event
    return (
        event.originator_version,
        event.cycle,
        event.ts_event.strftime("%Y-%m-%d %H:%M:%S.%f"),
        type(event).__name__,
        event.source.value,
        ", ".join(_facts(json.loads(entry.payload))),
    )


def _facts(fields: dict[str, Any]) -> list[str]:
    return [
        f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
        if name not in _ENVELOPE and value is not None
    ]
