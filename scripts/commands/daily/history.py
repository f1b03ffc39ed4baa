"""`history`: the events of a key, or of one of its cycles, as a narrative, a table or a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.as_of import TimeAxis
from infrastructure.ledger_clock import now
from projections.audit.narrative import Narrative
from projections.health.checks import command_line
from scripts.narratives.cycle_narratives import tell, title_of
from scripts.narratives.event_rows import print_history
from scripts.narratives.narrative_text import print_stories
from scripts.options.completion import places
from scripts.options.database import by_option, database_option, html_option, json_option
from scripts.output import say
from scripts.replica_place import print_read_list, reading, show_place, with_place

if TYPE_CHECKING:
    from scripts.html.page_cycles import PageCycles

CYCLES_MAX: Final = 100
"""How many cycles a page in a file has at most: a few megabytes, which a browser can show and print."""


@click.command("history")
@click.argument("key_or_position_id", metavar="KEY|POSITION_ID", shell_complete=places)
@database_option
@json_option
@click.option(
    "--as-of",
    metavar="TIME|VERSION|#NID",
    help="Only what had been recorded by then; a time must name its zone, and a shell needs quotes: '#42'.",
)
@by_option
@click.option(
    "--story/--table",
    "as_story",
    default=None,
    help="Tell a story for each cycle, or print a table of events.  [default: a story for a cycle, a table for a key]",
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
    """Show the history of a cycle (APTUSDT.binance#1) or of a key (APTUSDT.binance), oldest first.

    A cycle is told as a story: what was known and done, the time since the step before, who was refused meanwhile, and
    its anomalies. `--json` prints the events as they were stored; with `--story` the story, for programs. A page of
    --html shows the last 100 cycles of a key, and says how to get earlier ones.

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
            shown = _page_cycles(ledger, key_or_position_id, as_of=as_of, before=before)
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


def write_history(path: Path, ledger: PositionLedger, position_id: str, back: str) -> None:
    """Write the page of a cycle as of now, with a link back to a report."""
    shown = _page_cycles(ledger, position_id)
    _write_page(path, tell(ledger, shown.entries), shown, back=back)


def _page_cycles(
    ledger: PositionLedger, key_or_position_id: str, *, as_of: str | None = None, before: int | None = None
) -> PageCycles:
    from scripts.html.page_cycles import PageCycles  # noqa: PLC0415 - only pages need it

    return PageCycles.last(ledger, key_or_position_id, CYCLES_MAX, as_of=as_of, before=before)


def _way_back(shown: PageCycles, key: str, as_of: str | None) -> str:
    """The command that shows the cycles before those of a page; blank for a page of all cycles."""
    if shown.is_all or shown.are_first:
        return "" if shown.is_all else "There are none before."
    at = ["--as-of", as_of] if as_of else []
    return f"Those before: {command_line('history', key, *at, '--html', 'FILE', '--before', str(shown.numbers[0]))}"


def _write_page(
    path: Path,
    stories: Sequence[Narrative],
    shown: PageCycles,
    *,
    as_of: str | None = None,
    back: str | None = None,
) -> None:
    from scripts.html.cycle_page import OtherCycles, with_events, write_page  # noqa: PLC0415 - only pages are drawn

    title = title_of(stories, shown.entries)
    told, way = with_events(stories, shown.entries), _way_back(shown, title, as_of)
    others = OtherCycles(f"{shown.words} {way}", ()) if way else None
    write_page(path, title, told, as_of=as_of, written_at=now(), back=back, others=others)
