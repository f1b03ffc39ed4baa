"""What every chart has: an axis of time, and its figure in several sizes."""

from __future__ import annotations

from functools import partial

from scripts.html.shapes import SIZES, Drawing, Figure, Size
from scripts.html.time_scale import Tick


def drawn(title: str, size: Size) -> Drawing:
    return Drawing(size.name, size.width, 50, title, "")


def test_a_tick_has_its_time_and_below_that_its_date() -> None:
    drawing = drawn("", SIZES[0])
    drawing.mark_times([Tick(10, "23:00", "2025-10-22"), Tick(60, "23:30", "")], 30)
    assert [line.path for line in drawing.lines] == ["M10.0 30v5", "M60.0 30v5"]
    assert [(words.x, words.y, words.text) for words in drawing.words] == [
        (10, 48, "23:00"),
        (10, 63, "2025-10-22"),
        (60, 48, "23:30"),
    ]


def test_a_figure_is_drawn_in_every_size() -> None:
    figure = Figure.drawn("refused", partial(drawn, "refused"))
    assert [(each.name, each.width, each.title) for each in figure.drawings] == [
        (size.name, size.width, "refused") for size in SIZES
    ]
