"""Growth: whether a command costs more at cycle 3,000 of a stream than at cycle 1."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from domain.commands import requests as c
from domain.commands.base import Command
from infrastructure.event_store.port import Store
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from scripts.benchmarks import lifecycle as facts

CYCLES: Final = 3_000
SAMPLES: Final = 20
_CYCLES_AT_ONCE: Final = 100
_OLD: Final = "OLDUSDT"


@dataclass(frozen=True)
class Growth:
    """The time of a command: the median over the four commands of a cycle (request, placed, stop and active, close).

    Units: milliseconds; `first` at cycle 1 of new streams, `last` after cycle `cycles` of one stream. Warm: the stream
           is in the cache of the process. Cold: it is read first.
    """

    cycles: int
    warm_first_ms: float
    warm_last_ms: float
    cold_first_ms: float
    cold_last_ms: float

    @property
    def warm(self) -> float:
        """How many times as long as at cycle 1 a command takes at the end, with the stream in the cache."""
        return self.warm_last_ms / self.warm_first_ms

    @property
    def cold(self) -> float:
        """How many times as long as at cycle 1 a command takes at the end, when the stream is read first."""
        return self.cold_last_ms / self.cold_first_ms

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded."""
        return {
            "cycles": self.cycles,
            "warm": {
                "first_ms": round(self.warm_first_ms, 3),
                "last_ms": round(self.warm_last_ms, 3),
                "ratio": round(self.warm, 3),
            },
            "cold": {
                "first_ms": round(self.cold_first_ms, 3),
                "last_ms": round(self.cold_last_ms, 3),
                "ratio": round(self.cold, 3),
            },
        }


def cycle_commands(symbol: str, cycle: int) -> list[Command]:
    """The commands of one cycle: four commands, five events."""
    position_id = f"{symbol}.{facts.EXCHANGE}#{cycle}"
    return [
        c.RequestEntry.of(
            symbol=symbol,
            exchange=facts.EXCHANGE,
            side="long",
            quantity=facts.QUANTITY,
            signal_price=facts.SIGNAL_PRICE,
            stop_loss_percent=facts.STOP_PERCENT,
            intent_id=f"signal-{symbol}-{cycle}",
        ),
        c.RecordEntryPlaced.of(
            position_id=position_id,
            exchange_order_id=facts.ENTRY_ORDER,
            filled_qty=facts.QUANTITY,
            avg_px=facts.ENTRY_PRICE,
        ),
        c.SetStopLoss.of(
            position_id=position_id, stop_price=facts.STOP_PRICE, exchange_order_id=facts.STOP_ORDER, activate=True
        ),
        c.Close.of(position_id=position_id, exit_reason="stop", avg_px_close=facts.STOP_PRICE),
    ]


def measure_growth(settings: Settings, cycles: int, samples: int = SAMPLES) -> Growth:
    """Write `cycles` cycles into one stream, then time commands there and at cycle 1 of new streams, in turn."""
    with PositionLedger(open_store(settings)) as ledger:
        _grow(ledger, cycles - 1)
        taken: dict[str, list[float]] = {"warm first": [], "warm last": [], "cold first": [], "cold last": []}
        uncached = _UncachedLedger(ledger.store)
        for sample in range(samples):
            is_cold = sample % 2 == 1
            handle: Callable[[Command], object] = uncached.handle if is_cold else ledger.handle
            kind = "cold" if is_cold else "warm"
            taken[f"{kind} first"] += _timed(handle, f"NEW{sample}USDT", 1, is_cold=is_cold)
            taken[f"{kind} last"] += _timed(handle, _OLD, cycles + sample, is_cold=is_cold)
    warm_first, warm_last, cold_first, cold_last = (median(times) * 1000 for times in taken.values())
    return Growth(cycles, warm_first, warm_last, cold_first, cold_last)


def _grow(ledger: PositionLedger, cycles: int) -> None:
    for start in range(1, cycles + 1, _CYCLES_AT_ONCE):
        batch = range(start, min(start + _CYCLES_AT_ONCE, cycles + 1))
        ledger.handle_many([command for cycle in batch for command in cycle_commands(_OLD, cycle)])


class _UncachedLedger:
    """A ledger without a cache, on the connections of an open store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._used: list[PositionLedger] = []

    def handle(self, command: Command) -> object:
        """Handle a command with a new ledger; the ledgers are kept, because a collected one closes its store."""
        self._used.append(PositionLedger(self._store))
        return self._used[-1].handle(command)


def _timed(handle: Callable[[Command], object], symbol: str, cycle: int, *, is_cold: bool) -> Iterator[float]:
    """The seconds of each command; the first command is left out when warm, because it reads the stream."""
    for number, command in enumerate(cycle_commands(symbol, cycle)):
        started = time.perf_counter()
        handle(command)
        if is_cold or number:
            yield time.perf_counter() - started
