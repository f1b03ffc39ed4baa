"""What was decided and is not written yet: batch by batch in a temporary file, then into the ledger."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from os import SEEK_END
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Final, Self

from domain.errors import VersionConflict
from domain.events import PositionEvent
from infrastructure.event_store.codec import encode
from infrastructure.event_store.hash_chain import chain
from infrastructure.event_store.port import AppendConflict, AppendInDoubt, Store
from infrastructure.event_store.records import EventRecord, IndexColumns
from infrastructure.ledger.doubts import Doubts
from projections.positions import PositionRow
from projections.rebuild import Progress

EVENTS_MAX: Final = 2_000
"""How many events are one transaction, but for the last fact of it."""


@dataclass
class DecidedBatch:
    """What one transaction writes: events, the rows that they lead to, and how those stood before."""

    records: list[EventRecord] = field(default_factory=list)
    rows: list[PositionRow] = field(default_factory=list)
    before: dict[str, PositionRow] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    """The hashes that streams end with which are met here first."""
    facts: int = 0


class DecidedEvents:
    """Batches in a file that nobody else sees, or in one with a name; `is_kept` False forgets them, for a rehearsal."""

    def __init__(self, *, is_kept: bool, path: Path | None = None) -> None:
        """Begin with nothing."""
        self._file: IO[bytes] | None = None
        if is_kept:
            self._file = TemporaryFile() if path is None else path.open("wb")  # noqa: SIM115 - closed with this
        self._batch = DecidedBatch()

    @classmethod
    def found(cls, path: Path) -> Self:
        """What another process left in a file with a name."""
        self = cls(is_kept=False)
        self._file = path.open("rb")
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(
        self, events: Sequence[PositionEvent], rows: Sequence[PositionRow], before: PositionRow | None, head: str
    ) -> None:
        """Add events of one stream, which ended with `head` before all that is added of it."""
        if self._file is None or not events:
            return
        self._batch.records += map(encode, events)
        self._batch.rows += rows
        if before is not None:
            self._batch.before.setdefault(before.position_id, before)
        self._batch.heads.setdefault(events[0].originator_id, head)

    def counted(self, facts: int) -> None:
        """Count facts that were decided; a batch that is full goes to the file."""
        self._batch.facts += facts
        if len(self._batch.records) >= EVENTS_MAX:
            self.end()

    def end(self) -> None:
        """Let what was added be a batch."""
        if self._file is not None and self._batch.records:
            # plain tuples are written at a tenth of the price of named ones
            plain = [(*record[:4], tuple(record.columns)) for record in self._batch.records]
            kept = (plain, self._batch.rows, self._batch.before, self._batch.heads, self._batch.facts)
            pickle.dump(kept, self._file, pickle.HIGHEST_PROTOCOL)
        self._batch = DecidedBatch()

    def _batches(self) -> Iterator[DecidedBatch]:
        assert self._file is not None, "kept"
        end = self._file.seek(0, SEEK_END)
        self._file.seek(0)
        while self._file.tell() < end:
            plain, *others = pickle.load(self._file)  # noqa: S301 - written above, and nobody else sees the file
            records = [
                EventRecord(stream, version, topic, state, IndexColumns(*columns))
                for stream, version, topic, state, columns in plain
            ]
            yield DecidedBatch(records, *others)

    def write(self, store: Store, progress: Progress) -> None:
        """Append all of it, a transaction a batch; what was written before an error stays.

        Refuses: VersionConflict when somebody else has written to one of the keys meanwhile; StoreError,
                 OutcomeUnknown.
        """
        heads: dict[str, str] = {}
        for batch in self._batches():
            ends = {stream: heads.get(stream, head) for stream, head in batch.heads.items()}
            _append(store, batch, ends)
            heads |= ends
            progress(batch.facts)


def _append(store: Store, batch: DecidedBatch, ends: dict[str, str]) -> None:
    before: Mapping[str, str] = {**ends}
    try:
        store.insert_events(batch.records, rows=batch.rows, before=batch.before, heads=ends)
    except AppendInDoubt as doubt:
        Doubts(store).settle(doubt)
        for stream, records in groupby(batch.records, lambda record: record.originator_id):
            ends[stream] = chain(before[stream], records)[-1]
    except AppendConflict as conflict:
        why = " ".join(str(conflict).split())
        raise VersionConflict(
            f"somebody else wrote to one of {', '.join(before)} while it was imported ({why}); what was written before "
            "this is kept. Run it again: it leaves out what is there, or says what stands in the way"
        ) from conflict
