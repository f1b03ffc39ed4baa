"""The lines before a moment: the last batches of a log, as long as they may still be asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

LINES_MAX: Final = 60_000
"""How many lines are held; ten seconds of a bot's log are hundreds."""


class LineBuffer:
    """Holds the last lines of a log by their place in it, oldest batch first, in bounded memory."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, list[bytes]]] = deque()
        self._held = 0

    def add(self, place: int, lines: list[bytes]) -> None:
        """Hold a batch whose first line has this place; let go of what is too far back."""
        self._batches.append((place, lines))
        self._held += len(lines)
        while len(self._batches) > 1 and self._held - len(self._batches[0][1]) >= LINES_MAX:
            self._held -= len(self._batches.popleft()[1])

    def back_from(self, place: int) -> Iterator[tuple[int, bytes]]:
        """Lines and their places from one on backwards, as far as they are held."""
        for first, lines in reversed(self._batches):
            for index in range(min(place - first, len(lines) - 1), -1, -1):
                yield first + index, lines[index]
