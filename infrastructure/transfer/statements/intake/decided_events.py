"""Events that are decided and not written yet: they go batch by batch to a temporary file, then into the ledger."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import SEEK_END
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Final, Self

from domain.errors import OutcomeUnknown, VersionConflict
from domain.events import PositionEvent
from infrastructure.event_store.codec import encode
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import EventRecord, ReadyAppend
from infrastructure.event_store.vocabulary.append_conflicts import AppendConflict, AppendInDoubt
from infrastructure.ledger.doubts import Doubts
from projections.positions import PositionRow
from projections.progress import Progress

EVENTS_MAX: Final = 2_000
"""A batch, which is one transaction, ends after the fact with which it has this many events."""
_AGAIN: Final = "Run it again: it leaves out what is there, or says what stands in the way"


@dataclass
class DecidedBatch:
    """What one transaction writes: events, the rows after them, and these rows as they were before."""

    records: list[EventRecord] = field(default_factory=list)
    rows: dict[str, PositionRow] = field(default_factory=dict)
    """The last row of each position, by its id."""
    before: dict[str, PositionRow] = field(default_factory=dict)
    facts: int = 0


class DecidedEvents:
    """Batches in an anonymous file, or in a file with a `path`; with `is_kept` False they are dropped, for a dry run.

    A batch is stored as the database takes it, so that it needs no more work when it is written.
    """

    def __init__(self, store: Store, *, is_kept: bool, path: Path | None = None) -> None:
        """Begin with nothing, for a store."""
        self._store = store
        self._file: IO[bytes] | None = None
        if is_kept:
            self._file = TemporaryFile() if path is None else path.open("wb")  # noqa: SIM115 - closed with this
        self._batch = DecidedBatch()
        self._heads: dict[str, str] = {}
        """The hash at which each stream ends after all batches in the file; `Store.ready` moves it on."""

    @classmethod
    def found(cls, store: Store, path: Path) -> Self:
        """The batches that another process wrote to a file."""
        self = cls(store, is_kept=False)
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
        """Add events of one stream, whose last hash was `head` before its first event that is added."""
        if self._file is None or not events:
            return
        batch = self._batch
        batch.records += map(encode, events)
        if before is not None and before.position_id not in batch.rows:
            batch.before[before.position_id] = before
        batch.rows |= {row.position_id: row for row in rows}
        self._heads.setdefault(events[0].originator_id, head)

    def counted(self, facts: int) -> None:
        """Count facts that were decided; a full batch is written to the file."""
        self._batch.facts += facts
        if len(self._batch.records) >= EVENTS_MAX:
            self.end()

    def end(self) -> None:
        """Write what was added since the last batch to the file, as a batch."""
        batch, self._batch = self._batch, DecidedBatch()
        if self._file is not None and batch.records:
            ready = self._store.ready(
                batch.records, rows=[*batch.rows.values()], before=batch.before, heads=self._heads
            )
            pickle.dump((ready, batch.facts), self._file, pickle.HIGHEST_PROTOCOL)

    def _batches(self) -> Iterator[tuple[ReadyAppend, int]]:
        assert self._file is not None, "kept"
        end = self._file.seek(0, SEEK_END)
        self._file.seek(0)
        while self._file.tell() < end:
            yield pickle.load(self._file)  # noqa: S301 - written above, and nobody else sees the file

    def write(self, progress: Progress) -> None:
        """Append all batches to the ledger, one transaction each; batches before an error stay.

        Refuses: VersionConflict when another process has written to one of the keys meanwhile; StoreError,
                 OutcomeUnknown.
        """
        for ready, facts in self._batches():
            self._append(ready)
            progress(facts)

    def _append(self, ready: ReadyAppend) -> None:
        try:
            try:
                self._store.append_ready(ready)
            except AppendInDoubt as doubt:
                Doubts(self._store).settle(doubt)
        except AppendConflict as conflict:
            streams = ", ".join(end.stream for end in ready.follows)
            why = " ".join(str(conflict).split())
            raise VersionConflict(
                f"another process wrote to one of {streams} during the import ({why}); what was written before this "
                f"is kept. {_AGAIN}"
            ) from conflict
        except OutcomeUnknown as unknown:
            raise OutcomeUnknown(
                f"the database went away during the import, and whether {ready.first.originator_id} and others were "
                f"written cannot be found out now; what was written before this is kept. {_AGAIN}"
            ) from unknown
