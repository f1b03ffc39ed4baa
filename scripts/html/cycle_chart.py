"""One cycle drawn along its time: status, protection, prices, fills, and the rivals that were refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from domain.values import Side, plain
from projections.formatting import average, clock_beside, counted, date_and_time, for_eyes, length
from projections.timeline import Span, StopStep, Timeline
from scripts.html.price_scale import PriceScale
from scripts.html.shapes import (
    Box,
    Drawing,
    Size,
    StraightLine,
    Words,
    cross,
    diamond,
    px,
    spread,
    triangle,
    warning_sign,
)
from scripts.html.time_scale import EnlargedScale, time_scale

Thing = TypeVar("Thing")

_STATUS_ROW: Final = (22, 22)
_COVER_ROW: Final = (49, 11)
_PLOT_TOP: Final = 76
_ROW_HEIGHT: Final = 26
_AXIS_HEIGHT: Final = 44
_LABEL_APART: Final = 15
_GAP_PX: Final = 3.0
"""The least width of a gap in protection, so that it can be seen."""
_GAPS_SHARE_MAX: Final = 0.1
"""Which share of the axis all gaps may take by their least width; if there are too many, they are drawn narrower."""
_MARKS_APART: Final = 4
_CLUSTER_PX: Final = 34


def draw(time: Timeline, side: Side, title: str, size: Size) -> Drawing:
    """Draw a cycle; its entry is drawn larger if it would be too small to be seen."""
    return _Chart(time, side, title, size).drawing


class _Chart:
    def __init__(self, time: Timeline, side: Side, title: str, size: Size) -> None:
        self._time, self._side = time, side
        self._bottom = _PLOT_TOP + (size.plot if time.prices else 0)
        rows = [name for name, found in (("refused", time.refused), ("failed", time.failed)) if found]
        self._rows = {name: self._bottom + 3 + _ROW_HEIGHT * (index + 0.5) for index, name in enumerate(rows)}
        self._axis = self._bottom + 6 + _ROW_HEIGHT * len(rows)
        self._prices = PriceScale(time.prices, _PLOT_TOP, self._bottom) if time.prices else None
        self._price_ticks = self._prices.ticks(size.price_ticks) if self._prices else []
        self._labels = [(f"{name} {for_eyes(price)}", price, look) for name, price, look in self._last_prices()]
        self._left = max([size.left, *(px(text) + 14 for _, text in self._price_ticks)])
        self._right = size.width - max([size.right, *(px(text) + 16 for text, _, _ in self._labels)])
        self._scale = time_scale(
            time.instants, self._left, self._right, over_at=time.over_at, beginning=time.entered_at
        )
        self.drawing = Drawing(size.name, size.width, self._axis + _AXIS_HEIGHT, title, _description(time))
        self._statuses()
        self._protection()
        if self._prices is not None:
            self._plot(self._prices)
        self._refusals()
        self._failures()
        self._time_axis()
        self._cuts()

    def _box(self, span: Span, rows: tuple[float, float], look: str, says: str = "", least: float = 1) -> None:
        left, right = self._scale.x(span.start), self._scale.x(span.end)
        width = max(right - left, least)
        top, height = rows
        self.drawing.boxes.append(Box(min(left, self._right - width), top, width, height, look, says))

    def _clock(self, at: datetime) -> str:
        return clock_beside(at, self._time.start)

    def _row_name(self, y: float, text: str) -> None:
        self.drawing.words.append(Words(self._left - 10, y, text, "row", "end"))

    def _statuses(self) -> None:
        self._row_name(_STATUS_ROW[0] + 16, "status")
        for span in self._time.statuses:
            says = f"{span.status} for {length(span.length)}, from {self._clock(span.start)}"
            self._box(span, _STATUS_ROW, f"status {span.status}", says)
            left, right = self._scale.x(span.start), self._scale.x(span.end)
            if isinstance(self._scale, EnlargedScale) and left < self._scale.edge < right:
                left = self._scale.edge
            right = min([right, *(cut.middle - 4 for cut in self._scale.cuts if left < cut.middle < right)])
            if px(span.status) + 8 <= right - left:
                self.drawing.words.append(Words(left + 6, _STATUS_ROW[0] + 15, span.status, f"on {span.status}"))

    def _protection(self) -> None:
        self._row_name(_COVER_ROW[0] + 10, "protected")
        for span in self._time.covered:
            self._box(span, _COVER_ROW, "covered", f"protected for {length(span.length)}")
        share = (self._right - self._left) * _GAPS_SHARE_MAX / max(len(self._time.gaps), 1)
        least = min(_GAP_PX, share)
        for gap in self._time.gaps:
            says = f"unprotected for {length(gap.length)}, from {self._clock(gap.start)}: {gap.why}"
            if self._prices:
                self._box(gap, (_PLOT_TOP, self._bottom - _PLOT_TOP), "bare-column", least=least)
            self._box(gap, _COVER_ROW, "bare", says, least)

    def _plot(self, prices: PriceScale) -> None:
        for y, text in self._price_ticks:
            self.drawing.lines.append(StraightLine(f"M{self._left} {y:.1f}H{self._right}", "grid"))
            self.drawing.words.append(Words(self._left - 10, y + 4, text, "label number", "end"))
        time = self._time
        if time.signal_price is not None:
            y = prices.y(time.signal_price)
            says = f"the signal saw {plain(time.signal_price)}"
            self.drawing.lines.append(StraightLine(f"M{self._left} {y:.1f}H{self._right}", "signal", says))
        if time.planned_stop is not None:
            y = prices.y(time.planned_stop)
            says = f"the stop was planned at {average(time.planned_stop)}"
            end = self._scale.x(next((step.at for step in time.stops if step.price is not None), time.end))
            self.drawing.lines.append(StraightLine(f"M{self._left} {y:.1f}H{end:.1f}", "planned", says))
        self._stairs(prices, time.averages, "average", "average entry")
        self._stairs(prices, time.stops, "stop", "stop")
        self._fills(prices)
        self._price_labels(prices)

    def _stairs(self, prices: PriceScale, steps: Sequence[StopStep], look: str, name: str) -> None:
        path: list[str] = []
        pen_is_down = False
        for step in steps:
            x = self._scale.x(step.at)
            if pen_is_down:
                path.append(f"H{x:.1f}")
            if step.price is not None:
                path.append(f"{'V' if pen_is_down else f'M{x:.1f} '}{prices.y(step.price):.1f}")
            pen_is_down = step.price is not None
        if pen_is_down:
            path.append(f"H{self._right:.1f}")
        known = [plain(step.price) for step in steps if step.price is not None]
        if known:
            says = f"{name} {known[0]}" + (f", at last {known[-1]}, {counted(len(known), 'step')}" if known[1:] else "")
            self.drawing.lines.append(StraightLine("".join(path), look, says))
        if self._is_lost(steps):
            x, last = self._scale.x(steps[-1].at), steps[-2].price
            assert last is not None, "it had a price until it was lost"
            self._say_lost(x, prices.y(last), f"{name} {for_eyes(last)}", f"label of-{look}")

    def _say_lost(self, x: float, y: float, text: str, look: str) -> None:
        """Put a label at the end of a line, or above the line if there is no room beside it."""
        if x + 6 + px(text) < self._right:
            self.drawing.words.append(Words(x + 6, y + 4, text, look))
        else:
            self.drawing.words.append(Words(x, y - 6, text, look, "end"))

    def _is_lost(self, steps: Sequence[StopStep]) -> bool:
        """Whether a line ends before the cycle does."""
        return len(steps) > 1 and steps[-1].price is None and steps[-1].at < self._time.over_at

    def _fills(self, prices: PriceScale) -> None:
        drawn: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for fill in self._time.fills:
            x, y = self._scale.x(fill.at), prices.y(fill.price)
            marks = drawn[fill.is_entry]
            if any(abs(x - a) < _MARKS_APART and abs(y - b) < _MARKS_APART for a, b in marks[-8:]):
                continue
            marks.append((x, y))
            verb = "entered" if fill.is_entry else "closed"
            says = f"{plain(fill.quantity)} {verb} at {plain(fill.price)}, {self._clock(fill.at)}"
            shape = triangle(x, y, is_up=self._side is Side.LONG) if fill.is_entry else diamond(x, y)
            self.drawing.lines.append(StraightLine(shape, "entry" if fill.is_entry else "exit", says))

    def _price_labels(self, prices: PriceScale) -> None:
        labels = sorted((prices.y(price), text, look) for text, price, look in self._labels)
        places = spread([y for y, _, _ in labels], _LABEL_APART, _PLOT_TOP + 4, self._bottom)
        for (at, text, look), y in zip(labels, places, strict=True):
            self.drawing.lines.append(StraightLine(f"M{self._right + 2} {at:.1f}L{self._right + 9} {y:.1f}", "leader"))
            self.drawing.words.append(Words(self._right + 12, y + 4, text, f"label {look}"))

    def _last_prices(self) -> Iterator[tuple[str, Decimal, str]]:
        time = self._time
        if time.signal_price is not None:
            yield "signal", time.signal_price, "of-signal"
        if time.planned_stop is not None and not time.stops:
            yield "planned", time.planned_stop, "of-stop"
        for name, steps, look in (("entry", time.averages, "of-average"), ("stop", time.stops, "of-stop")):
            known = [step.price for step in steps if step.price is not None]
            if known and not self._is_lost(steps):
                yield name, known[-1], look
        exits = [fill.price for fill in time.fills if not fill.is_entry]
        if exits:
            yield "exit", exits[-1], "of-exit"

    def _refusals(self) -> None:
        if not self._time.refused:
            return
        y = self._rows["refused"]
        self._row_name(y + 4, "refused")
        for x, found in _clusters((self._scale.x(rival.at), rival) for rival in self._time.refused):
            who = ", ".join(sorted({rival.name for rival in found})[:5])
            says = f"{counted(len(found), 'rival')} refused: {who}"
            self.drawing.lines.append(StraightLine(cross(x, y), "refused", says))
            if len(found) > 1:
                self.drawing.words.append(Words(x + 8, y + 4, f"{len(found):,}", "label of-refused"))

    def _failures(self) -> None:
        if not self._time.failed:
            return
        y = self._rows["failed"]
        self._row_name(y + 4, "went wrong")
        for x, found in _clusters((self._scale.x(step.at), step) for step in self._time.failed):
            says = "; ".join(f"{self._clock(step.at)} {step.says}" for step in found[:5])
            self.drawing.lines.append(StraightLine(warning_sign(x, y), "failed", says))
            if len(found) > 1:
                self.drawing.words.append(Words(x + 10, y + 4, f"{len(found):,}", "label of-failed"))

    def _time_axis(self) -> None:
        if isinstance(self._scale, EnlargedScale):
            edge = self._scale.edge
            says = "left of this line time is drawn larger, so that the entry can be read"
            self.drawing.lines.append(StraightLine(f"M{edge:.1f} {_STATUS_ROW[0] - 14}V{self._axis}", "edge", says))
            self.drawing.words.append(Words(edge - 6, _STATUS_ROW[0] - 6, "the entry, drawn larger", "label", "end"))
        self.drawing.lines.append(StraightLine(f"M{self._left} {self._axis}H{self._right}", "axis"))
        self.drawing.mark_times(self._scale.ticks(), self._axis)

    def _cuts(self) -> None:
        top = _STATUS_ROW[0] - 2
        for cut in self._scale.cuts:
            zigzag = "".join(f"l{4 if step % 2 == 0 else -4} 6" for step in range(int((self._axis - top) / 6)))
            missing = length(cut.end - cut.start)
            self.drawing.lines.append(
                StraightLine(f"M{cut.middle - 2:.1f} {top}{zigzag}", "cut", f"{missing} cut short")
            )
            self.drawing.words.append(Words(cut.middle, top - 4, missing, "label of-cut", "middle"))


def _clusters(places: Iterable[tuple[float, Thing]]) -> Iterator[tuple[float, list[Thing]]]:
    """Group things that are too close to be drawn apart; each group comes with the x of its first thing."""
    at = 0.0
    found: list[Thing] = []
    for x, thing in sorted(places, key=lambda place: place[0]):
        if found and x - at >= _CLUSTER_PX:
            yield at, found
            found = []
        if not found:
            at = x
        found.append(thing)
    if found:
        yield at, found


def _description(time: Timeline) -> str:
    """The drawing in words."""
    parts = [
        f"{span.status} for {length(span.length)}" if span.length else str(span.status) for span in time.statuses[:12]
    ]
    words = f"From {date_and_time(time.start)} UTC on. Status: {', then '.join(parts)}."
    gaps = [gap for gap in time.gaps if gap.length]
    if gaps:
        longest = max(gaps, key=lambda gap: gap.length)
        words += (
            f" Unprotected {counted(len(gaps), 'time')}, {length(time.unprotected)} in all, longest "
            f"{length(longest.length)} from {clock_beside(longest.start, time.start)}."
        )
    if time.refused:
        words += f" {counted(len(time.refused), 'rival')} refused."
    for step in time.failed[:12]:
        words += f" At {clock_beside(step.at, time.start)} {step.says}."
    return words


def key(time: Timeline, side: Side) -> list[tuple[str, str]]:
    """The marks that a drawing has, each with its meaning."""
    has_entries = any(fill.is_entry for fill in time.fills)
    has_exits = any(not fill.is_entry for fill in time.fills)
    return [
        (look, words)
        for look, words, is_there in (
            ("entry" if side is Side.LONG else "entry down", "entry fill", has_entries),
            ("average", "average entry", any(step.price for step in time.averages)),
            ("stop", "stop", any(step.price for step in time.stops)),
            ("planned", "planned stop", time.planned_stop is not None),
            ("exit", "exit fill", has_exits),
            ("signal", "what the signal saw", time.signal_price is not None),
            ("covered", "protected", bool(time.covered)),
            ("bare", "unprotected", bool(time.gaps)),
            ("refused", "rivals refused", bool(time.refused)),
            ("failed", "went wrong", bool(time.failed)),
        )
        if is_there
    ]
