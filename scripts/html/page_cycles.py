"""Which cycles of a key stand on a page: the last ones, or the last ones before one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from domain.errors import InvalidCommand
from infrastructure.ledger.questions.history import HistoryEntry


class PageCycles(NamedTuple):
    """The events of the cycles on a page, and the numbers of these cycles and of all that there are."""

    entries: Sequence[HistoryEntry]
    numbers: Sequence[int]
    of: Sequence[int]

    @classmethod
    def last(cls, entries: Sequence[HistoryEntry], most: int, *, before: int | None) -> Self:
        """The last cycles of a history, so many at most, or the last before one of them.

        Refuses: InvalidCommand for a `before` with none before it.
        """
        every = sorted({entry.event.cycle for entry in entries if entry.event.has_cycle})
        chosen = [cycle for cycle in every if before is None or cycle < before][-most:]
        if len(chosen) == len(every):
            return cls(entries, chosen, every)
        if not chosen:
            raise InvalidCommand(f"before {before}: the first cycle is {every[0]}")
        first, last = chosen[0], chosen[-1]
        return cls([entry for entry in entries if first <= entry.event.cycle <= last], chosen, every)

    @property
    def words(self) -> str:
        """Which they are, and of how many."""
        if len(self.numbers) == 1:
            return f"Cycle {self.numbers[0]:,}, one of {len(self.of):,}."
        return f"Cycles {self.numbers[0]:,} to {self.numbers[-1]:,} of {len(self.of):,}."

    @property
    def is_all(self) -> bool:
        """Whether there are no others."""
        return len(self.numbers) == len(self.of)

    @property
    def are_last(self) -> bool:
        """Whether none comes after them."""
        return self.numbers[-1] == self.of[-1]

    @property
    def are_first(self) -> bool:
        """Whether none comes before them."""
        return self.numbers[0] == self.of[0]
