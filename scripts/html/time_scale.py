"""The axis of time: the x of a moment; long stretches in which nothing happened are shortened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Final

from projections.formatting import clock

QUIET_TIMES: Final = 10_000
"""A stretch is shortened if it is this many times as long as all others together: else those could not be seen."""
AFTERWARDS_TIMES: Final = 24
"""The same for a stretch after the end of the cycle, whose length matters less."""

CUT_SHARE: Final = 0.14
TICK_PX: Final = 92
APART_SHARE: Final = 0.8
BEGINNING_SHARE_MIN: Final = 0.2
ENLARGED_SHARE: Final = 0.34

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS: Final = [
    *(timedelta(milliseconds=step) for step in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(timedelta(seconds=step) for step in (1, 2, 5, 10, 15, 30)),
    *(timedelta(minutes=step) for step in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=step) for step in (1, 2, 3, 6, 12)),
    *(timedelta(days=step) for step in (1, 2, 7, 14, 28, 56, 112, 365, 730, 3650, 36500, 365000)),
]


@dataclass(frozen=True)
class Stretch:
    """A part of the axis from x `left` to x `right`; `is_cut` if it is shortened."""

    start: datetime
    end: datetime
    left: float
    right: float
    is_cut: bool

    @property
    def middle(self) -> float:
        """The x at which a cut is drawn."""
        return (self.left + self.right) / 2


@dataclass(frozen=True)
class Tick:
    """A mark on the axis with its time, and with its date if that differs from the date of the mark before."""

    x: float
    time: str
    date: str


class TimeScale:
    """An axis from the first of some times to the last, from x `left` to x `right`; its scale is even between cuts."""

    def __init__(
        self, times: Iterable[datetime], left: float, right: float, *, over_at: datetime | None = None
    ) -> None:
        """Lay out the axis; at `times` something happened, and at `over_at` the cycle ended."""
        points = sorted(set(times))
        self._left, self._right, self._only = left, right, points[0]
        parts = _parts(points, over_at or points[-1])
        shown = sum((end - start for start, end, is_cut in parts if not is_cut), timedelta())
        cut = (right - left) * CUT_SHARE
        room = right - left - cut * sum(is_cut for _, _, is_cut in parts)
        self.stretches: list[Stretch] = []
        x = left
        for start, end, is_cut in parts:
            width = cut if is_cut else room * ((end - start) / shown)
            self.stretches.append(Stretch(start, end, x, x + width, is_cut))
            x += width
        self._step = _round_step(shown / max(room, 1.0) * TICK_PX)

    def x(self, at: datetime) -> float:
        """The x of a time; a time outside the axis is at its edge."""
        for stretch in self.stretches:
            if at <= stretch.end:
                share = max((at - stretch.start) / (stretch.end - stretch.start), 0.0)
                return stretch.left + share * (stretch.right - stretch.left)
        return self._right if self.stretches else (self._left + self._right) / 2

    @property
    def cuts(self) -> list[Stretch]:
        """The stretches that were shortened."""
        return [stretch for stretch in self.stretches if stretch.is_cut]

    def ticks(self) -> list[Tick]:
        """Round times, but none within a cut, and no two whose labels would overlap."""
        ticks: list[Tick] = []
        date = ""
        for at in self._round_times():
            x = self.x(at)
            if ticks and x - ticks[-1].x < TICK_PX * APART_SHARE:
                continue
            day = f"{at:%Y-%m-%d}"
            ticks.append(Tick(x, _label(at, self._step), day if day != date else ""))
            date = day
        return ticks

    def _round_times(self) -> Iterator[datetime]:
        if not self.stretches:
            yield self._only
        for stretch in self.stretches:
            if stretch.is_cut:
                continue
            first, last = -(-(stretch.start - _EPOCH) // self._step), (stretch.end - _EPOCH) // self._step
            if first > last:
                yield stretch.start
            for number in range(first, last + 1):
                yield _EPOCH + number * self._step


class EnlargedScale:
    """An axis whose beginning is drawn larger: two scales side by side, which meet at the x `edge`."""

    def __init__(
        self, times: Iterable[datetime], left: float, right: float, until: datetime, *, over_at: datetime
    ) -> None:
        """Lay out the axis; the time before `until` is drawn larger."""
        points = {*times, until}
        self.edge, self._until = left + (right - left) * ENLARGED_SHARE, until
        self._near = TimeScale((at for at in points if at <= until), left, self.edge)
        self._far = TimeScale((at for at in points if at >= until), self.edge, right, over_at=over_at)

    def x(self, at: datetime) -> float:
        """The x of a time."""
        return self._near.x(at) if at <= self._until else self._far.x(at)

    @property
    def cuts(self) -> list[Stretch]:
        """The stretches that were shortened."""
        return [*self._near.cuts, *self._far.cuts]

    def ticks(self) -> list[Tick]:
        """The ticks of both scales, without those whose labels would overlap where the scales meet."""
        near = self._near.ticks()
        far = [tick for tick in self._far.ticks() if tick.x - near[-1].x >= TICK_PX * APART_SHARE]
        if far and far[0].date == near[0].date:
            far[0] = replace(far[0], date="")
        return [*near, *far]


def time_scale(
    times: Iterable[datetime], left: float, right: float, *, over_at: datetime, beginning: datetime | None
) -> TimeScale | EnlargedScale:
    """An axis of one scale, or of two where the time until `beginning` would be too short to be read."""
    points = sorted(times)
    plain = TimeScale(points, left, right, over_at=over_at)
    if beginning is None or plain.x(beginning) - left >= BEGINNING_SHARE_MIN * (right - left):
        return plain
    return EnlargedScale(points, left, right, beginning, over_at=over_at)


def _parts(points: Sequence[datetime], over_at: datetime) -> list[tuple[datetime, datetime, bool]]:
    """The time between the first and the last point in parts, each with whether it is shortened."""
    lengths = [later - earlier for earlier, later in pairwise(points)]
    cuts: set[int] = set()
    left = sum(lengths, timedelta())
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index], reverse=True):
        left -= lengths[index]
        times = AFTERWARDS_TIMES if points[index] >= over_at else QUIET_TIMES
        if not left or lengths[index] <= times * left:
            break
        cuts.add(index)
    parts = []
    for cut, run in groupby(range(len(lengths)), key=lambda index: index if index in cuts else None):
        numbers = list(run)
        parts.append((points[numbers[0]], points[numbers[-1] + 1], cut is not None))
    return parts


def _round_step(least: timedelta) -> timedelta:
    return next((step for step in _STEPS if step >= least), _STEPS[-1])


def _label(at: datetime, step: timedelta) -> str:
    if step < timedelta(seconds=1):
        return clock(at)
    if step < timedelta(minutes=1):
        return f"{at:%H:%M:%S}"
    return f"{at:%H:%M}" if step < timedelta(days=1) else ""
