"""The processor time of an append: in the process of the client, and in the server's processes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg

from scripts.benchmarks.lifecycle import KEYS, SAVES, Contestant, Runner
from scripts.benchmarks.process_pool import side_by_side

_BACKENDS: Final = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
_ON_PROCESSOR: Final = "/proc/{}/schedstat"
"""Its first number is nanoseconds on a processor; only Linux has this file."""


@dataclass(frozen=True)
class ProcessorTime:
    """Microseconds per append, medians of the rounds; None for a server where the system does not report it."""

    client_us: float
    server_us: float | None

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded."""
        server = None if self.server_us is None else round(self.server_us, 1)
        return {"client_us": round(self.client_us, 1), "server_us": server}


def processor_times(contestants: Sequence[Contestant], url: str, rounds: int) -> dict[str, ProcessorTime]:
    """Measure each contestant with one process, in turn, round by round, on a server of this machine.

    Shape: the second lap over all keys is measured, so that one-time lookups and preparations are done before it.
    """
    laps: dict[str, list[tuple[float, float | None]]] = {contestant.name: [] for contestant in contestants}
    for turn in range(rounds):
        for contestant in contestants:
            laps[contestant.name] += side_by_side(_lap, [(contestant, url, f"U{turn}")])
    return {name: _median(of_name) for name, of_name in laps.items()}


def _median(laps: Sequence[tuple[float, float | None]]) -> ProcessorTime:
    servers = [server for _, server in laps if server is not None]
    return ProcessorTime(median([client for client, _ in laps]), median(servers) if servers else None)


def _lap(contestant: Contestant, url: str, tag: str) -> tuple[float, float | None]:
    symbols = [f"{tag}K{number}USDT" for number in range(KEYS)]
    with psycopg.connect(url, autocommit=True) as aside:
        others = _backends(aside)
        with closing(contestant.runner()) as runner:
            _save(runner, symbols)
            runner.finish(symbols)
            backends = _backends(aside) - others
            before, client = _seconds(backends), time.process_time()
            _save(runner, symbols)
            client, after = time.process_time() - client, _seconds(backends)
    per_append = 1_000_000 / (len(symbols) * SAVES)
    stayed = before.keys() & after.keys()  # a backend of another client may have ended meanwhile
    return client * per_append, sum(after[pid] - before[pid] for pid in stayed) * per_append if stayed else None


def _backends(aside: psycopg.Connection[Any]) -> set[int]:
    return {pid for (pid,) in aside.execute(_BACKENDS)}


def _seconds(backends: set[int]) -> dict[int, float]:
    """The processor time of each backend for which the system reports it."""
    found: dict[int, float] = {}
    for pid in backends:
        with suppress(OSError):  # it has ended, or this is no Linux
            found[pid] = int(Path(_ON_PROCESSOR.format(pid)).read_text(encoding="ascii").split()[0]) / 1e9
    return found


def _save(runner: Runner, symbols: Sequence[str]) -> None:
    for symbol in symbols:
        for _ in runner.lifecycle(symbol):
            pass
