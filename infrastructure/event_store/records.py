"""Stored events: the event as text, and the columns by which it is queried."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

made: Final = tuple.__new__
"""Makes a named tuple without a call of its class, in half the time; it does not check the number of values."""


class LoadMarker(StrEnum):
    """Marks the few events that show where the events of a cycle are in its stream."""

    FLAT = "flat"
    """The event opened a cycle while the stream was flat, or precedes every cycle: loading may start here."""
    BESIDE = "beside"
    """The event is an imported cycle that only fills in history beside an open one."""
    LATE = "late"
    """The event came after its cycle was over, perhaps in the middle of a later one."""


class IndexColumns(NamedTuple):
    """The columns by which an event is queried; all of them follow from the event, so they can be checked.

    `intent_id` is set only where an event claims an intent for the first time in its stream.
    """

    command_id: str
    intent_id: str | None
    cycle: int
    mark: str | None
    ts_recorded: str


class EventRecord(NamedTuple):
    """An encoded event and its columns, before the store adds its hash."""

    originator_id: str
    originator_version: int
    topic: str
    state: bytes
    columns: IndexColumns


class StreamEnd(NamedTuple):
    """The event that a process knows as the last of a stream; its hash covers the whole stream up to it.

    Its version is 0 when the stream has no event yet.
    """

    stream: str
    version: int
    hash: str


class ReadyAppend(NamedTuple):
    """What a transaction will write, prepared for one kind of database without a query, perhaps in another process."""

    first: EventRecord
    follows: tuple[StreamEnd, ...]
    """For each stream the end that its first new event follows."""
    content: bytes
    """Events with their hashes, rows and orders, in the format of the kind of store that made it."""


class RecordedEvent(NamedTuple):
    """An event as it is stored in the log: with its place in the global order (`id`), its hash, and its columns.

    A tuple in the order of the table's columns, because a walk makes a million of them.
    """

    id: int
    originator_id: str
    originator_version: int
    topic: str
    state: bytes
    hash: str
    command_id: str
    intent_id: str | None
    cycle: int
    mark: str | None
    ts_recorded: str

    @property
    def columns(self) -> IndexColumns:
        """The columns by which it is queried."""
        return made(IndexColumns, self[6:])
