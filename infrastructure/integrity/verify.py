"""Verifying a ledger: fold every stream again, and report each version, hash, event, column and row that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from itertools import groupby, islice, tee
from typing import Any, ClassVar, Final

from domain.aggregate.row_fold import UNFOLDABLE
from domain.errors import HistoryDamaged, PositionAlreadyOpen
from domain.events import PositionEvent
from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.rejection import Rejection
from domain.values import EPOCH, timestamp_text
from infrastructure.event_store.codec import columns, decode
from infrastructure.event_store.hash_chain import expected
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.sql.unread_row import UnreadableRow, UnreadRow
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, StreamSpan
from infrastructure.event_store.vocabulary.storage import Storage
from infrastructure.event_store.vocabulary.stored_rejection import REJECTION_COLUMNS, rejection_from
from infrastructure.integrity.grouped_rows import GroupedRows
from infrastructure.integrity.projection_audit import ProjectionAudit
from infrastructure.walks.span_crew import at_one_moment
from projections.formatting import counted
from projections.health.findings import IntegrityFinding
from projections.positions import COLUMNS, PositionRow, project
from projections.progress import Progress, no_progress
from projections.projection import PROJECTIONS

_BATCH_EVENTS: Final = 500
"""How many events of a stream are hashed, then decoded, then folded: a processor is faster when it repeats one step."""

_PLACES_UNCHECKED: Final = (
    "places beyond those that the database handed out: this role may not ask which those are; the owner of the ledger "
    "lets it with `init --runtime-role NAME`"
)


@dataclass(frozen=True)
class Verified(JsonObject):
    """How many events, streams and rows were checked, and what was found to be wrong with them.

    `unchecked` says in words what could not be checked.
    """

    events: int
    streams: int
    rows: int
    findings: tuple[IntegrityFinding, ...]
    unchecked: tuple[str, ...] = ()

    json_keys: ClassVar = ("ok", "events", "streams", "rows", "findings", "unchecked")

    @property
    def says(self) -> str:
        """What was checked, and how much of it is wrong, in one line."""
        looked = f"{counted(self.events, 'event')} in {counted(self.streams, 'stream')}, {counted(self.rows, 'row')}"
        return f"{looked}: {'all of it holds' if self.ok else counted(len(self.findings), 'finding')}"

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __add__(self, other: Verified) -> Verified:
        """The sums of both, and the findings of both in this order."""
        return Verified(
            self.events + other.events,
            self.streams + other.streams,
            self.rows + other.rows,
            self.findings + other.findings,
            self.unchecked + other.unchecked,
        )


def verify(store: Store, progress: Progress = no_progress, *, processes: int = 1) -> Verified:
    """Compare everything that is stored with the events, as of one moment.

    Shape:   one pass over events and rows, side by side, in memory that does not grow with their number. Several
             processes share the streams; all of them read as of the same moment.
    Refuses: StoreUnavailable, also when one of the processes was killed.
    """
    with at_one_moment(store, processes) as crew:
        if crew is None:
            verified = _Verification(store, progress).run(ALL_STREAMS)
        else:
            verified = Verified(0, 0, 0, ())
            for part in crew.each(_verifying, "verified"):
                verified += part
                progress(part.events)
        handed_out, storage = store.places_handed_out(), store.storage()
        named = {found.where for found in verified.findings}
        return replace(
            verified,
            findings=(
                *verified.findings,
                *_order_lines(store, named),
                *_places(store, handed_out),
                *_cursors(store),
                *_skips(store),
                *_refusals(store, named),
                *_guards(store),
                *_storage(store, storage),
            ),
            unchecked=(*storage.unchecked, *store.unverifiable(), *[_PLACES_UNCHECKED] * (handed_out is None)),
        )


def _places(store: Store, handed_out: int | None) -> Iterator[IntegrityFinding]:
    if handed_out is None:
        return
    for record in store.select({"nid >": handed_out}, "nid"):
        yield IntegrityFinding(
            "nid",
            f"{record.originator_id} version {record.originator_version}",
            f"has place {record.id}, but the database handed out none after {handed_out}: followers of the log will "
            "take the next events for ones that they have seen",
            record.originator_id,
        )


def _order_lines(store: Store, named: Container[str]) -> Iterator[IntegrityFinding]:
    """Orders without a row, or at another place than their own, of positions that have no finding yet."""
    missed = {
        position_id: f"has {counted(count, 'order')} beside the positions table and no row in it: no event says so"
        for position_id, count in store.lines_without_row()
    }
    moved = "has an order at another place than it was written to: the next change of it would add an order"
    for position_id, message in {**dict.fromkeys(store.lines_out_of_place(), moved), **missed}.items():
        if position_id not in named:
            yield IntegrityFinding("row", position_id, message, position_id.rpartition("#")[0])


def _cursors(store: Store) -> Iterator[IntegrityFinding]:
    end = store.last_event()
    last = 0 if end is None else end.id
    for projection in PROJECTIONS:
        try:
            nid = store.tracking(projection.name).cursor().nid
        except HistoryDamaged as cause:
            yield IntegrityFinding("projection", projection.name, cause.message)
            continue
        if nid > last:
            message = (
                f"says that it has come to nid {nid}, but the log ends at {last}: it will leave out the next events"
            )
            yield IntegrityFinding("projection", projection.name, message)


def _skips(store: Store) -> Iterator[IntegrityFinding]:
    """Events that were left out of a projection, but are not those that the log has there."""
    for projection in PROJECTIONS:
        try:
            skips = store.tracking(projection.name).skips()
        except HistoryDamaged as cause:
            message = f"{cause.message}; so none of its rows was looked at"
            yield IntegrityFinding("projection", projection.name, message)
            continue
        for skip in skips:
            said = (skip.stream, skip.version, skip.stored_type)
            found = next(store.select({"nid =": skip.nid}, "nid"), None)
            kept = None if found is None else (found.originator_id, found.originator_version, found.topic)
            if said != kept:
                message = f"an event was left out of {projection.name} as {said}, and the log has {kept} there"
                yield IntegrityFinding("projection", f"nid {skip.nid}", message, skip.stream)


def _refusals(store: Store, named: Container[str]) -> Iterator[IntegrityFinding]:
    """Refusals that no ledger would write; not for a position whose row is a finding of its own."""
    row_of = lru_cache(maxsize=8)(partial(_row_of, store))  # many rivals in a row find the same position in their way
    for values in store.select_rejections({}):
        try:
            refusal = rejection_from(values)
        except HistoryDamaged as cause:
            yield IntegrityFinding("refusal", values[REJECTION_COLUMNS.index("stream")], cause.message)
            continue
        where = f"{refusal.stream} at {timestamp_text(refusal.ts_recorded)}"
        if refusal.key is None or refusal.key.stream != refusal.stream:
            yield IntegrityFinding(
                "refusal", where, f"is refused for {refusal.stream!r:.120}, which no ledger would write"
            )
        elif refusal.position_id is not None and refusal.position_id not in named:
            wrong = _not_in_the_way(refusal, refusal.position_id, row_of(refusal.position_id))
            if wrong is not None:
                yield IntegrityFinding("refusal", where, wrong, refusal.stream)


def _not_in_the_way(refusal: Rejection, position_id: str, row: PositionRow | None) -> str | None:
    """Why the position that a refusal names, under its key or one of an earlier version, was not in its way."""
    if row is None:
        return f"says that {position_id!r:.120} was in the way, and there is no such position"
    intent = refusal.holder_intent_id
    if refusal.error == PositionAlreadyOpen.__name__ and row.intent_id != intent:
        return f"says that {position_id} was of intent {intent!r:.120}, which is of {row.intent_id!r:.120}"
    return None


def _row_of(store: Store, position_id: str) -> PositionRow | None:
    return next(store.rows(position_id=position_id), None)


def _guards(store: Store) -> Iterator[IntegrityFinding]:
    for name, made in store.broken_guards().items():
        yield IntegrityFinding(
            "guard",
            name,
            "is missing, switched off or another one: until it is back, the database keeps nobody from it; "
            f"its owner makes it again with: {made}",
        )


def _storage(store: Store, storage: Storage) -> Iterator[IntegrityFinding]:
    for words in storage.broken:
        yield IntegrityFinding(
            "storage",
            store.settings.shown,
            f"{words}: lookups there may miss rows, also an intent that was recorded. Stop all writers, and keep a "
            "copy; if no event is found to be wrong, its owner repairs an index with REINDEX, else restore a backup",
        )


@contextmanager
def _verifying(store: Store) -> Iterator[Callable[[StreamSpan], Verified]]:
    yield lambda span: _Verification(store, no_progress).run(span)


class _Verification:
    def __init__(self, store: Store, progress: Progress) -> None:
        self._store, self._progress = store, progress
        self._events = self._streams = self._rows = 0
        self._findings: list[IntegrityFinding] = []
        self._followed: list[ProjectionAudit[Any]] = []

    def run(self, span: StreamSpan) -> Verified:
        rows = GroupedRows(self._store.rows_by_stream(span))
        self._follow(span)
        for stream, records in groupby(self._store.streams(span), lambda record: record.originator_id):
            self._streams += 1
            self._key(stream)
            for orphans in rows.before(stream):
                self._compare({}, orphans)
            self._compare(self._folded(records), rows.of(stream))
            for followed in self._followed:
                self._findings += followed.compared(stream)
        for orphans in rows.rest():
            self._compare({}, orphans)
        for followed in self._followed:
            self._findings += followed.rest()
        return Verified(self._events, self._streams, self._rows, tuple(self._findings))

    def _follow(self, span: StreamSpan) -> None:
        for projection in PROJECTIONS:
            with suppress(HistoryDamaged):  # `_cursors` and `_skips` report it, once for all spans
                self._followed.append(ProjectionAudit(self._store, projection, span))

    def _found(self, kind: str, stream: str, where: str, message: str) -> None:
        self._findings.append(IntegrityFinding(kind, where, message, stream))

    def _key(self, stream: str) -> None:
        try:
            spelling = PositionKey.parse(stream).stream
        except ValueError as cause:
            self._found("stream", stream, stream, f"is no key: {cause}")
            return
        if spelling != stream:
            self._found("stream", stream, stream, f"is another spelling of {spelling}: a second history of one key")

    def _folded(self, records: Iterator[RecordedEvent]) -> dict[str, PositionRow]:
        rows: dict[str, PositionRow] = {}
        version = nid = 0
        last_cycle: int | None = 0  # None where an event that cannot be read may have opened another one
        recorded_at = EPOCH
        records, hashed_again = tee(records)
        hashes = expected(hashed_again)
        while batch := list(islice(records, _BATCH_EVENTS)):
            hashed = list(islice(hashes, len(batch)))
            events = [_event(record) for record in batch]
            for record, should_be, event in zip(batch, hashed, events, strict=True):
                if record.originator_version != version + 1:
                    self._found_at(record, "version", f"follows version {version}: what was between them is gone")
                if record.id <= nid:
                    self._found_at(record, "nid", f"has place {record.id}, where version {version} has {nid} already")
                if isinstance(event, Exception):
                    last_cycle = None
                else:
                    if event.ts_recorded < recorded_at:
                        self._found_at(record, "event", f"says that it was recorded before version {version} was")
                    recorded_at = event.ts_recorded
                    if event.opens_cycle and last_cycle is not None and event.cycle > last_cycle + 1:
                        self._found_at(record, "event", f"opens cycle {event.cycle}, where {last_cycle} was the last")
                    last_cycle = max(last_cycle or 0, event.cycle)
                version, nid = record.originator_version, record.id
                if should_be != record.hash:
                    self._found_at(
                        record, "hash", f"{record.topic} (nid {record.id}) was not stored like this, or not after this"
                    )
                self._fold(rows, record, event)
            self._events += len(batch)
            self._progress(len(batch))
        return rows

    def _fold(self, rows: dict[str, PositionRow], record: RecordedEvent, event: PositionEvent | Exception) -> None:
        if isinstance(event, Exception):
            self._found_at(record, "event", str(event))
            return
        try:
            if (filed := columns(event)) != record.columns:
                self._found_at(record, "columns", f"says {filed}, but is filed as {record.columns}")
            if not event.has_cycle:
                return
            position_id = event.position_id
            before = rows.get(position_id)
            if before is not None and event.opens_cycle:
                self._found_at(record, "event", f"opens {position_id}, which was opened before")
            after = rows[position_id] = project(before, event)
            for followed in self._followed:
                followed.take(record, event, before, after)
        except (HistoryDamaged, *UNFOLDABLE) as cause:
            self._found_at(record, "event", str(cause))

    def _found_at(self, record: RecordedEvent, kind: str, message: str) -> None:
        stream = record.originator_id
        self._found(kind, stream, f"{stream} version {record.originator_version}", message)

    def _compare(self, expected: dict[str, PositionRow], actual: list[PositionRow | UnreadableRow | UnreadRow]) -> None:
        self._rows += len(actual)
        for found in actual:
            wanted = expected.pop(found.position_id, None)
            row: PositionRow | UnreadableRow
            if not isinstance(found, UnreadRow):
                row = found
            elif wanted is not None and self._is_stored_so(found, wanted):
                continue
            else:
                row = found.read()
            if isinstance(row, UnreadableRow):
                self._found("row", row.stream, row.position_id, row.reason)
            elif wanted is None:
                self._found("row", row.stream, row.position_id, "is in the positions table, but no event says so")
            elif wanted != row:
                self._found("row", row.stream, row.position_id, f"differs in {_differences(wanted, row)}")
            elif isinstance(found, UnreadRow):
                names = ", ".join(self._spelled_otherwise(found, wanted))
                self._found("row", row.stream, row.position_id, f"is spelled otherwise than it is written, in {names}")
        for position_id, missing in expected.items():
            self._found("row", missing.stream, position_id, "is missing from the positions table")

    def _is_stored_so(self, found: UnreadRow, wanted: PositionRow) -> bool:
        """Whether the unread columns are what the store would write; if not, the row has to be read and compared."""
        try:
            return found.values == self._store.as_stored(wanted)
        except UNFOLDABLE:
            return False

    def _spelled_otherwise(self, found: UnreadRow, wanted: PositionRow) -> Iterator[str]:
        for name, value, written in zip(COLUMNS, found.values, self._store.as_stored(wanted), strict=True):
            if value != written:
                yield name


def _differences(wanted: PositionRow, row: PositionRow) -> str:
    return ", ".join(
        f"{column.name} ({_difference(getattr(row, column.name), getattr(wanted, column.name))})"
        for column in fields(row)
        if getattr(row, column.name) != getattr(wanted, column.name)
    )


def _difference(known: Any, wanted: Any) -> str:
    """The value of a row and that of its events; of a mapping only the names whose values differ."""
    if isinstance(wanted, Mapping):
        return ", ".join(name for name in {**known, **wanted} if known.get(name) != wanted.get(name))
    return f"{known!s}, but its events say {wanted!s}"


def _event(record: RecordedEvent) -> PositionEvent | Exception:
    try:
        return decode(record)
    except HistoryDamaged as cause:
        return cause
