"""Choosing the cycles of a key for a page: the last ones, or the last ones before a given cycle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from domain.errors import InvalidCommand
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.questions.ledger_questions import LedgerQuestions


class PageCycles(NamedTuple):
    """The events of the cycles on a page, the numbers of these cycles, and the numbers of all cycles of the key."""

    entries: Sequence[HistoryEntry]
    numbers: Sequence[int]
    of: Sequence[int]

    @classmethod
    def last(
        cls,
        ledger: LedgerQuestions,
        key_or_position_id: str,
        cycles_max: int,
        *,
        as_of: str | None = None,
        before: int | None = None,
    ) -> Self:
        """The last `cycles_max` cycles of a key, or the last ones before cycle `before`; only their events are read.

        Refuses: UnknownPosition for a key without events; InvalidCommand for a text that is neither a key nor a
                 position id, and for a `before` without earlier cycles.
        """
        every = [] if "#" in key_or_position_id else ledger.cycles(key_or_position_id, as_of=as_of)
        chosen = _last(every, cycles_max, before)
        if every:
            places = (f"{key_or_position_id.strip()}#{cycle}" for cycle in chosen)
            return cls([entry for place in places for entry in ledger.history(place, as_of=as_of)], chosen, every)
        entries = ledger.history(key_or_position_id, as_of=as_of)
        own = sorted({entry.event.cycle for entry in entries if entry.event.has_cycle})
        return cls(entries, _last(own, cycles_max, before), own)

    @property
    def words(self) -> str:
        """In words, which cycles are on the page, and how many there are in all."""
        if len(self.numbers) == 1:
            return f"Cycle {self.numbers[0]:,}, one of {len(self.of):,}."
        return f"Cycles {self.numbers[0]:,} to {self.numbers[-1]:,} of {len(self.of):,}."

    @property
    def is_all(self) -> bool:
        """Whether all cycles are on the page."""
        return len(self.numbers) == len(self.of)

    @property
    def are_last(self) -> bool:
        """Whether the last cycle is on the page."""
        return self.numbers[-1] == self.of[-1]

    @property
    def are_first(self) -> bool:
        """Whether the first cycle is on the page."""
        return self.numbers[0] == self.of[0]


def _last(every: Sequence[int], cycles_max: int, before: int | None) -> Sequence[int]:
    chosen = [cycle for cycle in every if before is None or cycle < before][-cycles_max:]
    if every and not chosen:
        raise InvalidCommand(f"before {before}: the first cycle is {every[0]}")
    return chosen
