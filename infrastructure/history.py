"""A stream as an auditor reads it: its events with their place and hash, up to some moment."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from domain.errors import InvalidCommand
from domain.events import PositionEvent
from domain.values import utc
from infrastructure.codec import decode
from infrastructure.records import RecordedEvent
from infrastructure.store import AsOf


@dataclass(frozen=True)
class HistoryEntry:
    """One event: its place in the whole log (`nid`), the fact itself, and what was stored of it, byte for byte."""

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
        """The event as a program reads it: its place and name, then every field that was stored."""
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


def as_of(moment: AsOf | datetime | int | str) -> AsOf:
    """Read a moment: a time with its zone, a version, or `#nid`.

    Refuses: InvalidCommand for anything else, a naive time among it.
    """
    if isinstance(moment, AsOf):
        return moment
    text = str(moment).strip()
    if re.fullmatch("[0-9]{1,18}", text, re.ASCII):
        return AsOf(version=int(text))
    if re.fullmatch("#[0-9]{1,18}", text, re.ASCII):
        return AsOf(nid=int(text[1:]))
    try:
        return AsOf(time=utc(moment))
    except ValueError as wrong:
        raise InvalidCommand(
            f"as of {text!r:.80}: {wrong}; or give a version (7), or a place in the log (#42)"
        ) from None
