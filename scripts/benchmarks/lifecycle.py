"""A lifecycle: what a bot saves from its signal to a protected position, and how many of them processes complete."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from statistics import quantiles
from threading import BrokenBarrierError
from typing import Final, Protocol

from scripts.benchmarks.process_pool import context, side_by_side

EXCHANGE: Final = "binance"
QUANTITY: Final = "61.8"
SIGNAL_PRICE: Final = "3.2333"
ENTRY_PRICE: Final = "3.2341"
STOP_PERCENT: Final = "2"
STOP_PRICE: Final = "3.1694"
ENTRY_ORDER: Final = "53190368"
STOP_ORDER: Final = "53190370"

SAVES: Final = 3
"""The saves of a lifecycle: slot claimed, entry placed and filled, stop set and position active."""
WARM_UP: Final = 10
"""Lifecycles before the measurement starts, in which connections are made and statements are prepared."""
KEYS: Final = 100
"""How many symbols a process uses again and again, as a bot does: a lap continues from the state of the last one."""
START_SECONDS_MAX: Final = 120.0


class Runner(Protocol):
    """Saves lifecycles in one process."""

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """Save one lifecycle of a symbol without an open position; yields after each save, when it is on the disk."""

    def finish(self, symbols: Sequence[str]) -> None:
        """Close the positions in these symbols, outside the measured time, so that they can be opened again."""

    def close(self) -> None:
        """Close the connection to the database."""


class Contestant(Protocol):
    """A way of storing positions, in a schema or file of its own; it is pickled for the processes."""

    @property
    def name(self) -> str:
        """Its name in the report."""

    def create(self) -> None:
        """Make the tables."""

    def runner(self) -> Runner:
        """Connect, in the process that saves the lifecycles."""


@dataclass(frozen=True)
class Measured:
    """What several processes completed side by side.

    Units: lifecycles per second, all processes together; milliseconds for one save.
    """

    lifecycles: int
    per_second: float
    p50_ms: float
    p99_ms: float


def measure(contestant: Contestant, count: int, seconds: float, tag: str, keys: int = KEYS) -> Measured:
    """Run processes that save lifecycles for some seconds, all starting at the same moment.

    Shape:   each process has `keys` symbols of its own; `tag` is part of every symbol, so that measurements share none.
    Refuses: BenchmarkFailed.
    """
    start = context().Barrier(count)
    answers = side_by_side(_work, [(contestant, f"{tag}P{number}", seconds, keys, start) for number in range(count)])
    latencies = [latency for _, _, of_worker in answers for latency in of_worker]
    percentiles = quantiles(latencies, n=100, method="inclusive")
    return Measured(
        lifecycles=sum(done for done, _, _ in answers),
        per_second=sum(done / elapsed for done, elapsed, _ in answers),
        p50_ms=percentiles[49] * 1000,
        p99_ms=percentiles[98] * 1000,
    )


Done = tuple[int, float, list[float]]
"""The number of lifecycles, their seconds, and the seconds of each save."""


def _work(contestant: Contestant, tag: str, seconds: float, keys: int, start: Barrier) -> Done:
    try:
        with closing(contestant.runner()) as runner:
            for number in range(WARM_UP):
                list(runner.lifecycle(f"{tag}W{number}USDT"))
            start.wait(START_SECONDS_MAX)
            return _run(runner, [f"{tag}K{number}USDT" for number in range(keys)], seconds)
    except BrokenBarrierError:
        return 0, 0.0, []  # the process that broke the barrier reports why
    except BaseException:
        start.abort()
        raise


def _run(runner: Runner, symbols: Sequence[str], seconds: float) -> Done:
    latencies: list[float] = []
    done, elapsed = 0, 0.0
    while elapsed < seconds:
        if done:
            runner.finish(symbols)
        before = started = time.perf_counter()
        for symbol in symbols:
            for _ in runner.lifecycle(symbol):
                now = time.perf_counter()
                latencies.append(now - before)
                before = now
            done += 1
            if elapsed + before - started >= seconds:
                break
        elapsed += before - started
    return done, elapsed, latencies
