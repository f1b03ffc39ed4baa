"""The last lines of a log, which are kept for the time before an error."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

LINES_MAX: Final = 60_000
"""How many lines are kept; ten seconds of a bot's log are hundreds of lines."""


class LineBuffer:
    """Keeps the last lines of a log by their place in it, in batches, oldest first, in bounded memory."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, list[bytes]]] = deque()
        self._held = 0

    def add(self, place: int, lines: list[bytes]) -> None:
        """Keep a batch whose first line has this place; drop the oldest batches beyond LINES_MAX."""
        self._batches.append((place, lines))
        self._held += len(lines)
        while len(self._batches) > 1 and self._held - len(self._batches[0][1]) >= LINES_MAX:
            self._held -= len(self._batches.popleft()[1])

    def back_from(self, place: int) -> Iterator[tuple[int, bytes]]:
        """Lines with their places, from `place` backwards, as far as they are kept."""
        for first, lines in reversed(self._batches):
            for index in range(min(place - first, len(lines) - 1), -1, -1):
                yield first + index, lines[index]
