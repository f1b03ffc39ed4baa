"""What all browsers are shown: parts of a page by their ids, of which the newest alone are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple


class Posted(NamedTuple):
    """All parts as they are after so many changes."""

    number: int
    parts: Mapping[str, str]


class Board:
    """Parts that are replaced, in one event loop; whoever is slow misses what was replaced meanwhile.

    Nothing is kept for a reader, so that memory does not grow with them.
    """

    def __init__(self) -> None:
        """An empty board."""
        self.posted = Posted(0, {})
        self._changed = asyncio.Event()
        self.is_over = False

    def post(self, parts: Mapping[str, str]) -> None:
        """Replace some parts."""
        self.posted = Posted(self.posted.number + 1, {**self.posted.parts, **parts})
        self._wake()

    def end(self) -> None:
        """Let every reader go."""
        self.is_over = True
        self._wake()

    async def after(self, number: int) -> Posted | None:
        """All parts once there were more than so many changes; None at the end."""
        while not self.is_over and self.posted.number <= number:
            await self._changed.wait()
        return None if self.is_over else self.posted

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
