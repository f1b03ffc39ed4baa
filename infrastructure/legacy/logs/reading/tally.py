"""The counts of a log: lines, levels, errors by hour, and what could not be read."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.reading.clock import SECOND, timestamp, timestamp_of
from infrastructure.legacy.logs.reading.head import SERIOUS, level_of

HOUR: Final = 3_600 * SECOND
EXAMPLES_MAX: Final = 5
EXAMPLE_CHARACTERS_MAX: Final = 200


@dataclass
class Unread(JsonObject):
    """The number of lines or records that were not read, and the first of them as examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(example.strip()[:EXAMPLE_CHARACTERS_MAX])


@dataclass
class LineTally(JsonObject):
    """The counts of a log. Units: moments in microseconds since 1970, UTC.

    A line begins a record, continues one, is blank, or is unread. `unread` lines belong to no record: there is none
    before them, or their time is not on the calendar. `cut` lines were too long to be read whole. Records that may
    report an error, but that no template matches, are `not_understood`.
    """

    lines: int = 0
    blank_lines: int = 0
    outside: int = 0
    hours: dict[int, defaultdict[bytes, int]] = field(default_factory=dict)
    facts: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    unread: Unread = field(default_factory=Unread)
    cut: Unread = field(default_factory=Unread)
    not_understood: Unread = field(default_factory=Unread)

    json_keys: ClassVar = (
        "lines",
        "records",
        "continuation_lines",
        "blank_lines",
        ("lines_outside_range", "outside"),
        ("unread_lines", "unread"),
        ("cut_lines", "cut"),
        "not_understood",
        ("first_time", timestamp_of("first")),
        ("last_time", timestamp_of("last")),
        "span_hours",
        ("levels", lambda tally: dict(tally.levels.most_common())),
        ("facts", lambda tally: dict(tally.facts.most_common())),
        ("errors", "errors_total"),
        ("errors_per_hour", lambda tally: {timestamp(hour * HOUR): count for hour, count in tally.errors.items()}),
    )

    def levels_in(self, moment: int) -> defaultdict[bytes, int]:
        """The counts by level for records at a moment, where a new second of the log begins."""
        if self.last is None or moment > self.last:
            self.last = moment
        if self.first is None or moment < self.first:
            self.first = moment
        hour = moment // HOUR
        if hour not in self.hours:
            self.hours[hour] = defaultdict(int)
        return self.hours[hour]

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(self.levels.values())

    @property
    def levels(self) -> Counter[str]:
        """The number of records by level, under its standard name."""
        found: Counter[str] = Counter()
        for levels in self.hours.values():
            for word, count in levels.items():
                found[level_of(word)] += count
        return found

    @property
    def errors(self) -> dict[int, int]:
        """Records of level ERROR and above by hour since 1970, for each hour that has lines."""
        return {
            hour: sum(count for word, count in levels.items() if word in SERIOUS)
            for hour, levels in sorted(self.hours.items())
        }

    @property
    def span(self) -> int:
        """From the first time to the last."""
        return 0 if self.first is None or self.last is None else self.last - self.first

    @property
    def errors_total(self) -> int:
        """Records of level ERROR and above."""
        return sum(self.errors.values())

    @property
    def span_hours(self) -> float:
        """From the first time to the last, in hours."""
        return round(self.span / HOUR, 3)

    @property
    def continuation_lines(self) -> int:
        """Lines that continue the record of a line before them."""
        return self.lines - self.records - self.blank_lines - self.outside - self.unread.count

    def per_hour(self, number: int) -> float | None:
        """A number per hour of the log; None when the log spans no time."""
        return round(number * HOUR / self.span, 2) if self.span else None

    def per_day(self, number: int) -> float | None:
        """A number projected to 24 hours; None when the log spans no time."""
        return round(number * 24 * HOUR / self.span, 2) if self.span else None
