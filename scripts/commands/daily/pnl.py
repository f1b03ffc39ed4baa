"""`pnl`: the profit of cycles, by day, symbol, reason and more."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import click

from infrastructure.ledger.statistics_projection import each_since
from infrastructure.transfer.columnar.csv_writer import as_text
from projections.formatting import counted, date_and_time, for_eyes
from projections.metrics.cycle_results import JudgedBy
from projections.metrics.pnl import Pnl, PnlBy, PnlGroup
from projections.metrics.profit import Profit
from projections.metrics.statistics import MeasuredWindow
from scripts.options.database import database_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.options.listing import Listing, listing_options
from scripts.options.time_window import window_since
from scripts.output import Table, lines_of, print_text, progress, say, show
from scripts.replica_place import print_read, reading, show_place
from scripts.statistics_tables import profit_table, results_table

_SORTS: Final = {
    "group": "by name, days, weeks, months and years as they went",
    "worst": "the lowest profit first",
}
_FIRST: Final = ("currency", "cycles", "net", "profit", "fees", "cash", "won share", "factor", "drawdown", "held")
"""The first columns, which a narrow screen leaves out last; unknown amounts are also printed below the table."""


def _grouped_by(context: click.Context, parameter: click.Parameter, value: str) -> tuple[PnlBy, ...]:
    """The properties that group, which have commas between them. Refuses: BadParameter."""
    del context, parameter
    names = [name.strip() for name in value.split(",")]
    if unknown := [name for name in names if name not in [*PnlBy]]:
        raise click.BadParameter(f"{', '.join(map(repr, unknown))}: there are {', '.join(PnlBy)}")
    if len({*names}) < len(names):
        raise click.BadParameter(f"{value!r} has a name twice")
    return tuple(map(PnlBy, names))


@click.command("pnl")
@database_option
@json_option
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Print CSV: one row for each group and currency, exact, and no text is a formula.",
)
@filter_options
@window_since("4w")
@click.option(
    "--by",
    metavar="NAME,NAME",
    callback=_grouped_by,
    default=PnlBy.DAY.value,
    show_default=True,
    help=f"How to group the cycles, by one or several of {', '.join(PnlBy)}. Days, weeks, months and years are UTC, by "
    "the end of a cycle; intent: what ids begin with.",
)
@click.option(
    "--judge",
    type=click.Choice([each.value for each in JudgedBy]),
    default=JudgedBy.NET.value,
    show_default=True,
    help="The amount by which a cycle is won or lost, and the drawdown is measured.",
)
@click.option("--imported", "with_imported", is_flag=True, help="Also the cycles of the old table.")
@listing_options(_SORTS, None)
def command(
    *,
    database: str | None,
    wanted: Filter,
    window: MeasuredWindow,
    asked_at: datetime,
    by: tuple[PnlBy, ...],
    judge: str,
    with_imported: bool,
    listing: Listing,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Sum up the earnings of cycles that ended in a window of time: profit, fees, cash, net, and how they came out.

    Sums are exact with --json and --csv, and rounded (≈) in the table. Amounts of two currencies are never added.
    Unknown profits and nets are counted, and are in no sum. Open positions are not included.

    \b
    Examples:
      position-ledger pnl
      position-ledger pnl --by symbol --sort worst --limit 10
      position-ledger pnl --by reason --since 7d --exchange bybit --json
      position-ledger pnl --by month,symbol --since 2025-01-01T00:00:00Z --until 2026-01-01T00:00:00Z --csv > year.csv
    """
    del asked_at
    listing.require(_table((), (), by).columns)
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two ways to print: choose one")
    with reading(database, wanted) as (ledger, place), progress("catching up") as advance:
        facts = list(each_since(ledger.store, window.reach, wanted.takes, advance))
    found = Pnl.of(facts, window, by, JudgedBy(judge), with_imported=with_imported)
    if as_json:
        print_read(place, found.as_json())
    elif as_csv:
        print_text(_csv(found))
    else:
        show_place(place)
        _print(found, listing)


def _print(found: Pnl, listing: Listing) -> None:
    show(f"{date_and_time(found.window.since)} to {date_and_time(found.window.until)} UTC, by {' and '.join(found.by)}")
    total = ("total", *[""] * (len(found.by) - 1))
    groups = sorted(found.groups, key=_loss_first) if listing.sort == "worst" else found.groups
    shown = listing.shown(groups)
    if shown:
        table = _table(
            [*(each.profit for each in shown), *found.total],
            [*(each.words for each in shown), *[total] * len(found.total)],
            found.by,
        )
        fitted = listing.fitted_unless_piped(table)
        names, under, *rows = lines_of(fitted)
        show("", names, under, *rows[: len(shown)])
        if left := len(groups) - len(shown):
            show(f"and {left:,} more: --limit {len(groups)}")
        show("", *rows[len(shown) :], "")
        listing.say_omitted(table, fitted)
    for each in found.total:
        for line in _not_known(each):
            show(line)
    if found.imported and not found.with_imported:
        show(f"{counted(found.imported, 'cycle')} of the old table left out: --imported takes them in")
    if not found.total:
        say("no cycle that moved money was over in this time")


def _table(profits: Sequence[Profit], groups: Sequence[tuple[str, ...]], by: tuple[PnlBy, ...]) -> Table:
    money, results = profit_table(profits), results_table(profits)
    rows = [
        (*names, *cells, *outcome[1:]) for names, cells, outcome in zip(groups, money.rows, results.rows, strict=True)
    ]
    names = tuple(each.value for each in by)
    table = Table(money.title, (*names, *money.columns, *results.columns[1:]), rows, money.right | results.right)
    first = (*names, *_FIRST)
    return table.only([*first, *(name for name in table.columns if name not in first)])


def _not_known(profit: Profit) -> list[str]:
    currency = profit.currency or "a currency that nobody stated"
    cycles = counted(profit.cycles, "cycle")
    lines = []
    if profit.unknown:
        lines.append(f"{currency}: {profit.unknown} of {cycles} closed something at a price that nobody said")
    if profit.net_unknown:
        others = profit.net_unknown < profit.cycles
        known = f"; that of the others is {for_eyes(profit.net_known)}" * others
        lines.append(f"{currency}: the net of {profit.net_unknown} of {cycles} is not known{known}")
    return lines


def _loss_first(each: PnlGroup) -> tuple[str, Decimal, tuple[str, ...]]:
    return each.profit.currency or "", each.profit.realized_pnl, each.words


def _csv(found: Pnl) -> str:
    out = io.StringIO()
    by = [each.value for each in found.by]
    lines = [
        {**dict(zip(by, map(_cell, each.names), strict=True)), **_flat(each.profit.as_json())} for each in found.groups
    ]
    if lines:
        rows = csv.DictWriter(out, list(lines[0]), lineterminator="\n")
        rows.writeheader()
        rows.writerows(lines)
    return out.getvalue()


def _cell(name: str | None) -> str | None:
    return None if name is None else as_text(name)


def _flat(profit: dict[str, Any]) -> dict[str, Any]:
    """One column for each nested figure; sums by name are one column of JSON."""
    flat: dict[str, Any] = {}
    for name, value in profit.items():
        if name == "results":
            flat |= {("results_unknown" if key == "unknown" else key): each for key, each in value.items()}
        elif name == "held":
            flat |= {f"held_{key}_seconds" if key != "count" else "held_count": each for key, each in value.items()}
        else:
            flat[name] = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
    return flat
