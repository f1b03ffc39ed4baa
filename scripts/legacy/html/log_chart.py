"""The chart of a log over time: errors as bars, and the findings below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from infrastructure.legacy.logs.log_report import LogFinding, LogReport
from infrastructure.legacy.logs.reading.clock import utc
from infrastructure.legacy.logs.reading.tally import HOUR
from projections.formatting import counted, date_and_time
from scripts.html.shapes import Box, Drawing, Size, StraightLine, Words, cross
from scripts.html.time_scale import TimeScale

_TOP: Final = 14
_BARS_HEIGHT: Final = 150
_ROW_HEIGHT: Final = 26
_AXIS_HEIGHT: Final = 44
_BAR_PX_MIN: Final = 3.0
_STEPS: Final = (1, 2, 3, 6, 12, 24, 7 * 24, 28 * 24, 365 * 24)
"""The possible widths of a bar, in hours."""


def draw(report: LogReport, title: str, size: Size) -> Drawing:
    """Draw the report of a log that has at least one time."""
    return _LogChart(report, title, size).drawing


def key(report: LogReport) -> list[tuple[str, str]]:
    """The marks of the drawing, each with its meaning."""
    marks = [("bar", "errors"), ("refused", "one or more findings")]
    return marks if any(rows for _, rows in _rows(report)) else marks[:1]


def _rows(report: LogReport) -> list[tuple[str, Sequence[LogFinding]]]:
    return [
        ("duplicates", report.duplicates.kept),
        ("late", [refusal for refusal in report.refusals.kept if refusal.is_late]),
        ("failed", report.failures.kept),
        ("no stop", report.episodes.kept),
        ("restarts", report.restarts.kept),
    ]


class _LogChart:
    def __init__(self, report: LogReport, title: str, size: Size) -> None:
        tally = report.tally
        assert tally.first is not None and tally.last is not None, "it holds a time"
        self._size, self._right = size, size.width - 16
        room = self._right - size.left
        first, last = tally.first // HOUR, tally.last // HOUR + 1
        self._step = next((step for step in _STEPS if (last - first) / step * _BAR_PX_MIN <= room), _STEPS[-1])
        first, last = first // self._step * self._step, -(-last // self._step) * self._step
        self._first, self._wide = first, room / (last - first)
        rows = [(name, found) for name, found in _rows(report) if found]
        self._base = _TOP + _BARS_HEIGHT
        self._axis = self._base + _ROW_HEIGHT * len(rows) + 6
        self.drawing = Drawing(size.name, size.width, self._axis + _AXIS_HEIGHT, title, _description(report))
        self._bars(tally.errors)
        for number, (name, found) in enumerate(rows):
            self._row(self._base + _ROW_HEIGHT * (number + 0.5) + 3, name, found)
        self._time_axis(last)

    def _x(self, hours: float) -> float:
        return self._size.left + (hours - self._first) * self._wide

    def _bars(self, errors: dict[int, int]) -> None:
        counts: Counter[int] = Counter()
        for hour, count in errors.items():
            counts[hour // self._step * self._step] += count
        most = max([*counts.values(), 1])
        for y, text in ((_TOP, f"{most:,}"), (self._base, "0")):
            self.drawing.mark_value(y, text, self._size.left, self._right)
        for hour, count in counts.items():
            if count:
                height = max(_BARS_HEIGHT * count / most, 1)
                wide = max(self._step * self._wide - 1, 1)
                says = f"{counted(count, 'error')} in {self._span}, from {date_and_time(utc(hour * HOUR))}"
                self.drawing.boxes.append(Box(self._x(hour), self._base - height, wide, height, "bar", says))

    @property
    def _span(self) -> str:
        return "an hour" if self._step == 1 else f"{self._step} hours"

    def _row(self, y: float, name: str, found: Sequence[LogFinding]) -> None:
        self.drawing.words.append(Words(self._size.left - 10, y + 4, name, "row", "end"))
        places = Counter(round(self._x(each.at / HOUR) / 8) * 8 for each in found)
        for x, count in places.items():
            self.drawing.lines.append(StraightLine(cross(x, y), "refused", f"{name}: {count:,}"))

    def _time_axis(self, last: int) -> None:
        self.drawing.lines.append(StraightLine(f"M{self._size.left} {self._axis}H{self._right}", "axis"))
        scale = TimeScale((utc(self._first * HOUR), utc(last * HOUR)), self._size.left, self._right)
        self.drawing.mark_times(scale.ticks(), self._axis)


def _description(report: LogReport) -> str:
    """The drawing in words."""
    found = ", ".join(f"{name}: {len(rows):,}" for name, rows in _rows(report) if rows)
    errors = counted(report.tally.errors_total, "error")
    return f"{errors} over {report.tally.span_hours:g} hours. {found or 'No findings'}."
