"""Measuring how long a person waits for a command that reads a long log, from its start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any, Final
from urllib.parse import quote

from domain.values import timestamp_text, utc
from infrastructure.settings import URL_VARIABLE, Settings
from infrastructure.store_opening import open_store
from scripts.benchmarks.process_pool import BenchmarkFailed

WAIT_SECONDS_MAX: Final = {
    "positions --open": 1.0,
    "history": 1.0,
    "status": 1.0,
    "recover": 1.0,
    "stats": 1.0,
    "positions --as-of": 5.0,
}
"""The longest acceptable wait for each command, on a log of a million events; for `stats` when it was run before."""
_A_MONTH: Final = timedelta(days=30)
_PROGRAM: Final = (sys.executable, "-c", "from position_ledger_start import main; main()")
_ANSWERED: Final = (0, 1)


@dataclass(frozen=True)
class AnswerWait:
    """The median times of one command: by the clock, and of a processor without that of the database server."""

    events: int
    seconds: float
    processor_seconds: float

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded."""
        return {
            "events": self.events,
            "seconds": round(self.seconds, 2),
            "processor_seconds": round(self.processor_seconds, 2),
        }


def ask(settings: Settings, rounds: int, say: Callable[[str], None] = lambda _: None) -> dict[str, AnswerWait]:
    """Run and time every command of WAIT_SECONDS_MAX so often, on a ledger with events. Refuses: BenchmarkFailed."""
    with closing(open_store(settings, create=False)) as store:
        events = store.count_events()
        last = store.last_event()
    assert last is not None, "a ledger with events"
    cycle = f"{last.originator_id}#{last.cycle}"
    before = timestamp_text(utc(last.ts_recorded) - _A_MONTH)
    more = {"history": [cycle], "positions --as-of": [before]}
    _run(settings, ["stats"])
    found = {}
    for question in WAIT_SECONDS_MAX:
        words = [*question.split(), *more.get(question, [])]
        taken = [_timed(settings, words) for _ in range(rounds)]
        found[question] = AnswerWait(events, *(median(column) for column in zip(*taken, strict=True)))
        say(f"{question}: {found[question].seconds:.2f} s")
    return found


def _timed(settings: Settings, words: Sequence[str]) -> tuple[float, float]:
    before, started = sum(_of_children()), time.perf_counter()
    _run(settings, words)
    return time.perf_counter() - started, sum(_of_children()) - before


def _of_children() -> Iterator[float]:
    times = os.times()
    yield times.children_user
    yield times.children_system


def _run(settings: Settings, words: Sequence[str]) -> None:
    ran = subprocess.run(  # noqa: S603 - words of our own
        [*_PROGRAM, *words],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, URL_VARIABLE: _url(settings)},
    )
    if ran.returncode not in _ANSWERED:
        raise BenchmarkFailed(f"{' '.join(words)} ended with {ran.returncode}: {ran.stderr.strip()[-500:]}")


def _url(settings: Settings) -> str:
    if settings.kind == "sqlite":
        return f"sqlite:///{quote(settings.where)}?timeout={settings.timeout_seconds:g}"
    own = f"schema={settings.schema}&timeout={settings.timeout_seconds:g}"
    return f"{settings.where}{'&' if '?' in settings.where else '?'}{own}"
