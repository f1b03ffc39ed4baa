"""Examining a ledger: everything that can be read is checked, and what cannot be read is a symptom, not a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from domain.errors import HistoryDamaged, StoreUnavailable
from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.values import utc
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.caution import Caution
from infrastructure.integrity.verify import Verified, verify
from infrastructure.ledger.projector import ProjectionStopped, Projector
from infrastructure.ledger.questions.stray_succession import left_over
from infrastructure.ledger.statistics_projection import each_since, refused_since
from infrastructure.operations.account_comparison import Account, comparisons
from infrastructure.operations.operable import OperableLedger
from projections.account_snapshot import AccountSnapshot
from projections.health import diagnosis
from projections.health.checks import Check, Section, Severity, Symptom, worst
from projections.health.diagnosis import Cycles
from projections.health.key_spellings import spelling
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.recent_activity import Activity
from projections.metrics.statistics import MeasuredWindow, measure
from projections.positions import PositionRow
from projections.progress import Progress, no_progress
from projections.projection import PROJECTIONS, STATISTICS, ProjectionStatus
from projections.reconciliation.result import ReconciliationRules

DAY: Final = timedelta(hours=24)

_UNREADABLE: Final = (ValueError, HistoryDamaged)
"""The errors of reading something that is damaged, or was not written by a ledger."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to examine: which cycles, with which snapshots, and how thoroughly."""

    now: datetime
    age: timedelta
    """A cycle that is unfinished for longer than this is critical."""
    takes: Callable[[PositionRow | PositionKey], bool] = lambda _: True
    snapshots: Sequence[AccountSnapshot] = ()
    rules: ReconciliationRules
    evidence: Mapping[Account, Sequence[str]] = field(default_factory=dict)
    """For each account the command-line arguments that name its snapshots, for advice."""
    quiet: timedelta | None = None
    """If nothing was recorded for so long, it is a warning; None gives no such warning."""
    verifies: bool = True
    """Whether every event and row is read, which takes long in a large ledger."""
    processes: int = 1
    """How many processes share the streams while every event and row is read."""
    reports: bool = False
    """Whether the rates of the last 24 h are computed."""


@dataclass(frozen=True)
class Diagnosis(JsonObject):
    """Every check, and the rates if they were asked for."""

    sections: tuple[Section, ...]
    activity: Activity | None
    rows: Sequence[PositionRow] | None
    """Of the cycles that were looked at; None where they cannot be read."""

    json_keys: ClassVar = ("severity", "ok", "sections", ("last_24_hours?", "activity"))

    def section(self, check: Check) -> Section:
        """The section of one check, which must have been run."""
        return next(section for section in self.sections if section.check is check)

    @property
    def severity(self) -> Severity:
        """The severity of the worst finding."""
        return worst(section.severity for section in self.sections)

    @property
    def ok(self) -> bool:
        """Whether nothing is critical."""
        return self.severity is not Severity.CRITICAL


def elsewhere(ledger: OperableLedger, question: Question) -> tuple[Section, ...]:
    """The findings that are about no single cycle, as far as they show without reading every event and row."""
    return tuple(_Examination(ledger, question, no_progress).elsewhere())


def examine(
    ledger: OperableLedger,
    question: Question,
    progress: Progress = no_progress,
    told: Callable[[Diagnosis], None] = lambda _: None,
) -> Diagnosis:
    """Run every check; nothing is written, except that the statistics projection catches up.

    Shape:   `told` gets everything but the damage before every event and row is read, which may take long.
    Refuses: StoreUnavailable, with what keeps the database from it as far as that shows; SchemaMismatch.
    """
    with naming_obstacle(ledger.store):
        return _Examination(ledger, question, progress).run(told)


@contextmanager
def naming_obstacle(store: Store) -> Iterator[None]:
    """Say in a StoreUnavailable what keeps the database from answering, as far as that shows."""
    try:
        yield
    except StoreUnavailable as cause:
        obstacle = _known_obstacle(store)
        if obstacle is None or obstacle.remedy in cause.message:
            raise
        raise StoreUnavailable(f"{cause.message}; {obstacle}") from cause.__cause__


def _known_obstacle(store: Store) -> Caution | None:
    """What prevents recording; None when even that cannot be asked."""
    try:
        return store.obstacle()
    except StoreUnavailable:
        return None


class _Examination:
    def __init__(self, ledger: OperableLedger, question: Question, progress: Progress) -> None:
        self._ledger, self._store, self._progress = ledger, ledger.store, progress
        self._question = question
        self._unreadable: list[Symptom] = []
        self._window = MeasuredWindow(question.now - DAY, question.now)

    def run(self, told: Callable[[Diagnosis], None]) -> Diagnosis:
        question = self._question
        rows = self._rows()
        left = self._left_over(rows)
        wanted = None if rows is None else [row for row in rows if question.takes(row)]
        activity = self._activity() if question.reports else None
        sections = (
            *([] if rows is None or wanted is None else self._of_cycles(rows, wanted, left)),
            *self._of_whole_ledger(),
            *([] if activity is None or activity.criteria is None else [diagnosis.criteria(activity.criteria)]),
        )
        database = _database(self._store)
        told(Diagnosis((*sections, database), activity, wanted))
        return Diagnosis((*sections, self._damage(), database), activity, wanted)

    def elsewhere(self) -> Iterator[Section]:
        """The sections that are about no single cycle; damage only where something cannot be read."""
        rows = self._rows() if self._question.snapshots else None
        if rows is not None:
            yield from self._of_exchanges(rows, self._left_over(rows))
        yield from self._of_whole_ledger()
        if self._unreadable:
            yield Section(Check.DAMAGE, "cannot be read", tuple(self._unreadable))

    def _of_whole_ledger(self) -> Iterator[Section]:
        yield diagnosis.following(list(self._projection_statuses()))
        if self._question.quiet is not None:
            yield diagnosis.silence(
                self._last_recorded_at(self._question.quiet), self._question.now, self._question.quiet
            )

    def _last_recorded_at(self, quiet: timedelta) -> datetime | None:
        """When an event or a refused duplicate was recorded last; None when nothing was."""
        event = self._store.last_event()
        refusals = [each.ts_recorded for each in self._store.rejections(since=self._question.now - quiet)]
        return max([*([] if event is None else [utc(event.ts_recorded)]), *refusals], default=None)

    def _projection_statuses(self) -> Iterator[ProjectionStatus]:
        for projection in PROJECTIONS:
            try:
                yield Projector(self._store, projection).status()
            except _UNREADABLE as cause:
                self._unreadable.append(diagnosis.unreadable(projection.name, cause))

    def _rows(self) -> list[PositionRow] | None:
        """The rows to examine; None when they cannot be read."""
        try:
            return self._ledger.positions(open=not self._question.snapshots)
        except _UNREADABLE as cause:
            self._unreadable.append(diagnosis.unreadable("positions", cause))
            return None

    def _left_over(self, rows: Sequence[PositionRow] | None) -> list[PositionRow]:
        """The strays; empty when they cannot be read, which is reported instead."""
        try:
            is_listed = rows is not None and not self._question.snapshots  # the open rows include strays to look at
            return [row for row in rows or () if row.stray] if is_listed else left_over(self._store)
        except _UNREADABLE as cause:
            if not self._unreadable:
                self._unreadable.append(diagnosis.unreadable("positions", cause))
            return []

    def _of_cycles(
        self, rows: Sequence[PositionRow], wanted: Sequence[PositionRow], left: Sequence[PositionRow]
    ) -> list[Section]:
        question = self._question
        cycles = Cycles(wanted, question.now, question.age, question.evidence, filter(question.takes, left))
        spelled = spelling(wanted)
        return [*cycles.sections(), *([] if spelled is None else [spelled]), *self._of_exchanges(rows, left)]

    def _activity(self) -> Activity:
        """The rates of the window, from the statistics; where these cannot be read, from all rows without criteria.

        As in the statistics, cycles of the legacy table are left out, which this ledger did not decide.
        """
        refused = refused_since(self._store, self._window.since, self._question.takes)
        facts = self._facts()
        if facts is None:
            own = [row for row in self._all_rows() if row.legacy_id is None]
            return Activity.of(own, refused, None, self._window)
        criteria = measure(facts, refused, self._window, now=self._question.now).criteria
        own = [each.position for each in facts if not each.is_imported]
        return Activity.of(own, refused, criteria, self._window)

    def _facts(self) -> list[CycleFacts] | None:
        """The facts of the cycles in the window; None when the statistics projection cannot be read or has stopped."""
        try:
            return list(each_since(self._store, self._window.reach, self._question.takes, self._progress))
        except ProjectionStopped:
            return None
        except _UNREADABLE as cause:
            self._unreadable.append(diagnosis.unreadable(STATISTICS.name, cause))
            return None

    def _all_rows(self) -> list[PositionRow]:
        """All rows; empty when they cannot be read, which is reported already."""
        try:
            return [row for row in self._store.rows() if self._question.takes(row)]
        except _UNREADABLE:
            return []

    def _of_exchanges(self, rows: Sequence[PositionRow], left: Sequence[PositionRow]) -> Iterator[Section]:
        question = self._question
        found = comparisons(self._store, rows, question.snapshots, now=question.now, rules=question.rules, strays=left)
        for account, each in found.items():
            kept = replace(each, findings=tuple(one for one in each.findings if question.takes(one.key)))
            yield diagnosis.beside_exchange(kept, question.evidence.get(account, ()))

    def _damage(self) -> Section:
        if not self._question.verifies:
            return Section(Check.DAMAGE, "not looked for", tuple(self._unreadable))
        # A table that cannot be read is one symptom, whatever is wrong with its rows: a rebuild replaces it anyway.
        verified = verify(self._store, self._progress, processes=self._question.processes)
        found = damage_found(verified, rows=not self._unreadable)
        return replace(found, symptoms=(*self._unreadable, *found.symptoms))


def damage_found(verified: Verified, *, rows: bool = True) -> Section:
    """The result of a verification as a section; without `rows`, findings about rows are left out."""
    return diagnosis.damage([each for each in verified.findings if rows or each.kind != "row"], verified.says)


def _database(store: Store) -> Section:
    """The section about the database: its software, its replication, and the warnings about both."""
    software = "PostgreSQL" if store.settings.kind == "postgresql" else f"SQLite {sqlite3.sqlite_version}"
    standing = store.replication()
    where, caution, obstacle = store.settings.shown, store.caution(), store.obstacle()
    if standing is None:
        return diagnosis.database(where, software, caution, obstacle=obstacle)
    known = (where, software, caution, standing.caution)
    return diagnosis.database(*known, obstacle=obstacle, replication=standing.says)
