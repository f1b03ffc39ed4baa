"""Auditing the rows of a projection: they are compared with a fresh fold of the events up to its cursor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from domain.aggregate.row_fold import UNFOLDABLE
from domain.alteration import TypedStruct
from domain.events import PositionEvent
from infrastructure.event_store.checkpoints import StoredRow
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.places import StreamSpan
from infrastructure.integrity.grouped_rows import GroupedRows
from infrastructure.struct_json.projection_text import ProjectionText
from projections.health.findings import IntegrityFinding
from projections.positions import PositionRow, project
from projections.projection import Projection

Row = TypeVar("Row", bound=TypedStruct)


class ProjectionAudit(Generic[Row]):
    """Audits one projection stream by stream, up to its cursor.

    An event that an operator left out may be in the rows nevertheless, because a rebuild takes in every event that it
    can read. So the rows are right with it and without it, and rows with such an event are folded in both ways.
    """

    def __init__(self, store: Store, projection: Projection[Row], span: StreamSpan) -> None:
        """Read the cursor and the rows of the first stream. Refuses: HistoryDamaged for an unreadable cursor."""
        tracking = store.tracking(projection.name)
        self._projection, self._cursor, self._text = projection, tracking.cursor(), ProjectionText(projection.rows)
        self._skipped = {skip.nid for skip in tracking.skips()}
        self._stored = GroupedRows(tracking.by_stream(self._cursor.generation, *span))
        self._rows: dict[str, Row] = {}
        self._left_out: dict[str, Row | None] = {}
        """By position, the rows without the events that were left out, if it has such events."""

    def take(self, record: RecordedEvent, event: PositionEvent, before: PositionRow | None, after: PositionRow) -> None:
        """Fold the next event of the current stream. Errors of the fold pass through.

        Its cycle had the row `before` in the positions table, and has the row `after`: where the projection asks for
        that fold, it is not repeated.
        """
        is_taken_in = 0 < record.id <= self._cursor.nid  # a follower never sees an event at place 0 or below
        if not is_taken_in or not event.has_cycle:
            return

        def projected(row: PositionRow | None, event: PositionEvent) -> PositionRow:
            return after if row is before else project(row, event)

        position_id, fold, is_skipped = event.position_id, self._projection.fold, record.id in self._skipped
        if is_skipped:
            self._left_out.setdefault(position_id, self._rows.get(position_id))
        elif position_id in self._left_out:
            self._left_out[position_id] = fold(self._left_out[position_id], event, projected)
        try:
            self._rows[position_id] = fold(self._rows.get(position_id), event, projected)
        except Exception:
            if not is_skipped:
                raise

    def compared(self, stream: str) -> Iterator[IntegrityFinding]:
        """The findings about the rows up to this stream; call it when all events of the stream were folded."""
        for orphans in self._stored.before(stream):
            yield from map(self._orphan, orphans)
        for stored in self._stored.of(stream):
            yield from self._differing(stored)
        for position_id in self._rows:
            if position_id not in self._left_out or self._left_out[position_id] is not None:
                yield self._found(stream, position_id, f"is missing, up to nid {self._cursor.nid}")
        self._rows, self._left_out = {}, {}

    def rest(self) -> Iterator[IntegrityFinding]:
        """The findings about rows after the last stream that has events."""
        for orphans in self._stored.rest():
            yield from map(self._orphan, orphans)

    def _differing(self, stored: StoredRow) -> Iterator[IntegrityFinding]:
        row = self._rows.pop(stored.position_id, None)
        left_out = self._left_out.pop(stored.position_id, None)
        if row is None and left_out is None:
            yield self._orphan(stored)
        elif not any(self._matches(stored, each) for each in (row, left_out) if each is not None):
            yield self._found(
                stored.stream,
                stored.position_id,
                f"is not what its events up to nid {self._cursor.nid} come to when they are folded",
            )

    def _matches(self, stored: StoredRow, row: Row) -> bool:
        if stored.ended_at != self._projection.ended_at(row):
            return False
        try:
            return stored.text == self._text.write(row) or self._reads_as(stored, row)
        except UNFOLDABLE:  # of events that no command records may come what is no row
            return False

    def _reads_as(self, stored: StoredRow, row: Row) -> bool:
        """Whether the stored text is another spelling of the same row, as an earlier version wrote it."""
        try:
            return bool(self._text.read(stored.text) == row)
        except ValueError:
            return False

    def _orphan(self, stored: StoredRow) -> IntegrityFinding:
        return self._found(stored.stream, stored.position_id, f"stands for no event up to nid {self._cursor.nid}")

    def _found(self, stream: str, position_id: str, message: str) -> IntegrityFinding:
        return IntegrityFinding("projection", position_id, f"its row of {self._projection.name} {message}", stream)
