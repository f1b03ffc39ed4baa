"""The elements of a drawing; a template writes them as SVG."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


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
