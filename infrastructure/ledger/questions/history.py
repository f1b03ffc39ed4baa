"""The history of a stream: its events with their places in the log and their hashes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from domain.events import PositionEvent
from infrastructure.event_store.codec import decode
from infrastructure.event_store.records import RecordedEvent


@dataclass(frozen=True)
class HistoryEntry:
    """One event: its place in the whole log (`nid`), the event as read today, and the stored bytes."""

    nid: int
    event: PositionEvent
    stored_type: str
    payload: bytes
    hash: str

    @classmethod
    def of(cls, stored: RecordedEvent) -> Self:
        """Read a stored event."""
        return cls(stored.id, decode(stored), stored.topic, stored.state, stored.hash)

    def as_json(self) -> dict[str, Any]:
        """Its place and name, then every stored field."""
        return {
            "nid": self.nid,
            "stream": self.event.originator_id,
            "position_id": self.event.position_id,
            "version": self.event.originator_version,
            "type": type(self.event).__name__,
            "stored_type": self.stored_type,
            **json.loads(self.payload),
            "hash": self.hash,
        }
