"""A chart of counts over time, drawn as bars."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from projections.audit.ledger_report import HourBar, bar_name
from projections.formatting import counted, date_and_time
from scripts.html.price_scale import round_steps
from scripts.html.shapes import Box, Drawing, Size
from scripts.html.time_scale import TimeScale

_TOP: Final = 12
_HEIGHT: Final = 150
_AXIS_HEIGHT: Final = 44
_TICKS: Final = 4


def draw(bars: Sequence[HourBar], title: str, size: Size) -> Drawing:
    """Draw how many duplicates were refused, one bar for each span; spans without any keep their place."""
    left, right, bottom = size.left, size.width - 44, _TOP + _HEIGHT
    drawing = Drawing(size.name, size.width, bottom + _AXIS_HEIGHT, title, _description(bars))
    scale = TimeScale([bars[0].start, bars[-1].end], left, right)
    highest = max(bar.count for bar in bars)
    step = max(round_steps(Decimal(highest) / _TICKS), Decimal(1)).to_integral_value()
    top = -(-highest // int(step)) * int(step) or 1
    for count in range(0, top + 1, int(step)):
        y = bottom - _HEIGHT * count / top
        drawing.mark_value(y, f"{count:,}", left, right, "grid" if count else "axis")
    for bar in bars:
        if bar.count:
            x, wide = scale.x(bar.start), scale.x(bar.end) - scale.x(bar.start)
            tall = _HEIGHT * bar.count / top
            says = f"{bar.count:,} refused in the {bar_name(bars)} from {date_and_time(bar.start)}"
            drawing.boxes.append(Box(x + wide * 0.1, bottom - tall, wide * 0.8, tall, "bar", says))
    drawing.mark_times(scale.ticks(), bottom)
    return drawing


def _description(bars: Sequence[HourBar]) -> str:
    most = max(bars, key=lambda bar: bar.count)
    return (
        f"{counted(sum(bar.count for bar in bars), 'duplicate')} refused from {date_and_time(bars[0].start)} to "
        f"{date_and_time(bars[-1].end)}; most of them, {most.count:,}, in the {bar_name(bars)} from "
        f"{date_and_time(most.start)}."
    )
