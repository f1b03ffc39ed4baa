"""`stats`: the success criteria as numbers."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Final

import click

from infrastructure.ledger.statistics_projection import statistics
from projections.exposure import BY_CHOICE, IF_HELD
from projections.formatting import counted, date_and_time, length, listed
from projections.metrics.durations import Durations
from projections.metrics.statistics import MeasuredWindow, Statistics
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.options.time_window import window_options
from scripts.output import progress, show, show_table
from scripts.replica_place import print_read, reading, show_place
from scripts.statistics_tables import criteria_table, profit_table, results_table

_NAMED: Final = 5
"""How many positions are named; JSON names all."""


@click.command("stats")
@database_option
@json_option
@filter_options
@window_options
def command(database: str | None, wanted: Filter, window: MeasuredWindow, asked_at: datetime, *, as_json: bool) -> None:
    """Sum up a stretch of time: cycles, protection, refused duplicates; exit with 1 when a criterion is missed.

    It first processes the events since it last ran. A criterion is not known when there was nothing to judge it by;
    that is no miss. Events do not say how long a command takes: see `bench`.

    \b
    Examples:
      position-ledger stats
      position-ledger stats --since 7d --exchange binance
      position-ledger stats --since 2025-10-22T00:00:00Z --until 2025-10-23T00:00:00Z --json
    """
    with reading(database, wanted) as (ledger, place), progress("catching up") as advance:
        found = statistics(ledger.store, window, now=asked_at, takes=wanted.takes, progress=advance)
    if as_json:
        print_read(place, found.as_json())
    else:
        show_place(place)
        _print(found)
    if not found.ok:
        sys.exit(REFUSED)


def _print(found: Statistics) -> None:
    since, until = date_and_time(found.window.since), date_and_time(found.window.until)
    statuses = [f"{count:,} {status.value}" for status, count in found.by_status.items() if count]
    refused = found.refusals
    show(f"{since} to {until} UTC")
    show(f"opened       {', '.join(statuses) or 'nothing'}" + (f"; {found.imported:,} imported" * bool(found.imported)))
    never = f"{found.never_protected:,} never, of which {found.never_held:,} held nothing"
    show(f"to protected {_durations(found.request_to_protected)}; {never}")
    show(f"unprotected  {length(found.unprotected)} in all; now: {_some(found.unprotected_now) or 'none'}")
    if found.if_held_now:
        show(f"             {IF_HELD}, and not counted: {_some(found.if_held_now)}")
    if found.by_choice_now:
        show(f"             {BY_CHOICE}, and not counted: {_some(found.by_choice_now)}")
    show(f"duplicates   {refused.early:,} refused early, {len(refused.late):,} late, {refused.other:,} other repeats")
    for cause, count in refused.by_cause.items():
        show(f"             {count:,} {cause.command} by {cause.source}: {cause.error}, seen by {cause.detected_by}")
    if refused.per_hour:
        worst = max(refused.per_hour, key=lambda hour: (refused.per_hour[hour], hour))
        most = f"{refused.per_hour[worst]:,} of them from {worst:%Y-%m-%d %H:%M} on"
        others = len(refused.per_hour) - 1
        show(f"             {most}" + f", the others in {counted(others, 'hour')}: --json" * bool(others))
    show("")
    if found.profit:
        for table in (profit_table(found.profit), results_table(found.profit)):
            show_table(table)
            show("")
    show_table(criteria_table(found.criteria))


def _some(positions: tuple[str, ...]) -> str:
    return listed(list(positions), _NAMED) + ": --json" * (len(positions) > _NAMED)


def _durations(durations: Durations) -> str:
    if durations.p50 is None or durations.p95 is None or durations.max is None:
        return "nothing"
    parts = (durations.p50, durations.p95, durations.max)
    p50, p95, longest = (length(part) for part in parts)
    return f"half of {durations.count:,} within {p50}, 95 % within {p95}, all within {longest}"
