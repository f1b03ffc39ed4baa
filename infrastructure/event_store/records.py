"""What a store keeps: a stored event, with the columns that it is queried by."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class LoadMarker(StrEnum):
    """The few events that are found by their cycle and not by their place in the stream."""

    FLAT = "flat"
    """It opened a cycle while the stream was flat, or came before any: a history may be loaded from here."""
    BESIDE = "beside"
    """An imported cycle that only fills in history beside an open one."""
    LATE = "late"
    """It came after its cycle was over, perhaps in the middle of a later one."""


class IndexColumns(NamedTuple):
    """What is kept beside an event to find it by; all of it follows from the event, so it can be checked.

    `intent_id` stands only where an intent is claimed for the first time in a stream.
    """

    command_id: str
    intent_id: str | None
    cycle: int
    mark: str | None
    ts_recorded: str


class EventRecord(NamedTuple):
    """A stored event and its columns, on the way into the store, which adds its hash."""

    originator_id: str
    originator_version: int
    topic: str
    state: bytes
    columns: IndexColumns


class StreamEnd(NamedTuple):
    """The event that somebody took for the last of a stream, by its hash: the whole past of the stream is in that.

    Its version is 0 where nothing has happened yet.
    """

    stream: str
    version: int
    hash: str


class ReadyAppend(NamedTuple):
    """What one transaction writes, as one kind of database takes it, made without asking it, perhaps elsewhere."""

    first: EventRecord
    follows: tuple[StreamEnd, ...]
    """What the first event of each stream follows."""
    content: bytes
    """Events with their hashes, rows and orders; of the kind of store that made it."""


class RecordedEvent(NamedTuple):
    """A stored event as it is found in the log: with its place in the global order (`id`), its hash, and its columns.

    A tuple in the order of the table, for it is made a million times over.
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
        """What it is filed under."""
        return IndexColumns._make(self[6:])
