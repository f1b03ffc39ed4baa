"""Measuring how fast the log is rebuilt, verified and followed, compared with only reading it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from infrastructure.event_store.codec import decode
from infrastructure.event_store.sql.sql_store import SqlStore
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from projections.positions import PositionRow, project
from projections.rebuild import BATCH_EVENTS
from scripts.benchmarks.process_pool import BenchmarkFailed, side_by_side
from scripts.benchmarks.workload.generated import first, generate, write


@dataclass(frozen=True)
class Scan:
    """One walk through all events.

    Units: seconds; `peak_mb` is the highest memory use of its process, in 10^6 bytes, None for several processes;
           `floor` is how many events per second a cursor returned just before, as tuples that were not used.
    """

    events: int
    seconds: float
    peak_mb: float | None
    floor: float

    @property
    def per_second(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    @property
    def of_floor(self) -> float:
        """The speed as a share of the floor."""
        return self.per_second / self.floor

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded."""
        return {
            "events": self.events,
            "seconds": round(self.seconds, 2),
            "events_per_second": round(self.per_second),
            "peak_mb": None if self.peak_mb is None else round(self.peak_mb, 1),
            "floor_per_second": round(self.floor),
            "of_floor": round(self.of_floor, 3),
        }


def fill(
    settings: Settings, events: int, say: Callable[[str], None] = lambda _: None, *, is_short: bool = False
) -> int:
    """Write the beginning of a generated year into an empty ledger; returns how many events were written.

    Shape: `events` events, or one more; with `is_short` each stream has only one or two cycles.
    """
    say(f"writing {events:,} events")
    year = generate(max(1, events // 2), streams=max(1, events // 4)) if is_short else generate(events)
    with closing(open_store(settings)) as store:
        return write(store, first(year, events)).events


def scan(settings: Settings, say: Callable[[str], None] = lambda _: None) -> dict[str, Scan]:
    """Rebuild, verify and follow a ledger, each in a process of its own; then rebuild and verify with two processes.

    Refuses: BenchmarkFailed, also when a walk finds anything else than what was written.
    """
    found = {}
    for name, walk in _WALKS.items():
        (found[name],) = side_by_side(_walked, [(settings, walk)])
    for name, walk in _SHARED.items():
        found[name] = replace(_walked(settings, walk), peak_mb=None)
    for name, each in found.items():
        say(f"{name}: {each.per_second:,.0f} events/s, {each.of_floor:.2f} of the floor")
    return found


def _walked(settings: Settings, walk: Callable[[PositionLedger], int]) -> Scan:
    with PositionLedger(open_store(settings, create=False)) as ledger:
        read, floor_seconds = _timed(_read, ledger)
        events, seconds = _timed(walk, ledger)
        return Scan(events, seconds, _peak_mb(), read / floor_seconds)


def _timed(walk: Callable[[PositionLedger], int], ledger: PositionLedger) -> tuple[int, float]:
    started = time.perf_counter()
    events = walk(ledger)
    return events, time.perf_counter() - started


def _read(ledger: PositionLedger) -> int:
    assert isinstance(ledger.store, SqlStore), "both are"
    return sum(1 for _ in ledger.store.read_through())


def _rebuild(ledger: PositionLedger, *, processes: int = 1) -> int:
    rebuilt = ledger.rebuild(processes=processes)
    if rebuilt.differences:
        raise BenchmarkFailed(f"a rebuild differs in {rebuilt.differences:,} rows from what was written")
    return rebuilt.events


def _verify(ledger: PositionLedger, *, processes: int = 1) -> int:
    verified = verify(ledger.store, processes=processes)
    if not verified.ok:
        raise BenchmarkFailed(f"{len(verified.findings):,} findings, the first of them {verified.findings[0]}")
    return verified.events


def _follow(ledger: PositionLedger) -> int:
    """Read the log in batches, as a follower does, and keep the rows of open cycles; it skips events of ended ones."""
    rows: dict[str, PositionRow] = {}
    events = nid = 0
    while batch := list(ledger.store.log(after=nid, limit=BATCH_EVENTS)):
        for stored in batch:
            event = decode(stored)
            position_id = event.position_id
            if not event.opens_cycle and position_id not in rows:
                continue
            row = project(rows.get(position_id), event)
            if row.status.is_open:
                rows[position_id] = row
            else:
                rows.pop(position_id, None)
        events, nid = events + len(batch), batch[-1].id
    return events


_WALKS: Final = {"rebuild": _rebuild, "verify": _verify, "follow": _follow}
_SHARED: Final = {
    "rebuild by 2 processes": partial(_rebuild, processes=2),
    "verify by 2 processes": partial(_verify, processes=2),
}


def _peak_mb() -> float:
    import resource  # noqa: PLC0415 - Windows has no such module, but runs the rest

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
