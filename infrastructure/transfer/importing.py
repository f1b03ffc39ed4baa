"""Importing an export into an empty ledger, checked line by line; an import that was stopped can be continued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.json_object import JsonObject
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import IndexColumns, RecordedEvent
from infrastructure.transfer.batch import LINES_MAX, Batch
from infrastructure.transfer.event_chain import EventChain
from infrastructure.transfer.export_lines import EndLine, EventLine, RejectionLine
from infrastructure.transfer.jsonl_reader import ExportFile, NumberedLine
from infrastructure.transfer.present_records import PresentRecords, bare, present_events
from infrastructure.transfer.transfer_errors import ImportRefused
from projections.progress import Progress, no_progress

_NO_COLUMNS_YET: Final = IndexColumns("", None, 0, None, "")


@dataclass(frozen=True, kw_only=True)
class Imported(JsonObject):
    """How much was written now, and before by an import that was stopped; `digest` is that of an anchor."""

    events: int
    events_before: int
    rejections: int
    rejections_before: int
    nid: int
    digest: str


def import_ledger(
    store: Store, file: ExportFile, progress: Progress = no_progress, *, lines_max: int = LINES_MAX
) -> Imported:
    """Import an export of a ledger into a store that is empty, or that holds a part of the same file already.

    Shape:   batches of lines, each one transaction with the rows of its cycles; the last batch is written after the
             last line was checked. `progress` counts places in the log.
    Refuses: ImportRefused, mostly naming a line. If the file is not whole, nothing is written; if anything else is
             wrong with a line, the batches before it stay written. StoreError.
    """
    return _Import(store, file, progress, lines_max).run()


class _Import:
    """One file into one store."""

    def __init__(self, store: Store, file: ExportFile, progress: Progress, lines_max: int) -> None:
        self._file, self._progress = file, progress
        self._chain, self._batch = EventChain(file.nid), Batch(store, lines_max)
        self._events = PresentRecords(present_events(store), "event")
        self._rejections = PresentRecords(iter(store.rejections()), "rejection")
        self._rejections_read = 0

    def run(self) -> Imported:
        try:
            for line in self._file.lines():
                match line.says:
                    case EventLine():
                        self._take_event(line, line.says)
                    case RejectionLine():
                        self._take_rejection(line, line.says)
                    case EndLine():
                        self._end(line, line.says)
            self._file.be_whole()
            self._batch.write()
        except ImportRefused as refusal:
            if "line" in refusal.details:
                raise self._with_progress(refusal) from None
            raise
        return Imported(
            events=self._batch.events,
            events_before=self._events.count,
            rejections=self._batch.rejections,
            rejections_before=self._rejections.count,
            nid=self._chain.nid,
            digest=self._chain.digest,
        )

    def _take_event(self, line: NumberedLine, says: EventLine) -> None:
        if self._rejections_read:
            raise ImportRefused.at(line.number, "an event comes after the rejections")
        before = self._chain.nid
        self._chain.follow(line.number, says)
        line.vouch()
        event = RecordedEvent(
            says.nid, says.stream, says.version, says.type, says.payload.encode(), says.hash, *_NO_COLUMNS_YET
        )
        if self._events.has(line.number, bare(event)):
            self._batch.after = says.nid
        elif self._file.is_whole:
            self._rejections.end()
            self._batch.add_event(line.number, event)
        self._progress(says.nid - before)

    def _take_rejection(self, line: NumberedLine, says: RejectionLine) -> None:
        self._events.end()
        line.vouch()
        self._rejections_read += 1
        rejection = says.rejection()
        if not self._rejections.has(line.number, rejection) and self._file.is_whole:
            self._batch.add_rejection(line.number, rejection)

    def _end(self, line: NumberedLine, says: EndLine) -> None:
        found = (self._chain.events, self._rejections_read, self._chain.digest)
        expected = (says.events, says.rejections, says.digest)
        if found != expected:
            raise ImportRefused.at(
                line.number, f"there were (events, rejections, digest) {found}, but the last line says {expected}"
            )
        line.vouch()
        self._events.end()
        self._rejections.end()

    def _with_progress(self, refusal: ImportRefused) -> ImportRefused:
        events, rejections = self._events.count + self._batch.events, self._rejections.count + self._batch.rejections
        return ImportRefused(
            f"{refusal.message}. Of this file the ledger holds the first {events:,} events and {rejections:,} "
            "rejections; mend the file and import it again",
            **refusal.details,
        )
