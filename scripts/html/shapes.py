"""The elements of a drawing, which a template writes as SVG, and figures: drawings in several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from scripts.html.time_scale import Tick


@dataclass(frozen=True)
class Box:
    """A rectangle; `says` is the text that is shown when a reader points at it."""

    x: float
    y: float
    width: float
    height: float
    look: str
    says: str = ""


@dataclass(frozen=True)
class StraightLine:
    """A path in the syntax of SVG."""

    path: str
    look: str
    says: str = ""


@dataclass(frozen=True)
class Words:
    """A label; `anchor` is `start`, `middle` or `end`."""

    x: float
    y: float
    text: str
    look: str = "label"
    anchor: str = "start"


@dataclass(frozen=True)
class Drawing:
    """Shapes in the order in which they are painted, with a title and a description for readers who cannot see them."""

    name: str
    width: float
    height: float
    title: str
    description: str
    grid: list[StraightLine] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    lines: list[StraightLine] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)

    def mark_value(self, y: float, text: str, left: float, right: float, look: str = "grid") -> None:
        """Add a line of the grid, and what it stands for on the left of it."""
        self.grid.append(StraightLine(f"M{left} {y:.1f}H{right}", look))
        self.words.append(Words(left - 10, y + 4, text, "label number", "end"))

    def mark_times(self, ticks: Iterable[Tick], y: float) -> None:
        """Add the ticks of a time axis at `y`, each with its time, and its date below that."""
        for tick in ticks:
            self.lines.append(StraightLine(f"M{tick.x:.1f} {y}v5", "axis"))
            for number, text in enumerate(text for text in (tick.time, tick.date) if text):
                self.words.append(Words(tick.x, y + 18 + 15 * number, text, "label number", "middle"))


@dataclass(frozen=True)
class Size:
    """The dimensions of a drawing: for a desktop screen, for paper, or for a phone."""

    name: str
    width: int
    left: int
    right: int
    plot: int
    price_ticks: int


SIZES: Final = (
    Size("wide", 1000, 84, 118, 230, 6),
    Size("medium", 640, 84, 118, 220, 6),
    Size("narrow", 360, 78, 60, 210, 5),
)


@dataclass(frozen=True)
class Figure:
    """A drawing in several sizes, of which the page shows the one that fits, and the meaning of its marks."""

    caption: str
    drawings: Sequence[Drawing]
    key: Sequence[tuple[str, str]]

    @classmethod
    def drawn(cls, caption: str, draw: Callable[[Size], Drawing], key: Sequence[tuple[str, str]] = ()) -> Self:
        """The figure of what `draw` draws in each size."""
        return cls(caption, [draw(size) for size in SIZES], key)


_CHARACTER_PX: Final = 7.2


def px(text: str) -> float:
    """The estimated width of a label; in most fonts it is a little less."""
    return len(text) * _CHARACTER_PX


def spread(places: list[float], apart: float, low: float, high: float) -> list[float]:
    """Move labels apart so that none covers another, each as near to its place as possible; `places` are sorted."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + apart) if moved else max(place, low))
    bound = high
    for number in reversed(range(len(moved))):
        moved[number] = min(moved[number], bound)
        bound = moved[number] - apart
    return moved


def triangle(x: float, y: float, *, is_up: bool) -> str:
    """The mark of an entry: it points in the direction of a profit."""
    tip = -6 if is_up else 6
    return f"M{x:.1f} {y + tip:.1f}l5.5 {-1.7 * tip:.1f}h-11z"


def diamond(x: float, y: float) -> str:
    """The mark of an exit."""
    return f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z"


def warning_sign(x: float, y: float) -> str:
    """The mark of a failure: a triangle with a stroke in it."""
    return f"M{x:.1f} {y - 6:.1f}l6.5 11.5h-13zm0 4v3.5m0 1.6v.8"


def cross(x: float, y: float) -> str:
    """The mark of a refusal."""
    return f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
