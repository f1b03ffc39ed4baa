"""Ledgers that `generate` fills: its appends are decided once for all tests of a process."""

from __future__ import annotations

from functools import cache

from infrastructure.event_store.port import Store
from scripts.benchmarks.workload.generated import STREAMS, Written, first, generate, write
from scripts.benchmarks.workload.simulated_trader import Append


def fill(store: Store, cycles: int, *, streams: int = STREAMS, events: int | None = None) -> Written:
    """Write so many cycles into an empty ledger, or only the first appends that have at least so many events."""
    return write(store, iter(_appends(cycles, streams, events)))


@cache
def _appends(cycles: int, streams: int, events: int | None) -> tuple[Append, ...]:
    appends = generate(cycles, streams=streams)
    return tuple(appends if events is None else first(appends, events))
