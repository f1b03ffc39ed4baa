"""The page of a log: its figures, a chart of the findings, and a list of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from infrastructure.legacy.logs.log_report import LogReport
from infrastructure.legacy.logs.reading.clock import day_and_time, utc
from projections.formatting import counted, length
from projections.readable_text import on_one_line
from scripts.html.page import filled, write
from scripts.html.shapes import Figure
from scripts.legacy.html.log_chart import draw, key
from scripts.legacy.log_tables import doubts, tables

ROWS_SHOWN_MAX: Final = 500
"""How many findings of one kind a page shows at most; the JSON has all."""


def write_page(path: Path, report: LogReport, *, written_at: datetime) -> None:
    """Write the page of a report. Refuses: a usage error when it cannot be written there."""
    page = filled(
        Path(__file__).with_name("logs.html"),
        title="What the log says",
        headline=_headline(report),
        facts=list(_facts(report)),
        doubts=[on_one_line(doubt) for doubt in doubts(report)],
        figures=_figures(report),
        tables=list(tables(report)),
        rows_max=ROWS_SHOWN_MAX,
        duplicates=report.duplicates.kept[:ROWS_SHOWN_MAX],
        day_and_time=day_and_time,
        readable=on_one_line,
        written_at=written_at,
    )
    write(path, page)


def _headline(report: LogReport) -> str:
    return (
        f"{counted(report.duplicates.count, 'duplicate error')}, {counted(report.late_refusals, 'late refusal')}, "
        f"{counted(report.failures.count, 'failed entry', 'failed entries')}"
    )


def _facts(report: LogReport) -> Iterator[tuple[str, str]]:
    tally = report.tally
    if tally.first is not None and tally.last is not None:
        yield "from (UTC)", day_and_time(tally.first)[:19]
        yield "to (UTC)", day_and_time(tally.last)[:19]
    yield "lines", f"{tally.lines:,}"
    yield "records", f"{tally.records:,}"
    yield "errors", f"{tally.errors_total:,}"
    for name, count in (("errors", tally.errors_total), ("duplicate errors", report.duplicates.count)):
        if (per_day := tally.per_day(count)) is not None:
            yield f"{name} a day, projected from {length(utc(tally.span) - utc(0))}", f"{per_day:,.1f}"
    for scenario, count in report.scenarios.items():
        yield f"scenario {scenario}", f"{count:,}"


def _figures(report: LogReport) -> list[Figure]:
    if report.tally.first is None:
        return []
    caption = "Errors and findings over time"
    return [Figure.drawn(caption, partial(draw, report, caption), key(report))]
