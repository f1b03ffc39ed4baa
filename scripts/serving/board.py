"""What all browsers are shown: the newest parts of the live page, by their ids."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple


class Posted(NamedTuple):
    """All parts of the page, after `number` changes."""

    number: int
    parts: Mapping[str, str]


class Board:
    """The parts of the page, in one event loop; a slow reader misses parts that were replaced meanwhile.

    There is no queue for a reader, so that memory does not grow with their number.
    """

    def __init__(self) -> None:
        """Begin with an empty board."""
        self.posted = Posted(0, {})
        self._changed = asyncio.Event()
        self.is_over = False

    def post(self, parts: Mapping[str, str]) -> None:
        """Replace some parts."""
        self.posted = Posted(self.posted.number + 1, {**self.posted.parts, **parts})
        self._wake()

    def end(self) -> None:
        """End the wait of every reader."""
        self.is_over = True
        self._wake()

    async def after(self, number: int) -> Posted | None:
        """Wait for more than `number` changes, and return all parts; None once the board has ended."""
        while not self.is_over and self.posted.number <= number:
            await self._changed.wait()
        return None if self.is_over else self.posted

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
