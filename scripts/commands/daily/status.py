"""`status`: what is open on one screen, the worst first, and whether something needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import click

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger.ledger import now
from infrastructure.operations.health import elsewhere
from projections.formatting import date_and_time, for_eyes, length
from projections.health.ledger_status import LedgerStatus, StatusLine
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.options.health_question import asked, quiet_option
from scripts.options.listing import Listing, listing_options
from scripts.options.params import SECONDS_MAX, NumberRange
from scripts.options.snapshots import SnapshotOptions, snapshot_options
from scripts.options.time_window import age_option
from scripts.output import Table, lines_of, show
from scripts.replica_place import print_read, reading, show_place
from scripts.screen import COLOURS, renewed

LINES_MAX: Final = 18
"""What stands on a screen of 24 lines, with what goes around it."""
WATCH_SECONDS: Final = 2.0
_SORTS: Final = {
    "worst": "what is critical first, then what is unprotected, then the oldest",
    "age": "what is as it is for longest",
    "symbol": "by key",
}


@click.command("status")
@database_option
@json_option
@filter_options
@age_option
@quiet_option
@snapshot_options
@listing_options(_SORTS, LINES_MAX)
@click.option(
    "--watch",
    metavar="[SECONDS]",
    is_flag=False,
    flag_value=str(WATCH_SECONDS),
    type=NumberRange(min=0.1, max=SECONDS_MAX),
    help=f"Look again every {WATCH_SECONDS:g} or so many seconds, in one place on a terminal, until stopped.",
)
def command(
    *,
    database: str | None,
    wanted: Filter,
    age: timedelta,
    quiet: timedelta | None,
    shown: SnapshotOptions,
    listing: Listing,
    watch: float | None,
    as_json: bool,
) -> None:
    """Show what is open on one screen, the worst first, each with its age; the last line is the verdict.

    It is as wide as the terminal, or 80 letters: columns that have no room are left out, and nothing is folded. Numbers
    are rounded for eyes (≈), and exact with --json. On a terminal what is critical is red, and a warning amber, unless
    NO_COLOR is set.

    Exit code 0 when nothing needs a person, 1 when something does, 2 for usage, 3 when the database could not be
    reached.

    \b
    Examples:
      position-ledger status
      position-ledger status --watch
      position-ledger status --exchange bybit --sort age --wide
      position-ledger status --columns position,state,age,next
    """
    if as_json and watch is not None:
        raise click.UsageError("--watch shows a person, --json tells a program once: choose one")

    def look() -> tuple[LedgerStatus, ReplicaPlace | None]:
        question = asked(wanted, shown, age=age, quiet=quiet, verifies=False)
        with reading(database) as (ledger, place):
            rows = [row for row in ledger.positions(open=True) if wanted.takes(row)]
            beside = elsewhere(ledger, question)
        return LedgerStatus.of(rows, now(), age, beside), place

    if watch is not None:
        renewed(lambda: _print(*look(), listing), watch)
        return
    found, place = look()
    if as_json:
        print_read(place, found.as_json())
    else:
        _print(found, place, listing)
    if not found.ok:
        raise SystemExit(REFUSED)


def _print(found: LedgerStatus, place: ReplicaPlace | None, listing: Listing) -> None:
    show_place(place)
    lines = _sorted(found.lines, listing.sort)
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


def status_table(lines: Sequence[StatusLine]) -> Table:
    """What is open as a table, what matters most to the left."""
    return Table(
        "Open now",
        ("how", "position", "state", "age", "side", "held", "entry", "stop", "status", "opened", "next"),
        [_cells(line) for line in lines],
        frozenset({"age", "held", "entry", "stop"}),
    )


def _cells(line: StatusLine) -> tuple[object, ...]:
    row = line.row
    return (
        line.severity.value,
        row.position_id,
        line.state,
        length(line.age),
        row.side.value,
        for_eyes(row.quantity),
        for_eyes(row.avg_px_open) if row.quantity else "",
        for_eyes(row.stop_price) if row.stop_confirmed and row.stop_price is not None else "none",
        row.status.value,
        date_and_time(row.opened_at),
        line.next or "",
    )


def _sorted(lines: Sequence[StatusLine], order: str) -> Sequence[StatusLine]:
    if order == "age":
        return sorted(lines, key=lambda line: (line.since, line.row.position_id))
    if order == "symbol":
        return sorted(lines, key=lambda line: (line.row.stream, line.row.cycle))
    return lines
