"""`status`: what is open on one screen, the worst first, and whether something needs a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import click

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger_clock import now
from infrastructure.operations.health import elsewhere
from projections.formatting import date_and_time
from projections.health.ledger_status import LedgerStatus
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option
from scripts.options.filters import EVERYTHING, Filter, filter_options
from scripts.options.health_question import question_of, quiet_option
from scripts.options.listing import Listing, listing_options
from scripts.options.params import SECONDS_MAX, NumberRange
from scripts.options.snapshots import SnapshotOptions, snapshot_options
from scripts.options.time_window import age_option, since_option
from scripts.output import lines_of, show
from scripts.replica_place import print_read, reading, show_place
from scripts.screen import COLOURS, redraw
from scripts.status_table import SORTS, in_order, status_table

LINES_MAX: Final = 18
"""How many positions fit on a screen of 24 lines, beside the other lines."""
WATCH_SECONDS: Final = 2.0


@click.command("status")
@database_option
@json_option
@filter_options
@since_option
@age_option
@quiet_option
@snapshot_options
@listing_options(SORTS, LINES_MAX)
@click.option(
    "--watch",
    metavar="[SECONDS]",
    is_flag=False,
    flag_value=str(WATCH_SECONDS),
    type=NumberRange(min=0.1, max=SECONDS_MAX),
    help=f"Look again every so many seconds ({WATCH_SECONDS:g} without a number), in one place on a terminal, until "
    "stopped.",
)
def command(
    *,
    database: str | None,
    wanted: Filter,
    since: datetime | None,
    age: timedelta,
    quiet: timedelta | None,
    shown: SnapshotOptions,
    listing: Listing,
    watch: float | None,
    as_json: bool,
) -> None:
    """Show what is open on one screen, the worst first, each with its age; the last line is the verdict.

    It is as wide as the terminal, or 80 letters: columns that do not fit are left out, and nothing is wrapped. Numbers
    are rounded (≈), and exact with --json. On a terminal critical lines are red, and warnings amber, unless NO_COLOR is
    set.

    Exit code 0 when nothing needs a person, 1 when something does, 2 for usage, 3 when the database could not be
    reached.

    \b
    Examples:
      position-ledger status
      position-ledger status --watch
      position-ledger status --exchange bybit --sort age --wide
      position-ledger status --columns position,state,age,next
    """
    listing.require(status_table(()).columns)
    if as_json and watch is not None:
        raise click.UsageError("--watch shows a person, --json tells a program once: choose one")

    def look() -> tuple[LedgerStatus, ReplicaPlace | None]:
        question = question_of(wanted, shown, since=since, age=age, quiet=quiet, verifies=False)
        with reading(database, EVERYTHING if watch is not None else wanted) as (ledger, place):
            rows = [row for row in ledger.positions(open=True) if question.takes(row)]
            beside = elsewhere(ledger, question)
        return LedgerStatus.of(rows, now(), age, beside), place

    if watch is not None:
        redraw(lambda: _print(*look(), listing), watch)
    found, place = look()
    if as_json:
        print_read(place, found.as_json())
    else:
        _print(found, place, listing)
    if not found.ok:
        raise SystemExit(REFUSED)


def _print(found: LedgerStatus, place: ReplicaPlace | None, listing: Listing) -> None:
    show_place(place)
    lines = in_order(found.lines, listing.sort)
    shown = listing.shown(lines)
    show(f"{date_and_time(found.now)} UTC")
    if shown:
        heads, under, *rows = lines_of(listing.fitted(status_table(shown)))
        show("", heads, under)
        for line, text in zip(shown, rows, strict=True):
            show(text, colour=COLOURS[line.severity])
        if left := len(lines) - len(shown):
            in_need = sum(bool(line.symptoms) for line in lines[len(shown) :])
            show(f"and {left:,} more, {in_need:,} of them in need of a person: --limit {len(lines)}")
        show("")
    for symptom in found.beside:
        show(f"{symptom.severity.value}: {symptom.subject}: {symptom.message}", colour=COLOURS[symptom.severity])
        show(f"  next: {symptom.advice}")
    show(found.verdict, colour=COLOURS[found.severity])
