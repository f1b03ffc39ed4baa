"""A chart of a running sum over time, drawn as a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Final

from projections.formatting import date_and_time, for_eyes, signed
from scripts.html.price_scale import PriceScale
from scripts.html.shapes import Drawing, Size, StraightLine, Words, px
from scripts.html.time_scale import TimeScale

_TOP: Final = 12
_HEIGHT: Final = 170
_AXIS_HEIGHT: Final = 30
_TICKS: Final = 4


def draw(
    points: Sequence[tuple[datetime, Decimal]], until: datetime, currency: str | None, title: str, size: Size
) -> Drawing:
    """Draw a sum from its first point until a moment, with a line at zero."""
    sums = [total for _, total in points]
    bottom = _TOP + _HEIGHT
    prices = PriceScale([*sums, Decimal(0)], _TOP, bottom)
    ticks = prices.ticks(_TICKS)
    last = signed(sums[-1], currency)
    left = max([size.left, *(px(text) + 14 for _, text in ticks)])
    right = size.width - px(last) - 16
    scale = TimeScale([points[0][0], until], left, right)
    lowest, highest = min(sums), max(sums)
    description = (
        f"From {date_and_time(points[0][0])} to {date_and_time(until)}: {last} at the end, {for_eyes(highest)} at the "
        f"highest, {for_eyes(lowest)} at the lowest."
    )
    drawing = Drawing(size.name, size.width, bottom + _AXIS_HEIGHT, title, description)
    for y, text in ticks:
        drawing.mark_value(y, text, left, right)
    drawing.lines.append(StraightLine(f"M{left} {prices.y(Decimal(0)):.1f}H{right}", "axis"))
    steps = [f"M{left:.1f} {prices.y(sums[0]):.1f}"]
    for x, at_once in groupby(points[1:], lambda point: round(scale.x(point[0]))):
        ys = [prices.y(total) for _, total in at_once]
        turns = [min(ys), max(ys), ys[-1]] if len(ys) > 1 else ys
        steps.append(f"H{x}" + "".join(f"V{y:.1f}" for y in turns))
    drawing.lines.append(StraightLine(f"{''.join(steps)}H{right:.1f}", "average", description))
    drawing.words.append(Words(right + 8, prices.y(sums[-1]) + 4, last, "label of-average"))
    for tick in scale.ticks():
        drawing.lines.append(StraightLine(f"M{tick.x:.1f} {bottom}v5", "axis"))
        drawing.words.append(Words(tick.x, bottom + 20, tick.date or tick.time, "label number", "middle"))
    return drawing
