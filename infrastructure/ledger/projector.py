"""The projector: applies every event once, also beside other projectors; a poison event is skipped only on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar

from domain.alteration import TypedStruct
from domain.errors import HistoryDamaged, LedgerError, StoreError, StoreUnavailable
from infrastructure.event_store.checkpoints import OVERTAKEN, Checkpoint, ProjectedRow
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.struct_json.projection_text import ProjectionText
from projections.progress import Progress, no_progress
from projections.projection import PoisonEvent, Projection, ProjectionStatus, SkippedEvent
from projections.rebuild import Rebuilt

BATCH_EVENTS: Final = 10_000
"""Events in a transaction: many, so that a long catch-up seldom writes a row more than once while its cycle goes on."""

Row = TypeVar("Row", bound=TypedStruct)


class ProjectionStopped(StoreError):
    """A projection cannot apply its next event; its rows hold everything before that event."""

    def __init__(self, projection: str, poison: PoisonEvent) -> None:
        super().__init__(
            f"projection {projection} stands before nid {poison.nid} and cannot go on: {poison.stream} version "
            f"{poison.version}, stored as {poison.stored_type!r:.80}: {poison.cause}. Use the version of this software "
            "that can read it; or leave it out of the projection for good with "
            f"`position-ledger projections --skip {poison.nid} --reason TEXT --confirm`",
            projection=projection,
            nid=poison.nid,
        )
        self.poison = poison


class SkipRefused(LedgerError):
    """Only the event at which a projection has stopped can be skipped."""


class Projector(Generic[Row]):
    """One projection of one ledger, which follows the log in batches."""

    def __init__(self, store: Store, projection: Projection[Row], *, batch_events: int = BATCH_EVENTS) -> None:
        self._store, self._projection, self._batch_events = store, projection, batch_events
        self._tracking, self._text = store.tracking(projection.name), ProjectionText(projection.rows)

    def catch_up(self, progress: Progress = no_progress) -> int:
        """Apply everything up to the high-water mark; returns how many events this projector applied.

        Several projectors may run at the same time: when another one applied a batch first, this one reads on from
        there, and no event is applied twice.
        Refuses: ProjectionStopped at an event that cannot be applied; StoreUnavailable, also in a snapshot.
        """
        end, count = self._store.high_water_mark(), 0
        while records := self._records(cursor := self._tracking.cursor(), end, self._batch_events):
            batch = self._fold_batch(cursor, records)
            if self._tracking.advance(cursor, batch.nid, batch.rows):
                progress(batch.events)
                count += batch.events
                if batch.poison is not None:
                    raise ProjectionStopped(self._projection.name, batch.poison)
            elif self._tracking.cursor() == cursor:
                raise StoreUnavailable(
                    f"projection {self._projection.name} is at nid {cursor.nid} as long as the snapshot lasts in which "
                    "it is read; let it catch up outside of a snapshot"
                )
        return count

    def lasting(self, since: datetime) -> list[Row]:
        """All rows whose cycles were open at `since` or later, read at one moment."""
        return list(self.each_lasting(since))

    def each_lasting(self, since: datetime) -> Iterator[Row]:
        """The same as an iterator, which uses less memory: a row is parsed only when it is reached."""
        with self._store.snapshot():
            generation = self._tracking.cursor().generation
            texts = list(self._tracking.lasting(generation, since))
        return map(self._read, texts)

    def status(self) -> ProjectionStatus:
        """How far it has come, and the event at which it stopped, if it did."""
        with self._store.snapshot():
            cursor = self._tracking.cursor()
            behind = self._tracking.behind(cursor)
            skips = tuple(self._tracking.skips())
        return ProjectionStatus(self._projection.name, *cursor, behind, self._poison(cursor), skips)

    def _poison(self, cursor: Checkpoint) -> PoisonEvent | None:
        following = self._records(cursor, self._store.high_water_mark(), 1)
        return self._fold_batch(cursor, following).poison if following else None

    def skip(self, nid: int, *, reason: str, skipped_by: str, now: datetime, confirm: bool) -> SkippedEvent:
        """Leave the event at which the projection has stopped out of it for good; only with `confirm`.

        Refuses: SkipRefused for any other event, or for one that can be applied.
        """
        name, cursor = self._projection.name, self._tracking.cursor()
        poison = self._poison(cursor)
        if poison is None or poison.nid != nid:
            stands = (
                f"before nid {poison.nid}" if poison else f"at nid {cursor.nid}, and nothing keeps it from going on"
            )
            raise SkipRefused(f"nid {nid} is not skipped: projection {name} stands {stands}")
        skip = SkippedEvent(projection=name, reason=reason, skipped_by=skipped_by, ts_recorded=now, **asdict(poison))
        if confirm and not self._tracking.advance(cursor, nid, (), skip):
            raise SkipRefused(f"projection {name} was moved by somebody else meanwhile; look again")
        return skip

    # -- rebuilding ---------------------------------------------------------------------------------------------

    def rebuild(self, progress: Progress = no_progress) -> Rebuilt:
        """Fold a new generation of rows, compare it with the one that is read, switch over, and catch up.

        An event that was skipped is applied if it can be read by now. A rebuild that is killed has changed no row that
        readers see, and can be run again.
        Refuses: ProjectionStopped; StoreUnavailable when another rebuild overtook this one.
        """
        cursor, events = self._tracking.begin(), 0
        self._tracking.clear()
        read = self._tracking.cursor()
        for batch in self._fill(cursor, read):
            progress(batch.events)
            cursor, events = cursor._replace(nid=batch.nid), events + batch.events
        # To compare all rows takes longer than a follower rests, so it is done once; then only what changed since.
        wrong, changed = self._tracking.differing(read.generation, cursor.generation), set[str]()
        wrong_of_changed: int | None = None
        while wrong_of_changed is None:
            read = self._tracking.cursor()
            for batch in self._fill(cursor, read):
                progress(batch.events)
                cursor, events = cursor._replace(nid=batch.nid), events + batch.events
                changed |= {row.position_id for row in batch.rows}
            wrong_of_changed = self._tracking.replace(read, cursor, changed)
        self._tracking.clear()
        events += self.catch_up(progress)
        return Rebuilt(events, self._tracking.count(), len(wrong - changed) + wrong_of_changed)

    def _fill(self, cursor: Checkpoint, read: Checkpoint) -> Iterator[_Batch]:
        """Bring a generation that nobody reads as far as the one that is read has come; each batch was written."""
        end = min(read.nid, self._store.high_water_mark())
        while records := self._records(cursor, end, self._batch_events):
            batch = self._fold_batch(cursor, records)
            if batch.poison is not None:
                raise ProjectionStopped(self._projection.name, batch.poison)
            if not self._tracking.advance(cursor, batch.nid, batch.rows):
                raise StoreUnavailable(OVERTAKEN)
            cursor = cursor._replace(nid=batch.nid)
            yield batch

    # -- a batch ------------------------------------------------------------------------------------------------

    def _records(self, cursor: Checkpoint, end: int, limit: int) -> list[RecordedEvent]:
        return list(self._store.log(after=cursor.nid, as_of=AsOf(nid=end), limit=limit))

    def _fold_batch(self, cursor: Checkpoint, records: Sequence[RecordedEvent]) -> _Batch:
        """Apply events in order, up to the first that fails; one that fails and was skipped for good is passed over."""
        places = {f"{record.originator_id}#{record.cycle}" for record in records}
        known = self._tracking.rows(cursor.generation, places)
        rows = {position_id: self._read(text) for position_id, text in known.items()}
        changed: set[str] = set()
        nid, count, poison = cursor.nid, 0, None
        for record in records:
            try:
                event = decode(record)
                if event.has_cycle:
                    rows[event.position_id] = self._projection.fold(rows.get(event.position_id), event)
            except Exception as cause:  # noqa: BLE001 - a fold is pure: whatever it raises, it will raise again
                if record.id not in {skip.nid for skip in self._tracking.skips()}:
                    poison = _poison_of(record, cause)
                    break
            else:
                changed.add(event.position_id)
                count += 1
            nid = record.id
        written = [self._projected_row(position_id, rows[position_id]) for position_id in sorted(changed & rows.keys())]
        return _Batch(nid, count, written, poison)

    def _read(self, text: str) -> Row:
        try:
            return self._text.read(text)
        except ValueError as wrong:
            raise HistoryDamaged(
                f"a row of projection {self._projection.name} cannot be read: {text!r:.80}: it was changed after it "
                "was written; `position-ledger rebuild` folds it anew"
            ) from wrong

    def _projected_row(self, position_id: str, row: Row) -> ProjectedRow:
        return ProjectedRow(position_id, self._projection.ended_at(row), self._text.write(row))


class _Batch(NamedTuple):
    """The result of a part of the log: its last nid, how many events were applied, their rows, and what stopped it."""

    nid: int
    events: int
    rows: list[ProjectedRow]
    poison: PoisonEvent | None


def _poison_of(record: RecordedEvent, cause: Exception) -> PoisonEvent:
    why = str(cause) or type(cause).__name__
    return PoisonEvent(record.id, record.originator_id, record.originator_version, record.topic, why)
