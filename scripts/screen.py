"""The terminal: its width, whether it shows colours, and how it is redrawn."""

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
"""Moves to the top of a terminal, and clears it."""
COLOURS: Final = {"critical": "red", "warning": "yellow", "ok": None}
"""Colours by severity; the word is always shown as well."""


def width() -> int:
    """How many characters a line may have: the width of the terminal, or 80 without a terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def columns_of(text: str) -> int:
    """How many columns a text takes on a terminal: a wide letter takes two, a mark on the letter before it none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def is_coloured() -> bool:
    """Whether stdout is a terminal that shows colours, and `NO_COLOR` is not set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def redraw(show: Callable[[], None], seconds: float) -> NoReturn:
    """Call `show` every `seconds` until interrupted; a terminal is cleared before each call."""
    while True:
        if sys.stdout.isatty():
            click.echo(_HOME, nl=False)
        show()
        sys.stdout.flush()
        time.sleep(seconds)
