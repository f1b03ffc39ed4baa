"""How everything stands that is open, the worst first: which of it needs a person, for how long, and what to run next.

It judges as `diagnose` does, whose checks it asks, and says it in the words of every other command.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from domain.json_object import JsonObject
from domain.values import Status
from projections.exposure import exposure_words, is_bare, is_by_choice
from projections.formatting import aged, counted
from projections.health.checks import Section, Severity, Symptom, worst, worst_first
from projections.health.diagnosis import Cycles
from projections.positions import PositionRow

OLD: Final = timedelta(hours=1)
"""An entry or a rollback that is unfinished for longer is critical, unless somebody says otherwise."""


@dataclass(frozen=True)
class StatusLine(JsonObject):
    """One cycle that is open, or a stray, at some moment; `symptoms` are what is wrong with it, the worst first."""

    row: PositionRow
    now: datetime
    symptoms: tuple[Symptom, ...] = ()

    json_keys: ClassVar = (
        "severity",
        "state",
        "since",
        ("age_seconds", "age"),
        "unprotected",
        "next",
        ("findings", "symptoms"),
        ("position", "row"),
    )

    @property
    def severity(self) -> Severity:
        """That of the worst symptom."""
        return worst(each.severity for each in self.symptoms)

    @property
    def unprotected(self) -> bool:
        """Whether something is held without a confirmed stop that covers it, and not by choice."""
        return is_bare(self.row)

    @property
    def state(self) -> str:
        """What is to be known of it first, in the words of every command."""
        row = self.row
        if self.unprotected and (words := exposure_words(row)):
            return words
        if row.outcome_unknown:
            return "entry outcome unknown"
        if row.rollback_failed:
            return "rollback failed"
        if row.status is not Status.ACTIVE:
            return row.status.value
        if not row.quantity:
            return "flat without an end"
        if self.symptoms:
            return "order not heard of"
        return exposure_words(row) or "protected"

    @property
    def since(self) -> datetime:
        """Since when it is what it is: unprotected, in trouble, or open."""
        row = self.row
        if self.unprotected:
            return row.updated_at if row.stray else row.unprotected_since or row.opened_at
        known = [each.since for each in self.symptoms if each.since is not None]
        return min(known, default=row.opened_at)

    @property
    def age(self) -> timedelta:
        """How long it is so."""
        return self.now - self.since

    @property
    def next(self) -> str | None:
        """The command to run; None while nothing is wrong with it."""
        return self.symptoms[0].advice if self.symptoms else None


@dataclass(frozen=True)
class LedgerStatus(JsonObject):
    """Everything that is open and every stray, the worst first, and of those alike the oldest."""

    now: datetime
    lines: tuple[StatusLine, ...]
    elsewhere: tuple[Section, ...] = ()
    """What is looked at beside the cycles."""

    json_keys: ClassVar = (
        ("at", "now"),
        "severity",
        "ok",
        ("open", lambda status: len(status.lines)),
        ("held", lambda status: len(status.held)),
        ("unprotected", lambda status: len(status.unprotected)),
        ("unprotected_by_choice", lambda status: len(status.by_choice)),
        ("need_a_person", lambda status: len(status.in_need)),
        "verdict",
        "next",
        ("positions", "lines"),
        "elsewhere",
    )

    @classmethod
    def of(
        cls, rows: Iterable[PositionRow], now: datetime, age: timedelta = OLD, elsewhere: tuple[Section, ...] = ()
    ) -> LedgerStatus:
        """Rank rows at a moment; what is unfinished for longer than `age` is critical.

        Shape: rows of open cycles, and of strays that nobody has seen to; those of others are left out.
        """
        known = [row for row in rows if row.status.is_open or row.stray]
        cycles = Cycles(known, now, age, {}, [row for row in known if not row.status.is_open])
        found: defaultdict[str, list[Symptom]] = defaultdict(list)
        for section in cycles.sections():
            for symptom in section.symptoms:
                found[symptom.subject].append(symptom)
        lines = [StatusLine(row, now, tuple(worst_first(found[row.position_id]))) for row in known]
        return cls(now, tuple(sorted(lines, key=_rank)), elsewhere)

    @property
    def held(self) -> list[StatusLine]:
        """Those that hold something."""
        return [line for line in self.lines if line.row.quantity]

    @property
    def unprotected(self) -> list[StatusLine]:
        """Those that are held without a confirmed stop."""
        return [line for line in self.lines if line.unprotected]

    @property
    def by_choice(self) -> list[StatusLine]:
        """Those that are held without a stop at the exchange, because their bot keeps it."""
        return [line for line in self.lines if is_by_choice(line.row)]

    @property
    def in_need(self) -> list[StatusLine]:
        """Those that somebody should look at."""
        return [line for line in self.lines if line.symptoms]

    @property
    def beside(self) -> list[Symptom]:
        """What is wrong with no cycle, the worst first."""
        return worst_first(symptom for section in self.elsewhere for symptom in section.symptoms)

    @property
    def severity(self) -> Severity:
        """That of the worst."""
        return worst([*(line.severity for line in self.lines), *(symptom.severity for symptom in self.beside)])

    @property
    def ok(self) -> bool:
        """Whether nothing needs a person."""
        return not self.in_need and not self.beside

    @property
    def next(self) -> str | None:
        """The command to run first: of positions before what is beside them."""
        if self.in_need:
            return self.lines[0].next
        return self.beside[0].advice if self.beside else None

    @property
    def summary(self) -> str:
        """All of it but the worst: how many are unprotected, and what else needs a person."""
        bare, in_need = self.unprotected, self.in_need
        says = [f"{len(bare)} of {len(self.held)} unprotected"]
        if in_time := sum(not line.symptoms for line in bare):
            says.append(f"{in_time} of them within the time of an entry")
        if others := sum(not line.unprotected for line in in_need):
            says.append(f"{others} more {'needs' if others == 1 else 'need'} a person")
        if not in_need:
            says.append(f"nothing of {counted(len(self.lines), 'open position')} needs a person")
        if self.beside:
            says.append(f"{len(self.beside)} beside them {'does' if len(self.beside) == 1 else 'do'}")
        return ", ".join(says)

    @property
    def verdict(self) -> str:
        """All of it in one line: the summary, the worst, and what to run."""
        if not self.in_need:
            return f"{self.summary}: {self.next}" if self.beside else self.summary
        first = self.lines[0]
        state = "" if first.unprotected else f" {first.state}"
        return f"{self.summary}, worst {first.row.position_id}{state} {aged(first.age)}: {first.next}"


def _rank(line: StatusLine) -> tuple[int, bool, datetime, str]:
    return -line.severity.rank, not line.unprotected, line.since, line.row.position_id
