"""The report of a ledger for a window: open positions, the longest unprotected ones, and the oddest cycles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from domain.events import PositionEvent
from domain.json_object import JsonObject
from domain.rejection import Rejection
from projections.audit.anomalies import Anomaly, oddities, warnings
from projections.audit.narrative import headline
from projections.formatting import length
from projections.health.ledger_status import LedgerStatus
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.statistics import MeasuredWindow, Statistics
from projections.positions import PositionRow
from projections.timeline import UnprotectedSpan, moments, timeline

LISTED_MAX: Final = 20
"""How many exposed positions and how many odd cycles are listed; the worst come first."""

BARS_MAX: Final = 120
_BARS: Final = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 24 * 7, 24 * 28, 24 * 364, 24 * 3640))
_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class OpenPosition(JsonObject):
    """An open cycle or a stray: its age, and how long it has been unprotected, if it is."""

    row: PositionRow
    age: timedelta
    unprotected: timedelta | None

    json_keys: ClassVar = ("**row", ("age_seconds", "age"), ("unprotected_seconds", "unprotected"))


@dataclass(frozen=True)
class Exposure(JsonObject):
    """How a position was unprotected in the window: how often, how long in total, and its longest gap."""

    position_id: str
    times: int
    together: timedelta
    longest: UnprotectedSpan

    json_keys: ClassVar = ("position_id", "**longest", "times", ("seconds_in_all", "together"))

    @classmethod
    def of(cls, position_id: str, gaps: Sequence[UnprotectedSpan]) -> Exposure:
        """Sum up some gaps of one position."""
        together = sum((gap.length for gap in gaps), timedelta())
        return cls(position_id, len(gaps), together, max(gaps, key=lambda gap: gap.length))


@dataclass(frozen=True)
class AnomalousCycle(JsonObject):
    """A cycle with its anomalies."""

    position_id: str
    headline: str
    oddities: tuple[Anomaly, ...]

    @property
    def weight(self) -> tuple[int, int]:
        """Its rank among odd cycles: the number of warnings, then of all anomalies."""
        return len(warnings(self.oddities)), len(self.oddities)


@dataclass(frozen=True)
class HourBar(JsonObject):
    """How many duplicates were refused in a period."""

    start: datetime
    end: datetime
    count: int

    json_keys: ClassVar = (("from", "start"), ("to", "end"), "count")


@dataclass(frozen=True, kw_only=True)
class LedgerReport(JsonObject):
    """The report of a window for the whole ledger, or for some keys."""

    asked_at: datetime
    window: MeasuredWindow
    statistics: Statistics
    cycles: int
    """How many cycles were open at some time in the window."""
    open: tuple[OpenPosition, ...]
    exposed: tuple[Exposure, ...]
    oddest: tuple[AnomalousCycle, ...]
    odd: int
    """How many cycles have a warning."""

    json_keys: ClassVar = (
        ("since", "window.since"),
        ("until", "window.until"),
        "cycles",
        "open",
        "statistics",
        ("rejections", "refused"),
        ("longest_unprotected", "exposed"),
        "odd",
        "oddest",
    )

    @property
    def refused(self) -> tuple[HourBar, ...]:
        """Refused duplicates over time."""
        return tuple(hour_bars(self.statistics.refusals.per_hour, self.window))


def review(
    cycles: Iterable[tuple[CycleFacts, Sequence[PositionEvent]]],
    refusals: Mapping[str, Sequence[Rejection]],
    statistics: Statistics,
    now: datetime,
) -> LedgerReport:
    """Make the report of the cycles that were open in the window of the statistics.

    Shape: each cycle with its events, oldest first; `refusals` by the position id that was in the way.
    """
    window = statistics.window
    found: list[OpenPosition] = []
    exposed: list[Exposure] = []
    odd: list[AnomalousCycle] = []
    count = 0
    for facts, events in cycles:
        row, count = facts.position, count + 1
        history = moments(events)
        time = timeline(history, refusals.get(row.position_id, ()), now, facts.taken_over_at)
        if row.status.is_open or time.is_exposed:
            bare = time.gaps[-1].length if time.is_exposed else None
            found.append(OpenPosition(row, _age(row.opened_at, now), bare))
        gaps = [gap for gap in time.gaps if gap.length and window.overlaps(gap.start, gap.end)]
        if gaps:
            exposed.append(Exposure.of(row.position_id, gaps))
        oddity = oddities(history, time)
        if warnings(oddity):
            odd.append(AnomalousCycle(row.position_id, headline(row, time), oddity))
    lines = LedgerStatus.of((each.row for each in found), now).lines
    place = {line.row.position_id: number for number, line in enumerate(lines)}
    return LedgerReport(
        asked_at=now,
        window=window,
        statistics=statistics,
        cycles=count,
        open=tuple(sorted(found, key=lambda each: place.get(each.row.position_id, len(place)))),
        exposed=tuple(sorted(exposed, key=lambda each: each.longest.length, reverse=True)[:LISTED_MAX]),
        oddest=tuple(sorted(odd, key=lambda each: each.weight, reverse=True)[:LISTED_MAX]),
        odd=len(odd),
    )


def _age(since: datetime, now: datetime) -> timedelta:
    """How long ago something was; at least zero, because clocks differ."""
    return max(now - since, timedelta())


def hour_bars(per_hour: Mapping[datetime, int], window: MeasuredWindow) -> Iterator[HourBar]:
    """Sum up hours into bars, few enough to draw them; weeks begin on Mondays."""
    wide = next((each for each in _BARS if window.until - window.since <= each * BARS_MAX), _BARS[-1])
    start = window.since - (window.since - _MONDAY) % wide
    counts: dict[datetime, int] = {}
    for hour, count in per_hour.items():
        begins = hour - (hour - _MONDAY) % wide
        counts[begins] = counts.get(begins, 0) + count
    while start < window.until:
        yield HourBar(start, start + wide, counts.get(start, 0))
        start += wide


def bar_name(bars: Sequence[HourBar]) -> str:
    """How long one bar lasts: `hour`, `6 h`, `day`."""
    names = {timedelta(hours=1): "hour", timedelta(days=1): "day", timedelta(days=7): "week"}
    wide = bars[0].end - bars[0].start
    return names.get(wide, length(wide))
