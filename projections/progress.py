"""The progress of long work, as its caller is told of it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Called with how many events (or rows) were done since the last call."""


def no_progress(_: int) -> None:
    """The default: nobody is told."""
