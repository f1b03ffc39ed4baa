"""The cache of aggregates in a process, and how they are loaded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard, cast

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.requests import RecordEntryPlaced, RequestEntry
from domain.errors import HistoryDamaged
from domain.events import PositionEvent
from infrastructure.event_store.codec import decode
from infrastructure.event_store.hash_chain import GENESIS
from infrastructure.event_store.opener import Opener
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from projections.positions import PositionRow, project

STREAMS_MAX: Final = 10_000
"""How many streams a process remembers; the one that was used longest ago is forgotten first."""


@dataclass
class CachedPosition:
    """A position, and the hash that its stream ends with."""

    position: Position
    head: str
    before: PositionRow | None = None
    """The row of its cycle without what is pending."""
    is_assumed: bool = False
    """Whether nobody looked: a key that this process has not seen is taken to be new until an append says otherwise."""
    is_acknowledged: bool = False
    """Whether the database said of this end that it is kept for good; else it was only found there."""
    is_current: bool = True
    """False for a cycle that is over: the position then is of that cycle, at the version of the whole stream."""

    @property
    def version(self) -> int:
        """The version that the stream has without what is pending."""
        return self.position.version - len(self.position.pending_events)

    def pending(self) -> Sequence[PositionEvent]:
        """The events that are to be appended."""
        return cast("Sequence[PositionEvent]", self.position.collect_events())

    def project_pending(self) -> list[PositionRow]:
        """The rows that the pending events lead to: the position has that of its cycle, others are folded beside it."""
        pending = cast("Sequence[PositionEvent]", self.position.pending_events)
        current, rows = self.position.row, {}
        if self.before is not None:
            rows[self.before.cycle] = self.before
        pending = [event for event in pending if event.has_cycle]
        for event in pending:
            if current is None or event.cycle != current.cycle:
                rows[event.cycle] = project(None if event.opens_cycle else rows[event.cycle], event)
        if current is not None:
            rows[current.cycle] = current
        self.before = current
        return [rows[cycle] for cycle in {event.cycle: None for event in pending}]


class AggregateCache:
    """Positions as this process saw them last. One that is checked out belongs to its borrower until it is put back."""

    def __init__(self, store: Store, streams_max: int = STREAMS_MAX) -> None:
        self._store = store
        self._streams_max = streams_max
        self._held: OrderedDict[str, CachedPosition] = OrderedDict()
        self._lock = threading.Lock()
        self._opener = Opener(store.settings.shown)

    def checkout(self, command: Command, *, may_assume: bool = False) -> tuple[CachedPosition, bool]:
        """What is needed to decide a command, and whether it was read from the store just now.

        `may_assume`: for a request to enter a key that this process has not seen, take the key to be new. That saves
        a round trip when it is, and costs one when it is not.

        A remembered position may be out of date. Appending to it then fails by its version, but a refusal must be
        decided again on a fresh one: a command that was refused has dropped the memory, so taking again loads it.
        Refuses: OpenedElsewhere in a fork, where the lock may be held by a thread that is not there.
        """
        stream = command.key.stream
        held = self.taken(stream)
        if held is None and may_assume and isinstance(command, RequestEntry):
            return CachedPosition(Position.of_stream(stream), GENESIS, is_assumed=True), False
        fresh = held is None
        if held is None:
            held = self.load(stream)
        cycle = command.cycle
        if may_be_told_again(command, held.position):
            cycle = self._store.cycle_of_order(stream, command.exchange_order_id)
        if cycle is None or cycle == held.position.cycle:
            return held, fresh
        if not fresh:
            held = self.load(stream)
        return self._over(cycle, held) or held, True

    def taken(self, stream: str) -> CachedPosition | None:
        """What is remembered of a stream, from now on the taker's alone; None for what has to be read.

        Refuses: OpenedElsewhere in a fork.
        """
        self._opener.require()
        with self._lock:
            return self._held.pop(stream, None)

    def put(self, held: CachedPosition) -> None:
        """Put a position back that has no pending events."""
        if not held.is_current or not held.position.cycle:
            return
        with self._lock:
            self._held[held.position.id] = held
            if len(self._held) > self._streams_max:
                self._held.popitem(last=False)

    def clear(self) -> None:
        """Remember nothing: what is asked next is read."""
        with self._lock:
            self._held.clear()

    def load(self, stream: str) -> CachedPosition:
        """Read a stream from where it was last flat."""
        return _folded(stream, self._store.load(stream))

    def load_cycle(self, stream: str, cycle: int) -> CachedPosition:
        """Read one cycle, alone."""
        return _folded(stream, self._store.load_cycle(stream, cycle), contiguous=False)

    def load_answered(self, command_id: str, stream: str | None = None) -> CachedPosition | None:
        """Read the cycles that a command led to events in, alone; None when it led to none, or none of the stream."""
        told = self._store.of_command(command_id, stream)
        if not told:
            return None
        stream, cycles = told[-1].originator_id, sorted({each.cycle for each in told})
        if not cycles[-1]:  # what was defined belongs to no cycle
            return _folded(stream, told, contiguous=False)
        return _folded(stream, [each for c in cycles for each in self._store.load_cycle(stream, c)], contiguous=False)

    def _over(self, cycle: int, current: CachedPosition) -> CachedPosition | None:
        over = self.load_cycle(current.position.id, cycle)
        if not over.position.cycle:
            return None
        over.position.stand_at(current.position)
        over.head, over.is_current = current.head, False
        return over


def may_be_told_again(command: Command, position: Position) -> TypeGuard[RecordEntryPlaced]:
    """Whether an acknowledgement by key, of a key that is flat, may be of a cycle that is not remembered any more.

    The last one is remembered; of those before it only the store knows which order was whose entry.
    """
    return (
        isinstance(command, RecordEntryPlaced)
        and command.cycle is None
        and not position.is_open
        and position.state.last_cycle > 1
    )


def _folded(stream: str, records: Sequence[RecordedEvent], *, contiguous: bool = True) -> CachedPosition:
    if not records:
        return CachedPosition(Position.of_stream(stream), GENESIS)
    position = Position.of_stream(stream, version=records[0].originator_version - 1)
    for record in records:
        if contiguous and record.originator_version != position.version + 1:
            raise HistoryDamaged(
                f"{stream} jumps from version {position.version} to {record.originator_version}: events are missing. "
                "Look with `position-ledger verify`"
            )
        position.version = record.originator_version - 1
        decode(record).mutate(position)
    return CachedPosition(position, records[-1].hash, position.row)
