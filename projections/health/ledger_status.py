"""The status of everything that is open, the worst first: what needs a person, for how long, and what to run next.

It uses the checks of `diagnose`, and the same words as every other command.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from domain.json_object import JsonObject
from domain.values import Status
from projections.exposure import IF_HELD, exposed_at, exposure_words, is_bare, is_bare_if_held, is_by_choice
from projections.formatting import aged, counted
from projections.health.checks import Section, Severity, Symptom, worst, worst_first
from projections.health.diagnosis import Cycles
from projections.positions import PositionRow
from projections.reconciliation.grace_periods import is_overdue

OLD: Final = timedelta(hours=1)
"""By default, an entry or a rollback that is unfinished for longer than this is critical."""


@dataclass(frozen=True)
class StatusLine(JsonObject):
    """One open cycle or stray at a moment; `symptoms` say what is wrong with it, the worst first."""

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
        """The severity of the worst symptom."""
        return worst(each.severity for each in self.symptoms)

    @property
    def unprotected(self) -> bool:
        """Whether something is held without a confirmed stop that covers it, and not by choice."""
        return is_bare(self.row)

    @property
    def state(self) -> str:
        """The most important thing about it, in the words of every command."""
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
        """Since when it has been unprotected; else since its oldest symptom; else since it was opened."""
        row = self.row
        if self.unprotected:
            return exposed_at(row)
        known = [each.since for each in self.symptoms if each.since is not None]
        return min(known, default=row.opened_at)

    @property
    def age(self) -> timedelta:
        """The time since `since`."""
        return self.now - self.since

    @property
    def next(self) -> str | None:
        """The command to run; None if nothing is wrong with it."""
        return self.symptoms[0].advice if self.symptoms else None


@dataclass(frozen=True)
class LedgerStatus(JsonObject):
    """Every open cycle and every stray, the worst first, and of equal ones the oldest first."""

    now: datetime
    lines: tuple[StatusLine, ...]
    elsewhere: tuple[Section, ...] = ()
    """The checks that are not about single cycles."""

    json_keys: ClassVar = (
        ("at", "now"),
        "severity",
        "ok",
        ("open", lambda status: len(status.lines)),
        ("held", lambda status: len(status.held)),
        ("unprotected", lambda status: len(status.unprotected)),
        ("unprotected_if_held", lambda status: len(status.if_held)),
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
        """Rank rows at a moment; a cycle that is unfinished for longer than `age` is critical.

        Shape: the rows are open cycles, and strays that no later cycle took over; any others are left out.
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
        """The lines that hold something."""
        return [line for line in self.lines if line.row.quantity]

    @property
    def unprotected(self) -> list[StatusLine]:
        """The lines that hold something without a confirmed stop."""
        return [line for line in self.lines if line.unprotected]

    @property
    def if_held(self) -> list[StatusLine]:
        """The lines of which nothing is on record as held, without a stop that is known to cover it if something is."""
        return [line for line in self.lines if is_bare_if_held(line.row)]

    @property
    def by_choice(self) -> list[StatusLine]:
        """The lines that hold something without a stop at the exchange, because their bot keeps it."""
        return [line for line in self.lines if is_by_choice(line.row)]

    @property
    def in_need(self) -> list[StatusLine]:
        """The lines that a person should look at."""
        return [line for line in self.lines if line.symptoms]

    @property
    def beside(self) -> list[Symptom]:
        """The symptoms that are not about a cycle, the worst first."""
        return worst_first(symptom for section in self.elsewhere for symptom in section.symptoms)

    @property
    def severity(self) -> Severity:
        """The worst severity of all."""
        return worst([*(line.severity for line in self.lines), *(symptom.severity for symptom in self.beside)])

    @property
    def ok(self) -> bool:
        """Whether nothing needs a person."""
        return not self.in_need and not self.beside

    @property
    def next(self) -> str | None:
        """The command to run first: about a position if one needs a person, else about something else."""
        if self.in_need:
            return self.lines[0].next
        return self.beside[0].advice if self.beside else None

    @property
    def summary(self) -> str:
        """In words how many positions are unprotected, and what else needs a person."""
        bare, in_need = self.unprotected, self.in_need
        says = [f"{len(bare):,} of {len(self.held):,} unprotected"]
        if in_time := sum(line.row.status.is_open and not is_overdue(line.row, self.now) for line in bare):
            says.append(f"{in_time:,} of them within the time of an entry")
        if others := sum(not line.unprotected for line in in_need):
            says.append(f"{others:,} more {'needs' if others == 1 else 'need'} a person")
        if not in_need:
            says.append(f"nothing of {counted(len(self.lines), 'open position')} needs a person")
        if self.beside:
            says.append(f"{len(self.beside):,} beside them {'does' if len(self.beside) == 1 else 'do'}")
        if if_held := len(self.if_held):
            says.append(f"{if_held:,} {IF_HELD}")
        return ", ".join(says)

    @property
    def verdict(self) -> str:
        """The status on one line: the summary, the worst position, and the command to run."""
        if not self.in_need:
            return f"{self.summary}: {self.next}" if self.beside else self.summary
        first = self.lines[0]
        state = "" if first.unprotected else f" {first.state}"
        return f"{self.summary}, worst {first.row.position_id}{state} {aged(first.age)}: {first.next}"


def _rank(line: StatusLine) -> tuple[int, bool, datetime, str]:
    return -line.severity.rank, not line.unprotected, line.since, line.row.position_id
