"""Fold every stream again, and name whatever does not fit: a version, a hash, an event, a column, a row."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, fields
from functools import partial
from itertools import groupby, islice
from multiprocessing import get_context
from typing import Any, Final

from domain.errors import HistoryDamaged, StoreUnavailable
from domain.events import PositionEvent
from infrastructure.event_store.codec import columns, decode
from infrastructure.event_store.hash_chain import GENESIS, chained
from infrastructure.event_store.port import ALL_STREAMS, Store, StreamSpan
from infrastructure.event_store.records import RecordedEvent
from infrastructure.ledger.ledger import open_store
from infrastructure.settings import Settings
from projections.positions import PositionRow, project
from projections.rebuild import Progress

_SPANS_EACH: Final = 4
"""Of streams for each process, so that none waits long for another, and progress is seen."""

_AT_ONCE: Final = 500
"""Events of a stream that are read, then hashed, then folded: a processor is faster at one thing after the other."""


@dataclass(frozen=True)
class IntegrityFinding:
    """One thing that is not as the events say: where, and what."""

    kind: str
    where: str
    message: str

    def as_json(self) -> dict[str, str]:
        """The finding as a program reads it."""
        return {"kind": self.kind, "where": self.where, "message": self.message}


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what was found; `findings` empty means that all of it holds."""

    events: int
    streams: int
    rows: int
    findings: tuple[IntegrityFinding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __add__(self, other: Verified) -> Verified:
        """Both of them, one after the other."""
        return Verified(
            self.events + other.events,
            self.streams + other.streams,
            self.rows + other.rows,
            self.findings + other.findings,
        )

    def as_json(self) -> dict[str, Any]:
        """The report as a program reads it."""
        return {
            "ok": self.ok,
            "events": self.events,
            "streams": self.streams,
            "rows": self.rows,
            "findings": [finding.as_json() for finding in self.findings],
        }


def verify(store: Store, progress: Progress = lambda _: None, *, processes: int = 1) -> Verified:
    """Compare everything that is stored with what the events say, at one moment.

    Shape:   one pass over events and rows, side by side, in memory that does not grow with either. With several
             processes each takes some of the streams, where the database lets them share the moment (PostgreSQL).
    Refuses: HistoryDamaged for a row that is none; StoreUnavailable, also when one of the processes was ended.
    """
    with store.snapshot():
        spans = store.spans(processes * _SPANS_EACH) if processes > 1 else [ALL_STREAMS]
        if len(spans) == 1:
            return _Verification(store, progress).run(ALL_STREAMS)
        return _side_by_side(store, spans, progress, min(processes, len(spans)))


def _side_by_side(store: Store, spans: Sequence[StreamSpan], progress: Progress, processes: int) -> Verified:
    whole, part_of = Verified(0, 0, 0, ()), partial(_part, store.settings, store.moment())
    patient = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one who waits ends it
    try:
        with ProcessPoolExecutor(processes, get_context("spawn"), patient) as pool:
            for part in pool.map(part_of, spans):
                whole += part
                progress(part.events)
    except BrokenProcessPool:
        raise StoreUnavailable(
            f"one of the {processes} processes that shared the streams was ended, perhaps for want of memory, so not "
            "all of them were verified; verify again, perhaps with one process"
        ) from None
    return whole


def _part(settings: Settings, moment: str, span: StreamSpan) -> Verified:
    with closing(open_store(settings, create=False)) as store, store.snapshot(moment):
        return _Verification(store, lambda _: None).run(span)


class _Verification:
    def __init__(self, store: Store, progress: Progress) -> None:
        self._store, self._progress = store, progress
        self._events = self._streams = self._rows = 0
        self._findings: list[IntegrityFinding] = []

    def run(self, span: StreamSpan) -> Verified:
        rows = _Grouped(self._store.rows_by_stream(span))
        for stream, records in groupby(self._store.streams(span), lambda record: record.originator_id):
            self._streams += 1
            for orphans in rows.before(stream):
                self._compare({}, orphans)
            self._compare(self._folded(records), rows.of(stream))
        for orphans in rows.rest():
            self._compare({}, orphans)
        return Verified(self._events, self._streams, self._rows, tuple(self._findings))

    def _found(self, kind: str, where: str, message: str) -> None:
        self._findings.append(IntegrityFinding(kind, where, message))

    def _folded(self, records: Iterator[RecordedEvent]) -> dict[str, PositionRow]:
        rows: dict[str, PositionRow] = {}
        head, version = GENESIS, 0
        while batch := list(islice(records, _AT_ONCE)):
            heads = [head, *(record.hash for record in batch)]
            hashes = [_hashed(before, record) for before, record in zip(heads, batch, strict=False)]
            events = [_event(record) for record in batch]
            for record, hashed, event in zip(batch, hashes, events, strict=True):
                if record.originator_version != version + 1:
                    self._found_at(record, "version", f"follows version {version}: what was between them is gone")
                version = record.originator_version
                if hashed != record.hash:
                    self._found_at(
                        record, "hash", f"{record.topic} (nid {record.id}) was not stored like this, or not after this"
                    )
                self._fold(rows, record, event)
            head = heads[-1]
            self._events += len(batch)
            self._progress(len(batch))
        return rows

    def _fold(self, rows: dict[str, PositionRow], record: RecordedEvent, event: PositionEvent | Exception) -> None:
        if isinstance(event, Exception):
            self._found_at(record, "event", str(event))
            return
        try:
            filed = columns(event)
            if filed != record.columns:
                self._found_at(record, "columns", f"says {filed}, but is filed as {record.columns}")
            position_id = event.position_id
            if event.has_cycle:
                rows[position_id] = project(rows.get(position_id), event)
        except AssertionError as cause:
            self._found_at(record, "event", str(cause))

    def _found_at(self, record: RecordedEvent, kind: str, message: str) -> None:
        self._found(kind, f"{record.originator_id} version {record.originator_version}", message)

    def _compare(self, expected: dict[str, PositionRow], actual: list[PositionRow]) -> None:
        self._rows += len(actual)
        for row in actual:
            wanted = expected.pop(row.position_id, None)
            if wanted is None:
                self._found("row", row.position_id, "is in the positions table, but no event says so")
            elif wanted != row:
                self._found("row", row.position_id, f"differs in {_differences(wanted, row)}")
        for position_id in expected:
            self._found("row", position_id, "is missing from the positions table")


def _differences(wanted: PositionRow, row: PositionRow) -> str:
    return ", ".join(
        f"{column.name} ({_difference(getattr(row, column.name), getattr(wanted, column.name))})"
        for column in fields(row)
        if getattr(row, column.name) != getattr(wanted, column.name)
    )


def _difference(known: Any, wanted: Any) -> str:
    """What a row says and its events do not; of many things by name, those that differ."""
    if isinstance(wanted, dict):
        return ", ".join(name for name in {**known, **wanted} if known.get(name) != wanted.get(name))
    return f"{known!s}, but its events say {wanted!s}"


def _event(record: RecordedEvent) -> PositionEvent | Exception:
    try:
        return decode(record)
    except (HistoryDamaged, AssertionError) as cause:
        return cause


def _hashed(previous: str, record: RecordedEvent) -> str:
    return chained(previous, record.originator_id, record.originator_version, record.topic, record.state)


class _Grouped:
    """Rows in the order of their streams, taken stream by stream."""

    def __init__(self, rows: Iterable[PositionRow]) -> None:
        self._groups = ((stream, list(group)) for stream, group in groupby(rows, lambda row: row.stream))
        self._next = next(self._groups, None)

    def before(self, stream: str) -> Iterator[list[PositionRow]]:
        while self._next is not None and self._next[0] < stream:
            yield self._next[1]
            self._next = next(self._groups, None)

    def of(self, stream: str) -> list[PositionRow]:
        if self._next is None or self._next[0] != stream:
            return []
        found, self._next = self._next[1], next(self._groups, None)
        return found

    def rest(self) -> Iterator[list[PositionRow]]:
        while self._next is not None:
            yield self._next[1]
            self._next = next(self._groups, None)
