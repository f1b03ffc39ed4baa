"""`report`: a report on a window of time, as text, JSON or a page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import click

from domain.errors import HistoryDamaged
from domain.events import PositionEvent
from domain.identifiers import PositionKey
from domain.rejection import Rejection
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.ledger.statistics_projection import seen_to, statistics
from projections.audit.anomalies import warnings
from projections.audit.ledger_report import Exposure, LedgerReport, bar_name, review
from projections.formatting import counted, date_and_time, length
from projections.health.ledger_status import LedgerStatus
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.statistics import MeasuredWindow
from projections.progress import Progress
from projections.projection import STATISTICS
from scripts.commands.daily.history import write_history
from scripts.narratives.narrative_text import oddity_cells, print_wrapped
from scripts.options.database import database_option, html_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.options.listing import Listing, listing_options
from scripts.options.time_window import window_options
from scripts.output import Table, lines_of, print_table, progress, say, show, show_table
from scripts.replica_place import print_read, reading, show_place, with_place
from scripts.statistics_tables import criteria_table, profit_table, results_table
from scripts.status_table import SORTS, in_order, status_table


@click.command("report")
@database_option
@json_option
@filter_options
@listing_options(SORTS, None)
@window_options
@html_option
@click.option(
    "--cycles", "with_cycles", is_flag=True, help="With --html: also a page of each cycle that it names, linked to it."
)
def command(
    *,
    database: str | None,
    wanted: Filter,
    listing: Listing,
    window: MeasuredWindow,
    asked_at: datetime,
    html: Path | None,
    as_json: bool,
    with_cycles: bool,
) -> None:
    """Report on a stretch of time: open positions, criteria, refused duplicates, long gaps, odd cycles.

    It covers every cycle that was open in that time, in its present state; `history` shows each of them.

    \b
    Examples:
      position-ledger report --since 7d
      position-ledger report --since 2025-10-22T00:00:00Z --until 2025-10-23T00:00:00Z --html october-22.html
      position-ledger report --since 7d --html week.html --cycles
      position-ledger report --since 4w --exchange binance --json
    """
    listing.require(status_table(()).columns)
    if with_cycles and html is None:
        raise click.UsageError("--cycles adds to the page of --html FILE, and there is none")
    with reading(database, wanted) as (ledger, place):
        found = look_through(ledger, window, wanted, asked_at)
        link = _write_cycles(ledger, html, found) if html is not None and with_cycles else None
    if html is not None:
        from scripts.html.ledger_page import write_page  # noqa: PLC0415 - only pages are drawn

        write_page(html, found, tables(found, listing.sort), wanted, written_at=asked_at, link=link)
        say(with_place(f"{html} shows {counted(found.cycles, 'cycle')}", place))
    if as_json:
        print_read(place, found.as_json())
    elif html is None:
        show_place(place)
        _print(found, listing)


def _write_cycles(ledger: PositionLedger, report: Path, found: LedgerReport) -> Callable[[str], str]:
    """Write the page of each cycle that a report names, in a folder beside it; returns the function of their links."""
    folder = report.with_name(f"{report.stem}-cycles")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as wrong:
        raise click.UsageError(f"{folder} cannot be made: {wrong.strerror}") from None
    named = {each.row.position_id for each in found.open} | {each.position_id for each in found.exposed}
    named |= {each.position_id for each in found.oddest}
    back = quote(f"../{report.name}")
    with progress("writing cycles", len(named)) as advance:
        for position_id in sorted(named):
            write_history(folder / _file(position_id), ledger, position_id, back)
            advance(1)
    return lambda position_id: quote(f"{folder.name}/{_file(position_id)}")


def _file(position_id: str) -> str:
    return f"{quote(position_id, safe='')}.html"


def look_through(ledger: PositionLedger, window: MeasuredWindow, wanted: Filter, asked_at: datetime) -> LedgerReport:
    """Make the report of a window, after the statistics projection has caught up.

    A window that lasts until now includes cycles whose opening has a later time, from a clock that is ahead of ours:
    `status` shows them as well.
    """
    store = ledger.store
    with progress("catching up") as advance:
        measured = statistics(store, window, now=asked_at, takes=wanted.takes, progress=advance)
    lasting = Projector(store, STATISTICS).lasting(window.since)
    facts = [
        each
        for each in seen_to(store, lasting)
        if (window.overlaps(each.opened_at, each.told_until) or asked_at <= window.until <= each.opened_at)
        and wanted.takes(PositionKey.parse(each.position.stream))
    ]
    refused: defaultdict[str, list[Rejection]] = defaultdict(list)
    for rejection in store.rejections(since=min([window.since, *(each.opened_at for each in facts)])):
        if rejection.position_id is not None:
            refused[rejection.position_id].append(rejection)
    with progress("looking through cycles", len(facts)) as advance:
        return review(_read(store, facts, advance), refused, measured, asked_at)


def _read(
    store: Store, facts: Sequence[CycleFacts], advance: Progress
) -> Iterator[tuple[CycleFacts, list[PositionEvent]]]:
    for each in facts:
        events = [decode(stored) for stored in store.load_cycle(each.position.stream, each.position.cycle)]
        if not events:
            raise HistoryDamaged(
                f"{each.position.position_id} is in the statistics, and the log has no event of it; "
                "`position-ledger verify` names what was changed"
            )
        yield each, events
        advance(1)


def tables(found: LedgerReport, order: str) -> list[Table]:
    """The tables of a report, that of open positions first, as `status` shows it; a table may have no rows."""
    status = LedgerStatus.of((each.row for each in found.open), found.asked_at)
    return [
        status_table(in_order(status.lines, order)),
        profit_table(found.statistics.profit),
        results_table(found.statistics.profit),
        criteria_table(found.statistics.criteria),
        Table(
            "Longest unprotected",
            ("position", "longest", "in all", "times", "longest from (UTC)", "to (UTC)", "why"),
            [_exposure_cells(each) for each in found.exposed],
            frozenset({"longest", "in all", "times"}),
        ),
    ]


def _exposure_cells(each: Exposure) -> tuple[object, ...]:
    gap = each.longest
    end = date_and_time(gap.end) if gap.is_over else "still"
    lengths = (length(gap.length), length(each.together), each.times)
    return each.position_id, *lengths, date_and_time(gap.start), end, gap.why


def _print(found: LedgerReport, listing: Listing) -> None:
    since, until = date_and_time(found.window.since), date_and_time(found.window.until)
    show(f"{since} to {until} UTC: {counted(found.cycles, 'cycle')}, {len(found.open):,} of them open now")
    standing, *others = tables(found, listing.sort)
    if standing.rows:
        rows = listing.shown(standing.rows)
        show("", standing.title, "", *lines_of(listing.fitted(replace(standing, rows=rows))))
        if left := len(standing.rows) - len(rows):
            show(f"and {left:,} more: --limit {len(standing.rows)}")
    for table in others:
        if table.rows:
            show("", table.title, "")
            show_table(table)
    show("", f"Refused duplicates: {found.statistics.refusals.total:,}")
    refused = [(date_and_time(bar.start), bar.count) for bar in found.refused if bar.count]
    if refused:
        show("")
        print_table((f"{bar_name(found.refused)} from (UTC)", "refused"), refused, right=frozenset({"refused"}))
    show("", f"Cycles with a warning: {found.odd:,}")
    if found.odd > len(found.oddest):
        show(f"the {len(found.oddest):,} oddest of them:")
    for odd in found.oddest:
        show("", f"{odd.position_id}: {odd.headline}")
        for oddity in warnings(odd.oddities):
            print_wrapped(*oddity_cells(oddity, with_date=True))
