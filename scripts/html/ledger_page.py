"""The page of a report on a ledger: open positions, statistics, refusals over time, and warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from projections.audit.ledger_report import LedgerReport, bar_name
from projections.exposure import BY_CHOICE, IF_HELD
from projections.formatting import counted, length
from projections.health.ledger_status import LedgerStatus
from scripts.html.bar_chart import draw
from scripts.html.page import TEMPLATES, filled, write
from scripts.html.shapes import Figure
from scripts.options.filters import Filter
from scripts.output import Table


def write_page(
    path: Path,
    found: LedgerReport,
    tables: Sequence[Table],
    wanted: Filter,
    *,
    written_at: datetime,
    link: Callable[[str], str] | None = None,
) -> None:
    """Write the page of a report; `link` returns the path of the page of a cycle, None if there are no such pages."""
    caption = f"Duplicates refused per {bar_name(found.refused)}"
    figure = Figure.drawn(caption, partial(draw, found.refused, caption))
    page = filled(
        TEMPLATES / "ledger.html",
        title=f"Report on {' '.join(wanted.words) or 'the ledger'}",
        found=found,
        status=LedgerStatus.of((cycle.row for cycle in found.open), written_at),
        link=link,
        numbers=list(_numbers(found)),
        tables={table.title: table for table in tables},
        refusals=figure if found.statistics.refusals.total else None,
        written_at=written_at,
    )
    write(path, page)


def _numbers(found: LedgerReport) -> Iterator[tuple[str, str]]:
    statistics = found.statistics
    yield "Cycles in this time", f"{found.cycles:,}"
    yield "Opened in it", ", ".join(_by_status(found)) or "none"
    if statistics.imported:
        yield "Imported in it", f"{statistics.imported:,}"
    unprotected = sum(cycle.unprotected is not None for cycle in found.open)
    yield "Open now", f"{len(found.open):,}, {unprotected:,} of them unprotected" if found.open else "none"
    apart = {IF_HELD: len(statistics.if_held_now), BY_CHOICE: len(statistics.by_choice_now)}
    if any(apart.values()):
        yield "Not counted as such", ", ".join(f"{count:,} {words}" for words, count in apart.items() if count)
    yield "Duplicates refused", _refused(found)
    taken = statistics.request_to_protected
    if taken.p50 is not None and taken.max is not None:
        entries = counted(taken.count, "entry", "entries")
        yield "From request to protection", f"{length(taken.p50)} in half of {entries}, {length(taken.max)} at most"
    yield "Unprotected", f"{length(statistics.unprotected)} in all"
    yield "Cycles with a warning", f"{found.odd:,}"


def _by_status(found: LedgerReport) -> list[str]:
    return [f"{count:,} {status.value}" for status, count in found.statistics.by_status.items() if count]


def _refused(found: LedgerReport) -> str:
    refused = found.statistics.refusals
    late = f", {len(refused.late):,} of them after an order was sent" if refused.late else ""
    return f"{refused.total:,}{late}"
