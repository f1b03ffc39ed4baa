"""The positions that this process remembers, and how a position is loaded from the store."""

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
from infrastructure.event_store.records import RecordedEvent, StreamEnd
from projections.positions import PositionRow, project

STREAMS_MAX: Final = 10_000
"""How many streams a process remembers; the least recently used one is forgotten first."""


@dataclass
class CachedPosition:
    """A position, and the hash of the last event of its stream."""

    position: Position
    head: str
    before: PositionRow | None = None
    """The row of its cycle without the pending events."""
    is_assumed: bool = False
    """Whether the store was not read: the key is new to this process, and taken to be empty until an append fails."""
    is_acknowledged: bool = False
    """Whether the database confirmed that this end of the stream is durable; otherwise it was only read."""
    is_fresh: bool = True
    """Whether it was read from the store for the command at hand; what is remembered may be out of date."""
    is_current: bool = True
    """False when the position is that of an earlier cycle; its version still is that of the whole stream."""

    @property
    def version(self) -> int:
        """The version of the stream without the pending events."""
        return self.position.version - len(self.position.pending_events)

    @property
    def end(self) -> StreamEnd:
        """The last event of the stream, without the pending ones."""
        return StreamEnd(self.position.id, self.version, self.head)

    def pending(self) -> Sequence[PositionEvent]:
        """Take the pending events, in order to append them."""
        return cast("Sequence[PositionEvent]", self.position.collect_events())

    def project_pending(self) -> list[PositionRow]:
        """The rows that the pending events change: the position has that of its own cycle, others are folded here."""
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
    """Positions as this process saw them last. Whoever checks one out owns it alone until it is put back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: OrderedDict[str, CachedPosition] = OrderedDict()
        self._lock = threading.RLock()  # a signal handler may ask under it
        self._opener = Opener(store.settings.shown)

    def checkout(self, command: Command, *, may_assume: bool) -> CachedPosition:
        """The position on which to decide a command.

        With `may_assume`, a request to enter a key that this process has not seen takes the key to be new: this saves
        a round trip when the key is new, and costs one when it is not.

        A remembered position may be out of date. An append to it then fails by its version, but a refusal must be
        decided again on a freshly loaded one: checkout removed the position from the cache, so the next one loads it.
        Refuses: OpenedElsewhere in a forked process, where the lock may be held by a thread that does not exist there.
        """
        stream = command.key.stream
        held = self.taken(stream)
        if held is None and may_assume and isinstance(command, RequestEntry):
            return CachedPosition(Position.of_stream(stream), GENESIS, is_assumed=True, is_fresh=False)
        if held is None:
            held = self.load(stream)
        cycle = command.cycle
        if may_be_told_again(command, held.position):
            cycle = self._store.cycle_of_order(stream, command.exchange_order_id)
        if cycle is None or cycle == held.position.cycle:
            return held
        if not held.is_fresh:
            held = self.load(stream)
        return self._earlier_cycle(cycle, held) or held

    def taken(self, stream: str) -> CachedPosition | None:
        """Take the remembered position of a stream out of the cache; None when it is not there and must be loaded.

        Refuses: OpenedElsewhere in a forked process.
        """
        self._opener.require()
        with self._lock:
            return self._held.pop(stream, None)

    def put(self, held: CachedPosition) -> None:
        """Put back a position that has no pending events; one of an earlier cycle is dropped."""
        if not held.is_current or not held.position.cycle:
            return
        held.is_fresh = False
        with self._lock:
            self._held[held.position.id] = held
            if len(self._held) > STREAMS_MAX:
                self._held.popitem(last=False)

    def clear(self) -> None:
        """Forget every position."""
        with self._lock:
            self._held.clear()

    def load(self, stream: str) -> CachedPosition:
        """Load a stream from where it was last flat."""
        return _folded(stream, self._store.load(stream))

    def load_cycle(self, stream: str, cycle: int) -> CachedPosition:
        """Load the events of one cycle only."""
        return _folded(stream, self._store.load_cycle(stream, cycle), contiguous=False)

    def load_answered(self, command_id: str, stream: str | None) -> CachedPosition | None:
        """Load only the cycles in which a command recorded events; None when it recorded none (in `stream`)."""
        recorded = self._store.of_command(command_id, stream)
        if not recorded:
            return None
        stream, cycles = recorded[-1].originator_id, sorted({each.cycle for each in recorded})
        if not cycles[-1]:  # the definition of an instrument belongs to no cycle
            return _folded(stream, recorded, contiguous=False)
        return _folded(stream, [each for c in cycles for each in self._store.load_cycle(stream, c)], contiguous=False)

    def _earlier_cycle(self, cycle: int, current: CachedPosition) -> CachedPosition | None:
        earlier = self.load_cycle(current.position.id, cycle)
        if not earlier.position.cycle:
            return None
        earlier.position.stand_at(current.position)
        earlier.head, earlier.is_current = current.head, False
        return earlier


def may_be_told_again(command: Command, position: Position) -> TypeGuard[RecordEntryPlaced]:
    """Whether an acknowledgement that names a key, which is flat, may belong to a cycle before the remembered one.

    The position remembers its last cycle; only the store knows which entry order belongs to which earlier cycle.
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
        event = decode(record)
        try:
            event.mutate(position)
        except HistoryDamaged as damage:
            raise HistoryDamaged(f"{damage.message}. Look with `position-ledger verify`") from damage
    return CachedPosition(position, records[-1].hash, position.row)
