"""`analyze-logs`: find duplicates, failed entries and positions without a stop in the log of an old bot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO, Final

import click

from infrastructure.ledger_clock import now
from infrastructure.legacy.logs.analysis import Analysis
from infrastructure.legacy.logs.log_report import LogReport
from infrastructure.legacy.logs.parsing.filter import LogFilter
from infrastructure.legacy.logs.reading.clock import DatedZone, LogClock, ZoneNeeded, day_and_time, day_or_time, utc
from infrastructure.legacy.logs.reading.files import UnreadableLog, found, oldest_first, opened, rotated_beside
from infrastructure.legacy.logs.reading.lines import batches, last
from infrastructure.legacy.logs.reading.reader import TimeRange
from infrastructure.legacy.logs.reading.tally import HOUR
from projections.formatting import counted, length
from projections.readable_text import on_one_line
from scripts.cli import REFUSED
from scripts.legacy.log_tables import doubts, tables
from scripts.options.database import html_option, json_option
from scripts.options.output_file import write_file
from scripts.options.params import EXCHANGE, SYMBOL, ReadAs, refused_as
from scripts.output import json_text, print_json, print_table, progress, say, show

STDIN: Final = "-"
SHOWN_MAX: Final = 10
"""How many findings of one kind are printed as text."""

HOURS_SHOWN_MAX: Final = 48
BAR_WIDTH: Final = 40
LINES_MAX: Final = 1_000_000_000


@click.command("analyze-logs")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--timezone",
    "zones",
    metavar="ZONE",
    multiple=True,
    type=ReadAs(DatedZone.parse),
    help="The time zone of times that name none: an offset (+04:00) or a name (Europe/Moscow). Add a date for "
    "a zone that is used from then on: UTC@2025-10-29.",
)
@click.option("--rotated", is_flag=True, help="Also read the rotated files beside each FILE.")
@click.option("--lines", "lines_max", metavar="N", type=click.IntRange(1, LINES_MAX), help="Only the last N lines.")
@click.option(
    "--from", "begins", metavar="TIME", help="Only from this time on; without a zone it is read as the log is."
)
@click.option("--to", "ends", metavar="TIME", help="Only up to this time; a date means the end of the day.")
@click.option("--symbol", type=SYMBOL, help="Only findings about this symbol, in any spelling.")
@click.option("--exchange", type=EXCHANGE, help="Only findings at this exchange, or without an exchange in the log.")
@click.option(
    "--export", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the whole report as JSON."
)
@html_option
@click.option("--verbose", is_flag=True, help="Show timelines, and all findings instead of the first 10 of a kind.")
@json_option
def command(
    *,
    files: tuple[str, ...],
    zones: tuple[DatedZone, ...],
    rotated: bool,
    lines_max: int | None,
    begins: str | None,
    ends: str | None,
    symbol: str | None,
    exchange: str | None,
    export: Path | None,
    html: Path | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Read the log of an old bot: duplicate errors and the race behind each, failed entries, refused duplicates,
    positions without a stop, restarts, errors an hour.

    FILE may be several files, also rotated and compressed ones, in any order, or a directory; without FILE, or with -,
    stdin is read. Nothing is sent anywhere, and no ledger is needed.

    Exit code 0 when no duplicate error and no late refusal was found, 1 when one was, 2 when the log cannot be read.

    \b
    Examples:
      position-ledger analyze-logs bot.log --timezone +04:00
      position-ledger analyze-logs logs/ --timezone +04:00 --timezone UTC@2025-10-29 --html report.html
      zcat bot.log.*.gz | position-ledger analyze-logs --timezone UTC --export report.json
    """  # noqa: D205 - one sentence
    for option, path in (("--export", export), ("--html", html)):
        if path is not None and not path.parent.is_dir():  # refuse now, not after reading gigabytes
            raise click.UsageError(f"{option}: there is no folder {str(path.parent)!r}")
    with refused_as("--timezone"):
        clock = LogClock(zones)
    try:
        span = TimeRange(_begin(begins, clock), _end(ends, clock))
        analysis = Analysis(clock, span, LogFilter(symbol, exchange))
        report = _read(analysis, files, clock, lines_max, rotated=rotated)
    except (ZoneNeeded, UnreadableLog) as wrong:
        raise click.UsageError(str(wrong)) from None
    if export is not None:
        write_file(export, json_text(report.as_json(), indent=2).encode())
        say(f"{export} holds the report as JSON")
    if html is not None:
        from scripts.legacy.html.log_page import write_page  # noqa: PLC0415 - only pages are drawn

        write_page(html, report, written_at=now())
        say(f"{html} shows the report")
    if as_json:
        print_json(report.as_json())
    else:
        _print(report, verbose=verbose)
    if report.has_findings:
        raise SystemExit(REFUSED)


def _begin(text: str | None, clock: LogClock) -> int | None:
    with refused_as("--from"):
        return None if text is None else clock.moment(day_or_time(text)[0])


def _end(text: str | None, clock: LogClock) -> int | None:
    if text is None:
        return None
    with refused_as("--to"):
        time, is_day = day_or_time(text)
        return clock.moment(time + timedelta(days=1, seconds=-1) if is_day else time)


def _read(
    analysis: Analysis, files: tuple[str, ...], clock: LogClock, lines_max: int | None, *, rotated: bool
) -> LogReport:
    if files in ((), (STDIN,)):
        if sys.stdin.isatty():
            raise UnreadableLog("say which FILE to read, or send the log to stdin")
        sources: list[Path | None] = [None]
    elif STDIN in files:
        raise UnreadableLog("stdin (-) stands alone: it cannot be put in order with files")
    else:
        sources = [*_paths(files, clock, rotated=rotated)]
    total = sum(path.stat().st_size for path in sources if path is not None)
    with progress("reading bytes", total or None) as advance:
        lines = _lines(sources, analysis.report, advance)
        for batch in lines if lines_max is None else last(lines_max, lines):
            analysis.read(batch)
    return analysis.finish()


def _paths(files: tuple[str, ...], clock: LogClock, *, rotated: bool) -> list[Path]:
    named = [path for file in files for path in found(Path(file))]
    beside = {each: path for path in named for each in rotated_beside(path) if each not in named}
    if beside and not rotated:
        say(f"not read: {', '.join(str(path) for path in beside)}; --rotated reads what was rotated, too")
    return oldest_first([*named, *(beside if rotated else ())], clock)


def _lines(sources: list[Path | None], report: LogReport, advance: Callable[[int], None]) -> Iterator[list[bytes]]:
    for path in sources:
        name = STDIN if path is None else str(path)
        report.files.append(name)
        with ExitStack() as stack:
            raw: IO[bytes] = sys.stdin.buffer if path is None else stack.enter_context(path.open("rb"))
            stream = stack.enter_context(opened(raw, advance))
            yield from batches(stream, partial(report.damaged.__setitem__, name), report.tally.cut.add)


def _print(report: LogReport, *, verbose: bool) -> None:
    tally = report.tally
    if tally.first is None or tally.last is None:
        show(f"{counted(tally.lines, 'line')}, none of them with a time that could be read")
    else:
        began, ended = (day_and_time(moment)[:19] for moment in (tally.first, tally.last))
        levels = ", ".join(f"{level} {count:,}" for level, count in tally.levels.most_common())
        show(f"{counted(tally.lines, 'line')}, {counted(tally.records, 'record')}: {began} to {ended} UTC", levels)
    for doubt in doubts(report):
        show(f"not in the report: {doubt}")
    for table in tables(report):
        show("", f"{table.title}: {table.count:,}", "")
        print_table(table.columns, table.rows[: None if verbose else SHOWN_MAX], right=table.right)
        if len(table.rows) > SHOWN_MAX and not verbose:
            show(f"and {len(table.rows) - SHOWN_MAX:,} more; see them with --verbose or --json")
        if verbose and table.title == "Duplicate errors":
            _print_timelines(report)
    _print_hours(report, verbose=verbose)


def _print_timelines(report: LogReport) -> None:
    for duplicate in report.duplicates.kept:
        show("", f"{duplicate.symbol or 'symbol not known'}, {day_and_time(duplicate.at)}: the ten seconds before", "")
        rows = [
            (f"{0 - moment.seconds_before:.3f}", moment.event, moment.logger, on_one_line(moment.message))
            for moment in duplicate.timeline
        ]
        print_table(("seconds", "event", "logger", "message"), rows, right=frozenset({"seconds"}))


def _print_hours(report: LogReport, *, verbose: bool) -> None:
    tally = report.tally
    hours = [(hour, count) for hour, count in tally.errors.items() if count]
    if not hours:
        return
    per_day = tally.per_day(tally.errors_total)
    span = length(utc(tally.span) - utc(0))
    projected = "" if per_day is None else f", {per_day:,.0f} a day as projected from {span}"
    show("", f"Errors an hour: {counted(tally.errors_total, 'error')}{projected}", "")
    most = max(count for _, count in hours)
    rows = [
        (day_and_time(hour * HOUR)[:16], f"{count:,}", "█" * max(1, round(BAR_WIDTH * count / most)))
        for hour, count in hours[-(len(hours) if verbose else HOURS_SHOWN_MAX) :]
    ]
    print_table(("hour (UTC)", "errors", ""), rows, right=frozenset({"errors"}))
