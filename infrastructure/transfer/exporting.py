"""Exporting a ledger: a snapshot up to the high-water mark, written in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar, cast

from domain.rejection import Rejection
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.places import AsOf
from projections.positions import PositionRow
from projections.progress import Progress, no_progress

_PROGRESS_EVERY: Final = 1_000
Item = TypeVar("Item")


class ExportScope(StrEnum):
    """What is exported."""

    LEDGER = "ledger"
    """Every event, and after them every refused duplicate: all that a rebuild cannot restore."""
    EVENTS = "events"
    POSITIONS = "positions"
    REJECTIONS = "rejections"


class Sink(Protocol):
    """The writer of a format."""

    def begin(self, what: str, nid: int) -> None:
        """Write what is exported, and up to which place in the log."""

    def event(self, event: RecordedEvent) -> None:
        """Write an event."""

    def position(self, row: PositionRow) -> None:
        """Write a row."""

    def rejection(self, rejection: Rejection) -> None:
        """Write a refused duplicate."""

    def end(self, done: Exported) -> None:
        """Finish a file in which so much was written."""


@dataclass
class Exported:
    """How much was written; everything up to `nid` is in it."""

    nid: int
    events: int = 0
    positions: int = 0
    rejections: int = 0


def export(
    store: Store,
    what: ExportScope,
    sink: Sink,
    *,
    takes: Callable[[str], bool] = lambda _: True,
    progress: Progress = no_progress,
) -> Exported:
    """Write a snapshot of a store into a sink: all streams, or only those for which `takes` is true.

    Refuses: StoreError.
    """
    done = Exported(store.high_water_mark())
    with store.snapshot():
        sink.begin(what.value, done.nid)
        if what in (ExportScope.LEDGER, ExportScope.EVENTS):
            events = store.log(as_of=AsOf(nid=done.nid))
            done.events = _pour(events, sink.event, lambda event: takes(event.originator_id), progress)
        if what is ExportScope.POSITIONS:
            done.positions = _pour(store.rows(), sink.position, lambda row: takes(row.stream), progress)
        if what in (ExportScope.LEDGER, ExportScope.REJECTIONS):
            rejections = iter(store.rejections())
            done.rejections = _pour(rejections, sink.rejection, lambda rejection: takes(rejection.stream), progress)
        sink.end(done)
    return done


def _pour(
    found: Iterator[Item], write: Callable[[Item], None], takes: Callable[[Item], bool], progress: Progress
) -> int:
    """Write and count the records of a query, which is closed also if writing fails."""
    written = 0
    with closing(cast("Generator[Item, None, None]", found)):
        for number, item in enumerate(found, start=1):
            if takes(item):
                write(item)
                written += 1
            if number % _PROGRESS_EVERY == 0:
                progress(_PROGRESS_EVERY)
    return written
