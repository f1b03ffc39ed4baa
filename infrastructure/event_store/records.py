"""What a store keeps: a stored event with the columns that our questions are asked by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from eventsourcing.persistence import Notification, StoredEvent

from domain.values import timestamp_text


class LoadMarker(StrEnum):
    """The few events that are found by their cycle and not by their place in the stream."""

    FLAT = "flat"
    """It opened a cycle while the stream was flat: a history may be loaded from here."""
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


@dataclass(frozen=True, kw_only=True)
class EventRecord(StoredEvent):
    """A stored event and its columns, on the way into the store, which adds its hash."""

    columns: IndexColumns


def as_record(event: StoredEvent) -> EventRecord:
    """A stored event that the library made, with the columns of an event that answers no command."""
    if isinstance(event, EventRecord):
        return event
    return EventRecord(
        originator_id=str(event.originator_id),
        originator_version=event.originator_version,
        topic=event.topic,
        state=event.state,
        columns=IndexColumns("", None, 0, None, timestamp_text(datetime.now(UTC))),
    )


class RecordedEvent(NamedTuple):
    """A stored event as it is found in the log: with its place in the global order (`id`) and its hash.

    A tuple, for it is made a million times over.
    """

    id: int
    originator_id: str
    originator_version: int
    topic: str
    state: bytes
    hash: str
    columns: IndexColumns

    def as_notification(self) -> Notification:
        """The event as the library knows it in the log."""
        return Notification(self.originator_id, self.originator_version, self.topic, self.state, self.id)

    def as_stored(self) -> StoredEvent:
        """The event as the library knows it in a stream."""
        return StoredEvent(self.originator_id, self.originator_version, self.topic, self.state)
