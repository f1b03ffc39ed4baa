"""The store: what a ledger needs of a database. SQLite is one implementation, PostgreSQL another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from domain.values import timestamp_text
from infrastructure.event_store.checkpoints import Checkpoints
from infrastructure.event_store.records import EventRecord, RecordedEvent
from infrastructure.settings import Settings
from projections.positions import PositionRow
from projections.rebuild import PositionTable


class AppendConflict(Exception):
    """What was to be appended does not fit what is there; nothing was written."""


class VersionTaken(AppendConflict):
    """Somebody else appended to the stream first."""


class IntentTaken(AppendConflict):
    """The intent opened a cycle of this stream before."""


class SlotTaken(AppendConflict):
    """The positions table holds an open cycle of this stream: the second guard."""


class AppendInDoubt(Exception):
    """The connection was lost during the append of a record: it may have been written, or not, or be so yet.

    `backend` is what the store needs to find out whether the server is still at it; `seconds_left` is how long that
    may take.
    """

    def __init__(self, record: EventRecord, backend: object, seconds_left: float) -> None:
        """Remember what was to be written, and by whom."""
        super().__init__(f"{record.originator_id} version {record.originator_version}")
        self.stream = record.originator_id
        self.version = record.originator_version
        self.command_id = record.columns.command_id
        self.backend = backend
        self.seconds_left = seconds_left


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A refused duplicate: who asked for what, when, and which position stood in the way."""

    ts_recorded: datetime
    stream: str
    command: str
    command_id: str
    intent_id: str | None
    source: str
    error: str
    detected_by: str
    position_id: str | None
    holder_intent_id: str | None
    message: str


@dataclass(frozen=True)
class AsOf:
    """A point in the past: by what was recorded until a time, up to a version of each stream, or up to a log id."""

    time: datetime | None = None
    version: int | None = None
    nid: int | None = None


class StreamSpan(NamedTuple):
    """Streams that follow each other: from one on, up to before another."""

    first: str = ""
    end: str | None = None

    def conditions(self) -> dict[str, str | None]:
        """What is asked of a stream in it."""
        return {"stream >=": self.first, "stream <": self.end}


ALL_STREAMS: Final = StreamSpan()


def until(as_of: AsOf | None, placeholder: str) -> tuple[list[str], list[Any]]:
    """The conditions of a moment, and their values."""
    if as_of is None:
        return [], []
    asked = {"ts_recorded": as_of.time, "version": as_of.version, "nid": as_of.nid}
    known = {column: value for column, value in asked.items() if value is not None}
    values = [timestamp_text(value) if isinstance(value, datetime) else value for value in known.values()]
    return [f"{column} <= {placeholder}" for column in known], values


def where(conditions: Sequence[str]) -> str:
    """What follows a statement so that all conditions are met; nothing when there are none."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def compared(asked: Mapping[str, Any], placeholder: str) -> tuple[list[str], list[Any]]:
    """The conditions of comparisons like `version >`, and their values; what is None is not asked."""
    known = {comparison: value for comparison, value in asked.items() if value is not None}
    return [f"{comparison} {placeholder}" for comparison in known], list(known.values())


class Store(ABC):
    """Append-only events, the positions table and the rejections log, in one database."""

    settings: Settings
    placeholder: ClassVar[str]
    """How the database's driver writes a parameter."""
    is_outdated: bool
    """Whether the table of positions was given columns just now that only a rebuild fills."""
    is_remote: bool
    """Whether asking costs a round trip over a network, so that it may pay to assume."""

    @abstractmethod
    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        heads: dict[str, str] | None = None,
    ) -> None:
        """Append events and write the rows they lead to, in one transaction.

        `heads` are the hashes that the streams end with, and are those of the new ends afterwards; what is not given
        is looked up.
        Refuses: VersionTaken, IntentTaken, SlotTaken (nothing was written); StoreUnavailable.
        """

    @abstractmethod
    def restore(
        self,
        events: Sequence[RecordedEvent],
        *,
        after: int,
        rows: Sequence[PositionRow],
        rejections: Sequence[Rejection],
    ) -> None:
        """Write events as they were recorded elsewhere, the rows they lead to, and refusals, in one transaction.

        Refuses: VersionTaken unless the log ends at `after`; IntentTaken, SlotTaken; StoreUnavailable.
        """

    def settle(self, doubt: AppendInDoubt) -> bool | None:
        """Whether an append in doubt was made; None while that may still change."""
        raise AssertionError(f"{type(self).__name__} leaves no append in doubt: {doubt}")

    @abstractmethod
    def snapshot(self, moment: str | None = None) -> AbstractContextManager[object]:
        """Let everything that this thread reads be of one moment, or of the moment of a snapshot elsewhere."""

    def spans(self, count: int) -> list[StreamSpan]:
        """All streams, in about so many spans with as many events each; one where no moment can be shared."""
        del count
        return [ALL_STREAMS]

    def moment(self) -> str:
        """What another process calls the snapshot that this thread is in, for as long as that lasts."""
        raise AssertionError(f"{type(self).__name__} has one span for all streams, and so one reader")

    @abstractmethod
    def load(self, stream: str) -> list[RecordedEvent]:
        """The events of a stream since it was last flat: enough to decide the next command."""

    @abstractmethod
    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        """The events of one cycle, late ones included."""

    @abstractmethod
    def cycle_of_intent(self, stream: str, intent_id: str) -> int | None:
        """The cycle that an intent opened."""

    @abstractmethod
    def select(
        self, conditions: Sequence[str], values: Sequence[Any], order: str, limit: int | None = None
    ) -> Iterator[RecordedEvent]:
        """Events that meet all conditions, which are written with our placeholder, in an order of columns."""

    def history(self, stream: str, cycle: int | None = None, as_of: AsOf | None = None) -> Iterator[RecordedEvent]:
        """A stream, or one cycle of it, oldest first."""
        conditions, values = until(as_of, self.placeholder)
        for column, value in (("stream", stream), ("cycle", cycle)):
            if value is not None:
                conditions.append(f"{column} = {self.placeholder}")
                values.append(value)
        yield from self.select(conditions, values, "version")

    @abstractmethod
    def log(self, *, after: int = 0, as_of: AsOf | None = None, limit: int | None = None) -> Iterator[RecordedEvent]:
        """All events in the order in which they were recorded; without a moment, only what is settled."""

    @abstractmethod
    def high_water_mark(self) -> int:
        """The place in the log below which nothing can appear any more, whatever writers are doing."""

    def streams(self, span: StreamSpan = ALL_STREAMS) -> Iterator[RecordedEvent]:
        """All events, stream by stream, each oldest first."""
        return self.select(*compared(span.conditions(), self.placeholder), "stream, version")

    @abstractmethod
    def rows(self, *, open_only: bool = False, position_id: str | None = None) -> Iterator[PositionRow]:
        """Rows of the positions table, oldest position first."""

    @abstractmethod
    def rows_by_stream(self, span: StreamSpan = ALL_STREAMS) -> Iterator[PositionRow]:
        """Rows of the positions table in the order of `streams`."""

    @abstractmethod
    def log_rejection(self, rejection: Rejection) -> None:
        """Keep a refused duplicate, for good."""

    def rejections(self, stream: str | None = None, *, since: datetime | None = None) -> Iterator[Rejection]:
        """All refused duplicates, or those of one stream, or from some time on, oldest first."""
        asked = {"stream =": stream, "ts_recorded >=": since and timestamp_text(since)}
        conditions, values = compared(asked, self.placeholder)
        yield from self.select_rejections(conditions, values)

    @abstractmethod
    def select_rejections(self, conditions: Sequence[str], values: Sequence[Any]) -> Iterator[Rejection]:
        """Refused duplicates that meet all conditions, which are written with our placeholder, oldest first."""

    @abstractmethod
    def tracking(self, projection: str) -> Checkpoints:
        """The cursors and rows of a projection that follows the log."""

    @abstractmethod
    def rebuilding(self) -> AbstractContextManager[PositionTable]:
        """A new positions table beside the one that is read."""

    @abstractmethod
    def count_events(self) -> int:
        """How many events there are."""

    @abstractmethod
    def close(self) -> None:
        """Let go of every connection."""
