"""The findings in a log, and their JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from domain.json_object import JsonObject
from infrastructure.legacy.logs.finders.alarms import Episode
from infrastructure.legacy.logs.finders.creations import ClosePair
from infrastructure.legacy.logs.finders.duplicates import Duplicate
from infrastructure.legacy.logs.finders.failures import Failure
from infrastructure.legacy.logs.finders.refusals import LoggedRefusal
from infrastructure.legacy.logs.finders.restarts import Restart
from infrastructure.legacy.logs.reading.tally import LineTally

KEPT_MAX: Final = 10_000
"""How many findings of one kind are kept; further ones are only counted."""


class LogFinding(Protocol):
    """A finding has a moment."""

    @property
    def at(self) -> int:
        """In microseconds since 1970, UTC."""


F = TypeVar("F", bound=LogFinding)


@dataclass
class Found(Generic[F]):
    """Findings of one kind, in bounded memory: the first ones, and the count of all."""

    kept: list[F] = field(default_factory=list)
    count: int = 0

    def add(self, finding: F) -> None:
        """Count one, and keep it if there is room."""
        self.count += 1
        if len(self.kept) < KEPT_MAX:
            self.kept.append(finding)

    def only(self, wanted: Callable[[F], bool]) -> None:
        """Drop the findings that are not wanted, and sort the others by time."""
        kept = sorted(filter(wanted, self.kept), key=lambda each: each.at)
        self.count -= len(self.kept) - len(kept)
        self.kept = kept


@dataclass
class LogReport(JsonObject):
    """All findings. `damaged` has, by file, why it could not be read to its end."""

    tally: LineTally = field(default_factory=LineTally)
    duplicates: Found[Duplicate] = field(default_factory=Found)
    failures: Found[Failure] = field(default_factory=Found)
    refusals: Found[LoggedRefusal] = field(default_factory=Found)
    episodes: Found[Episode] = field(default_factory=Found)
    restarts: Found[Restart] = field(default_factory=Found)
    pairs: Found[ClosePair] = field(default_factory=Found)
    files: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)

    json_keys: ClassVar = (
        ("**findings", lambda report: {name: found.kept for name, found in report.sections.items()}),
        ("statistics", lambda report: report.statistics()),
    )

    @property
    def has_findings(self) -> bool:
        """Whether there is a finding that must never occur: a duplicate error, or a duplicate that was refused late."""
        return bool(self.duplicates.count) or self.late_refusals > 0

    @property
    def late_refusals(self) -> int:
        """Duplicates that were refused at the last moment only."""
        return sum(refusal.is_late for refusal in self.refusals.kept)

    @property
    def scenarios(self) -> dict[str, int]:
        """The number of duplicate errors by the race that caused them."""
        found = Counter(duplicate.scenario for duplicate in self.duplicates.kept)
        return dict(sorted(found.items()))

    @property
    def sections(self) -> dict[str, Found[Any]]:
        """The findings by the names that they have in JSON."""
        return {
            "duplicate_errors": self.duplicates,
            "failed_entries": self.failures,
            "refusals": self.refusals,
            "unprotected_alarms": self.episodes,
            "restarts": self.restarts,
            "creates_close_together": self.pairs,
        }

    def statistics(self) -> dict[str, Any]:
        """The numbers."""
        tally = self.tally
        projected = {"errors": tally.errors_total, "duplicate_errors": self.duplicates.count}
        projected["failed_entries"] = self.failures.count
        return tally.as_json() | {
            "errors_per_hour_average": tally.per_hour(tally.errors_total),
            "projected_per_day": {name: tally.per_day(count) for name, count in projected.items()},
            "projected_from_hours": tally.span_hours,
            "counts": {name: found.count for name, found in self.sections.items()},
            "not_kept": {name: found.count - len(found.kept) for name, found in self.sections.items()},
            "scenarios": self.scenarios,
            "early_refusals": self.refusals.count - self.late_refusals,
            "late_refusals": self.late_refusals,
            "alarms": sum(episode.alarms for episode in self.episodes.kept),
            "failures_by_code": self._codes(),
            "files": self.files,
            "damaged_files": self.damaged,
        }

    def _codes(self) -> dict[str, int]:
        return dict(Counter(failure.code or "none" for failure in self.failures.kept).most_common())
