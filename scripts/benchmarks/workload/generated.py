"""A ledger of any size, generated from a seed: the same events on every machine, all of them decided by the domain."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import Final

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.event_store.codec import encode
from infrastructure.event_store.hash_chain import GENESIS, chained
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from projections.positions import PositionRow
from scripts.benchmarks.workload.simulated_trader import Append, SimulatedTrader
from scripts.benchmarks.workload.workload_scenarios import STORIES, imported

STREAMS: Final = 200
STARTS_AT: Final = datetime(2025, 1, 1, tzinfo=UTC)
YEAR: Final = timedelta(days=365)
_ACCOUNTS: Final = (None, None, None, "sub1")
_LEGS: Final = (Leg.BOTH, Leg.BOTH, Leg.LONG, Leg.SHORT)
_EXCHANGES: Final = ("binance", "bybit")
_LEFT_OPEN_PERCENT: Final = 60
_STEPS_MAX: Final = 6
_APPENDS_AT_ONCE: Final = 4_000


def keys() -> Iterator[PositionKey]:
    """Keys without end: symbols at two exchanges, of two accounts, some of them with two legs."""
    number = 0
    while True:
        symbol = f"GEN{number}USDT"
        legs = (_LEGS[number % 4],) if number % 4 < 2 else (Leg.LONG, Leg.SHORT)
        for exchange, leg in product(_EXCHANGES, legs):
            yield PositionKey(symbol, exchange, _ACCOUNTS[number % 4], leg)
        number += 1


def generate(cycles: int, seed: int = 1, streams: int = STREAMS) -> Iterator[Append]:
    """The appends of a year, in the order in which they are recorded.

    Shape: `cycles` cycles, or a few more, spread over keys and time; some are open at the end. If there are as many
           streams as stories, every kind of event occurs.
    """
    streams = min(streams, cycles)
    shares = [cycles // streams + (number < cycles % streams) for number in range(streams)]
    years = [
        _year(SimulatedTrader(key, f"{seed} {key}", STARTS_AT), share, number)
        for number, (key, share) in enumerate(zip(islice(keys(), streams), shares, strict=True))
    ]
    return heapq.merge(*years, key=lambda append: append.recorded_at)


def first(appends: Iterator[Append], events: int) -> Iterator[Append]:
    """The first appends that have at least `events` events."""
    while events > 0:
        append = next(appends)
        events -= len(append.events)
        yield append


def _year(trader: SimulatedTrader, cycles: int, number: int) -> Iterator[Append]:
    """The appends of one trader: its first story goes by its number, so that none is missing; the others are random."""
    slot_ms = YEAR // timedelta(milliseconds=1) // cycles
    first_stories = [imported, *STORIES]
    story = first_stories[number % len(first_stories)]
    while True:
        trader.wait(slot_ms // 4, slot_ms * 5 // 4)
        is_last = trader.position.state.last_cycle >= cycles - 1
        steps = trader.dice.randint(1, _STEPS_MAX) if is_last and trader.chance(_LEFT_OPEN_PERCENT) else None
        yield from islice(story(trader), steps)
        if trader.position.state.last_cycle >= cycles:
            return
        (story,) = trader.dice.choices([*STORIES], [*STORIES.values()])


@dataclass(frozen=True)
class Written:
    """How much was written."""

    events: int
    streams: int
    cycles: int


def write(store: Store, appends: Iterator[Append]) -> Written:
    """Write appends to an empty ledger in large batches, with their hashes.

    Refuses: VersionTaken when it is not empty; StoreUnavailable.
    """
    heads: dict[str, str] = {}
    nid = cycles = 0
    while batch := list(islice(appends, _APPENDS_AT_ONCE)):
        events: list[RecordedEvent] = []
        rows: dict[str, PositionRow] = {}
        for append in batch:
            for event in append.events:
                record, stream = encode(event), event.originator_id
                head = chained(heads.get(stream, GENESIS), stream, event.originator_version, record.topic, record.state)
                heads[stream] = head
                place = nid + len(events) + 1
                events.append(
                    RecordedEvent(
                        place, stream, event.originator_version, record.topic, record.state, head, *record.columns
                    )
                )
                cycles += event.opens_cycle
            rows |= {row.position_id: row for row in append.rows}
        store.restore(events, after=nid, rows=list(rows.values()), rejections=())
        nid += len(events)
    return Written(nid, len(heads), cycles)
