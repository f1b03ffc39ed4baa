"""A narrative as text for a terminal: its facts, its anomalies and its chapters, wrapped."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from projections.audit.anomalies import Anomaly, Weight
from projections.audit.narrative import Narrative, NarrativeLine
from projections.formatting import clock, day, length, sentence
from scripts.output import show
from scripts.screen import width

_WIDTH_MAX: Final = 120
_TEXT_MIN: Final = 20
"""The least width of a text; on a terminal that is too narrow for it lines run over."""
_MARKS: Final = {Weight.WARNING: "!", Weight.NOTE: "-"}


def print_stories(stories: Sequence[Narrative]) -> None:
    """Print narratives, for people."""
    for number, each in enumerate(stories):
        if number:
            show("")
        print_story(each)


def print_story(story: Narrative) -> None:
    """Print the narrative of one cycle; times are in UTC."""
    show(f"{story.row.position_id}: {story.headline}", "")
    widest = max(len(name) for name, _ in story.facts)
    for name, value in story.facts:
        print_wrapped(f"  {name.ljust(widest)}  ", value)
    if story.oddities:
        show("", "Odd about it")
    time = story.timeline
    is_long = day(time.start) != day(time.last_at)
    for oddity in story.oddities:
        print_wrapped(*oddity_cells(oddity, with_date=is_long))
    for first, text in _chapters(story):
        print_wrapped(first, text)


def oddity_cells(oddity: Anomaly, *, with_date: bool) -> tuple[str, str]:
    """The mark and the time of an anomaly, and its sentence; `!` marks a warning."""
    date = f"{day(oddity.at)} " if with_date else ""
    return f"  {_MARKS[oddity.weight]} {date}{clock(oddity.at)}  ", f"{sentence(oddity.text)}."


def print_wrapped(first: str, text: str) -> None:
    """Print a text after `first`, wrapped to the terminal or to 120 letters, with its further lines indented."""
    whole = min(width(), _WIDTH_MAX) if sys.stdout.isatty() else _WIDTH_MAX
    for part in textwrap.wrap(text, max(whole - len(first), _TEXT_MIN), break_on_hyphens=False) or [""]:
        show(f"{first}{part}".rstrip())
        first = " " * len(first)


def _chapters(story: Narrative) -> Iterator[tuple[str, str]]:
    today = None
    for chapter in story.chapters:
        yield "", ""
        yield "", chapter.title
        for line in chapter.lines:
            if day(line.at) != today:
                today = day(line.at)
                yield "  ", today
            yield f"  {clock(line.at)}  {_since(line).ljust(14)}  ", line.text


def _since(line: NarrativeLine) -> str:
    return f"+{length(line.since)}" if line.since else ""
