"""The report of a benchmark: its figures and whether they meet their bars, as tables or as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from scripts.benchmarks.contest import Contested
from scripts.benchmarks.distance import Distance
from scripts.benchmarks.growth import Growth
from scripts.benchmarks.processor_time import ProcessorTime
from scripts.benchmarks.questions import WAIT_SECONDS_MAX, AnswerWait
from scripts.benchmarks.scan import Scan
from scripts.output import print_table, show

THREE_LAYERS: Final = 0.85
STOCK: Final = 3.0
FLOOR: Final = 0.6
SLOW_THREE_LAYERS: Final = 0.9
SLOW_STOCK: Final = 6.0
SLOW_STOCK_PROCESSES: Final = 16
FAR_THREE_LAYERS: Final = 2.0
FAR_PROCESSES: Final = (1, 4)
CLIENT_US_MAX: Final = 160.0
SERVER_US_MAX: Final = 175.0
GROWTH_MAX: Final = 1.5
OF_READING: Final = {"follow": 0.2, "rebuild by 2 processes": 0.15, "verify by 2 processes": 0.3}
"""The least speed of a walk, as a share of the speed of only reading the same events."""


@dataclass(frozen=True)
class SpeedBar:
    """A promised figure and the measured one, which is None when it was not measured."""

    what: str
    wanted: float
    measured: float | None
    is_maximum: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether it was met; None when it was not measured."""
        if self.measured is None:
            return None
        return self.measured <= self.wanted if self.is_maximum else self.measured >= self.wanted

    def as_json(self) -> dict[str, Any]:
        """The bar, its measurement rounded."""
        return {
            "bar": self.what,
            "wanted": f"{'<=' if self.is_maximum else '>='} {self.wanted:g}",
            "measured": None if self.measured is None else round(self.measured, 3),
            "holds": self.holds,
        }


@dataclass
class BenchReport:
    """Everything that one run measured. What it did not measure is empty.

    `slow_disk_missing` and `far_missing` say why there was no slow disk or no network.
    """

    database: str
    seconds: float
    rounds: int
    contested: list[Contested] = field(default_factory=list)
    contested_slow: list[Contested] = field(default_factory=list)
    slow_disk_missing: str | None = None
    contested_far: list[Contested] = field(default_factory=list)
    distance: Distance | None = None
    far_missing: str | None = None
    processors: dict[str, ProcessorTime] = field(default_factory=dict)
    growth: dict[str, Growth] = field(default_factory=dict)
    scans: dict[str, dict[str, Scan]] = field(default_factory=dict)
    """By the database and the kind of ledger; the first one is the generated ledger on the named database."""
    questions: dict[str, dict[str, AnswerWait]] = field(default_factory=dict)
    """By the database and the kind of ledger."""
    measured_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def bars(self) -> list[SpeedBar]:
        """Every promised figure, for each number of processes that was measured."""
        return [
            *self._bars_of_contests(),
            *self._bars_of_processors(),
            *self._bars_of_growth(),
            *self._bars_of_scans(),
            *self._bars_of_questions(),
        ]

    def _bars_of_contests(self) -> Iterator[SpeedBar]:
        for name, wanted in (("three layers", THREE_LAYERS), ("stock", STOCK), ("floor", FLOOR)):
            for contested in self.contested:
                if name in contested.rounds:
                    yield SpeedBar(f"ledger / {name}, {contested.processes} processes", wanted, contested.ratio(name))
        for contested in self.contested_slow:
            what = f"slow disk: ledger / three layers, {contested.processes} processes"
            yield SpeedBar(what, SLOW_THREE_LAYERS, contested.ratio("three layers"))
        for contested in self.contested_slow:
            if contested.processes == SLOW_STOCK_PROCESSES:
                what = f"slow disk: ledger / stock, {contested.processes} processes"
                yield SpeedBar(what, SLOW_STOCK, contested.ratio("stock"))
        if not self.contested_slow:
            yield SpeedBar("slow disk: ledger / three layers", SLOW_THREE_LAYERS, None)
            yield SpeedBar(f"slow disk: ledger / stock, {SLOW_STOCK_PROCESSES} processes", SLOW_STOCK, None)

        for contested in self.contested_far:
            if contested.processes in FAR_PROCESSES:
                what = f"network: ledger / three layers, {contested.processes} processes"
                yield SpeedBar(what, FAR_THREE_LAYERS, contested.ratio("three layers"))
        if not self.contested_far:
            yield SpeedBar("network: ledger / three layers", FAR_THREE_LAYERS, None)

    def _bars_of_processors(self) -> Iterator[SpeedBar]:
        ledger = self.processors.get("ledger")
        client, server = (None, None) if ledger is None else (ledger.client_us, ledger.server_us)
        yield SpeedBar("µs of a processor an append, client", CLIENT_US_MAX, client, is_maximum=True)
        yield SpeedBar("µs of a processor an append, server", SERVER_US_MAX, server, is_maximum=True)

    def _bars_of_growth(self) -> Iterator[SpeedBar]:
        for store, growth in self.growth.items():
            what = f"{store}: cycle {growth.cycles:,} / cycle 1"
            yield SpeedBar(f"{what}, stream remembered", GROWTH_MAX, growth.warm, is_maximum=True)
            yield SpeedBar(f"{what}, stream read first", GROWTH_MAX, growth.cold, is_maximum=True)

    def _bars_of_scans(self) -> Iterator[SpeedBar]:
        for ledger, scans in self.scans.items():
            for walk, wanted in OF_READING.items():
                yield SpeedBar(f"{ledger}: {walk} / reading", wanted, scans[walk].of_floor)

    def _bars_of_questions(self) -> Iterator[SpeedBar]:
        for ledger, waits in self.questions.items():
            for question, wait in waits.items():
                what = f"{ledger}, {wait.events:,} events: {question}, s"
                yield SpeedBar(what, WAIT_SECONDS_MAX[question], wait.seconds, is_maximum=True)

    def as_json(self) -> dict[str, Any]:
        """All figures, and the machine that they were measured on."""
        walks = [{name: scan.as_json() for name, scan in scans.items()} for scans in self.scans.values()]
        return {
            "measured_at": self.measured_at.isoformat(timespec="seconds"),
            "database": self.database,
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "seconds": self.seconds,
            "rounds": self.rounds,
            "lifecycles": [contested.as_json() for contested in self.contested],
            "lifecycles_slow_disk": [contested.as_json() for contested in self.contested_slow],
            "slow_disk_missing": self.slow_disk_missing,
            "lifecycles_network": [contested.as_json() for contested in self.contested_far],
            "network": None if self.distance is None else self.distance.as_json(),
            "network_missing": self.far_missing,
            "processor": {name: taken.as_json() for name, taken in self.processors.items()},
            "growth": {store: growth.as_json() for store, growth in self.growth.items()},
            "scans": walks[0] if walks else {},
            "scans_by_ledger": dict(zip(self.scans, walks, strict=True)),
            "questions": {
                ledger: {question: wait.as_json() for question, wait in waits.items()}
                for ledger, waits in self.questions.items()
            },
            "bars": [bar.as_json() for bar in self.bars()],
        }

    def print(self) -> None:
        """Print tables for people."""
        show(
            f"{self.database}, Python {platform.python_version()}, {os.cpu_count()} processors, "
            f"{self.measured_at:%Y-%m-%d %H:%M} UTC; medians of {self.rounds} rounds of {self.seconds:g} s"
        )
        if self.contested:
            show("", "Lifecycles per second: four events in three appends, row included", "")
            _print_contested(self.contested)
        if self.contested_slow:
            show("", "The same with 1 ms added to every disk sync", "")
            _print_contested(self.contested_slow)
        elif self.slow_disk_missing:
            show("", f"Not measured with 1 ms added to every disk sync: {self.slow_disk_missing}")
        if self.distance is not None:
            far = self.distance
            show("", f"The same with {far.added_ms:.2f} ms added to every round trip by a proxy, which itself")
            show(f"takes {far.proxy_us:.0f} µs of a processor for each", "")
            _print_contested(self.contested_far)
        elif self.far_missing:
            show("", f"Not measured with a network between bot and database: {self.far_missing}")
        if self.processors:
            show("", "Microseconds of a processor an append, one process, medians", "")
            _print_processors(self.processors)
        if self.growth:
            show("", "Milliseconds a command, median", "")
            _print_growth(self.growth)
        for ledger, scans in self.scans.items():
            show("", f"The whole log: {ledger}", "")
            _print_scans(scans)
        for ledger, waits in self.questions.items():
            show("", f"What a person waits for: {ledger}, whole commands, medians", "")
            _print_questions(waits)
        show("", "Bars", "")
        _print_bars(self.bars())


def _print_contested(results: list[Contested]) -> None:
    columns = ["processes", "", "lifecycles/s", "append p50 ms", "append p99 ms", "ledger is"]
    rows: list[tuple[object, ...]] = []
    for contested in results:
        figures = contested.as_json()
        for name, of_name in figures["contestants"].items():
            ratio = figures["ledger_over"].get(name)
            rows.append(
                (
                    contested.processes if name == "ledger" else "",
                    name,
                    f"{of_name['lifecycles_per_second']:,.0f}",
                    f"{of_name['append_p50_ms']:.2f}",
                    f"{of_name['append_p99_ms']:.2f}",
                    "" if ratio is None else f"{ratio:.2f} x",
                )
            )
    print_table(columns, rows, right=frozenset(columns) - {""})


def _print_processors(processors: dict[str, ProcessorTime]) -> None:
    rows = [
        (name, f"{taken.client_us:,.0f}", "" if taken.server_us is None else f"{taken.server_us:,.0f}")
        for name, taken in processors.items()
    ]
    print_table(["", "client", "server"], rows, right=frozenset({"client", "server"}))


def _print_growth(growth: dict[str, Growth]) -> None:
    columns = ["store", "stream", "cycle 1", "cycle", "ms", "ratio"]
    rows = [
        (store, kind, f"{first:.2f}", f"{of_store.cycles:,}", f"{last:.2f}", f"{last / first:.2f} x")
        for store, of_store in growth.items()
        for kind, first, last in (
            ("remembered", of_store.warm_first_ms, of_store.warm_last_ms),
            ("read first", of_store.cold_first_ms, of_store.cold_last_ms),
        )
    ]
    print_table(columns, rows, right=frozenset(columns) - {"store", "stream"})


def _print_scans(scans: dict[str, Scan]) -> None:
    columns = ["walk", "events", "seconds", "events/s", "of reading", "peak MB"]
    rows = [
        (
            name,
            f"{scan.events:,}",
            f"{scan.seconds:.1f}",
            f"{scan.per_second:,.0f}",
            f"{scan.of_floor:.2f} x",
            "" if scan.peak_mb is None else f"{scan.peak_mb:,.0f}",
        )
        for name, scan in scans.items()
    ]
    print_table(columns, rows, right=frozenset(columns) - {"walk"})


def _print_questions(waits: dict[str, AnswerWait]) -> None:
    columns = ["question", "events", "seconds", "of a processor"]
    rows = [
        (question, f"{wait.events:,}", f"{wait.seconds:.2f}", f"{wait.processor_seconds:.2f}")
        for question, wait in waits.items()
    ]
    print_table(columns, rows, right=frozenset(columns) - {"question"})


def _print_bars(bars: list[SpeedBar]) -> None:
    verdicts = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}
    rows = [
        (
            bar.what,
            bar.as_json()["wanted"],
            "" if bar.measured is None else f"{bar.measured:.2f}",
            verdicts[bar.holds],
        )
        for bar in bars
    ]
    print_table(["bar", "wanted", "measured", ""], rows, right=frozenset({"wanted", "measured"}))
