"""A terminal as people look at it: how wide it is, whether it shows colours, and how one place of it is redrawn."""

from __future__ import annotations

import os
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable
from typing import Final, NoReturn

import click

_HOME: Final = "\x1b[H\x1b[2J"
"""To the top of a terminal, and clears it."""
COLOURS: Final = {"critical": "red", "warning": "yellow", "ok": None}
"""By the severity of what is shown; beside the word, never instead of it."""


def width() -> int:
    """How many letters a line may have: those of the terminal, or 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def columns_of(text: str) -> int:
    """How many columns a text takes on a terminal: a wide letter takes two, a mark on the letter before it none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def is_coloured() -> bool:
    """Whether stdout is a terminal that shows colours, and nobody asked for none (`NO_COLOR`)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def redraw(show: Callable[[], None], seconds: float) -> NoReturn:
    """Show something again and again until interrupted: in one place on a terminal, one below the other elsewhere."""
    while True:
        if sys.stdout.isatty():
            click.echo(_HOME, nl=False)
        show()
        sys.stdout.flush()
        time.sleep(seconds)
