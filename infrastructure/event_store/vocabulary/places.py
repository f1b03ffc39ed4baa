"""Places in the log: moments of the past, spans of streams, and cycles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from domain.values import timestamp_text
from infrastructure.event_store.records import RecordedEvent


@dataclass(frozen=True)
class AsOf:
    """A past moment: what was recorded up to a time, up to a version of each stream, or up to a nid; all that are set.

    Empty is now.
    """

    time: datetime | None = None
    version: int | None = None
    nid: int | None = None

    def __contains__(self, event: object) -> bool:
        """Whether an event had been recorded by then."""
        assert isinstance(event, RecordedEvent), "an event as it is stored"
        return (
            (self.version is None or event.originator_version <= self.version)
            and (self.nid is None or event.id <= self.nid)
            and (self.time is None or event.ts_recorded <= timestamp_text(self.time))
        )


class StreamSpan(NamedTuple):
    """A range of streams in the order of their names: from `first` to before `end`."""

    first: str = ""
    end: str | None = None

    def conditions(self) -> dict[str, str | None]:
        """The SQL conditions on the stream column, with their values."""
        return {"stream >=": self.first, "stream <": self.end}


ALL_STREAMS: Final = StreamSpan()


class CyclePlace(NamedTuple):
    """A cycle, and the version of its stream after which a query looks for events."""

    stream: str
    cycle: int
    after: int = 0


class StreamReach(NamedTuple):
    """The last version and the last cycle that a stream had at a moment."""

    stream: str
    version: int
    cycle: int
