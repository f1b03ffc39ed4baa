"""Which cycles of a key stand on a page: the last ones, or the last ones before one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from domain.errors import InvalidCommand
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.questions.ledger_questions import LedgerQuestions


class PageCycles(NamedTuple):
    """The events of the cycles on a page, and the numbers of these cycles and of all that there are."""

    entries: Sequence[HistoryEntry]
    numbers: Sequence[int]
    of: Sequence[int]

    @classmethod
    def last(
        cls,
        ledger: LedgerQuestions,
        key_or_position_id: str,
        most: int,
        *,
        as_of: str | None = None,
        before: int | None = None,
    ) -> Self:
        """The last cycles of a key, so many at most, or the last before one of them; only their events are read.

        Refuses: UnknownPosition when nothing ever happened there, InvalidCommand for what is neither key nor cycle,
                 and for a `before` with none before it.
        """
        every = [] if "#" in key_or_position_id else ledger.cycles(key_or_position_id, as_of=as_of)
        chosen = _last(every, most, before)
        if every:
            places = (f"{key_or_position_id.strip()}#{cycle}" for cycle in chosen)
            return cls([entry for place in places for entry in ledger.history(place, as_of=as_of)], chosen, every)
        entries = ledger.history(key_or_position_id, as_of=as_of)
        own = sorted({entry.event.cycle for entry in entries if entry.event.has_cycle})
        return cls(entries, _last(own, most, before), own)

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


def _last(every: Sequence[int], most: int, before: int | None) -> Sequence[int]:
    chosen = [cycle for cycle in every if before is None or cycle < before][-most:]
    if every and not chosen:
        raise InvalidCommand(f"before {before}: the first cycle is {every[0]}")
    return chosen
