"""Recent earnings and refusals: they take longer to read than the open positions, so they are read less often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.errors import LedgerError
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.statistics_projection import each_since
from infrastructure.ledger_clock import now
from projections.audit.ledger_report import HourBar, hour_bars
from projections.metrics.earnings import Earnings
from projections.metrics.statistics import MeasuredWindow, Refusals
from scripts.options.filters import Filter

DAYS: Final = 28
REFUSED_HOURS: Final = 24
PAUSE_SECONDS: Final = 5.0
PAUSE_TIMES: Final = 20
"""The pause is at least so many times as long as the reading before it: at most a twentieth of a processor is used."""


@dataclass(frozen=True)
class RecentResults:
    """The cycles that ended in the last days and the refusals of the last hours, as of `at`.

    `silence` is the error that prevents a later result.
    """

    at: datetime
    earnings: tuple[Earnings, ...]
    refused: tuple[HourBar, ...]
    silence: str | None = None

    @property
    def window(self) -> MeasuredWindow:
        """Whole days in UTC; the last one ends at `at`."""
        return days_before(self.at)


def days_before(at: datetime) -> MeasuredWindow:
    """The last DAYS days in UTC, today included."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return MeasuredWindow(midnight - timedelta(days=DAYS - 1), at)


class ResultsReader:
    """Reads recent earnings and refusals in one thread, again and again; `lately` is None before the first time."""

    def __init__(self, ledger: PositionLedger, wanted: Filter) -> None:
        self._ledger, self._wanted = ledger, wanted
        self._stopped = threading.Event()
        self.lately: RecentResults | None = None

    def run(self, publish: Callable[[RecentResults], None]) -> None:
        """Read until it is stopped; `publish` gets every result, in this thread."""
        while not self._stopped.is_set():
            began = time.monotonic()
            self.lately = self._looked_back()
            publish(self.lately)
            self._stopped.wait(max(PAUSE_SECONDS, PAUSE_TIMES * (time.monotonic() - began)))

    def stop(self) -> None:
        """Stop it, from any thread."""
        self._stopped.set()

    def _looked_back(self) -> RecentResults:
        at = now()
        try:
            return self._seen(at)
        except LedgerError as error:
            words = f"{type(error).__name__}: {error.message}"
            return replace(self.lately or RecentResults(at, (), ()), silence=words)

    def _seen(self, at: datetime) -> RecentResults:
        store, window = self._ledger.store, days_before(at)
        hours = MeasuredWindow(at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=REFUSED_HOURS - 1), at)
        with store.settled():
            earnings = Earnings.of(each_since(store, window.since, self._wanted.takes), window)
            rejections = list(store.rejections(since=hours.since))
        refused = [each for each in rejections if each.key is not None and self._wanted.takes(each.key)]
        bars = hour_bars(Refusals.of(refused).per_hour, hours)
        return RecentResults(at, tuple(earnings), tuple(bars))
