"""The pages of a key: each tells some of its cycles, for nobody reads thousands, and no browser shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Self
from urllib.parse import urlencode

from domain.errors import InvalidCommand
from infrastructure.ledger.questions.history import HistoryEntry
from scripts.html.cycle_page import OtherCycles

CYCLES_MAX: Final = 20
"""How many cycles a page tells."""


class KeyPage(NamedTuple):
    """The last cycles of a history, or the last before one of them; and where the others are, if there are some."""

    entries: Sequence[HistoryEntry]
    others: OtherCycles | None

    @classmethod
    def of(cls, entries: Sequence[HistoryEntry], *, where: str, at: str | None, before: str | None) -> Self:
        """What of a history stands on the page at `where`.

        Refuses: InvalidCommand for a `before` with none before it.
        """
        cycles = sorted({entry.event.cycle for entry in entries if entry.event.has_cycle})
        told = [cycle for cycle in cycles if cycle < _cycle(before)][-CYCLES_MAX:] if before else cycles[-CYCLES_MAX:]
        if len(told) == len(cycles):
            return cls(entries, None)

        def way(before: int) -> str:
            asked = {"at": at, "before": before if before <= cycles[-1] else None}
            said = urlencode({name: value for name, value in asked.items() if value is not None})
            return f"{where}?{said}" if said else where

        if not told:
            raise InvalidCommand(f"before {before}: the first cycle is {cycles[0]}")
        ways = []
        if told[0] > cycles[0]:
            ways.append(("Earlier cycles", way(told[0])))
        if told[-1] < cycles[-1]:
            ways.append(("Later cycles", way(told[-1] + 1 + CYCLES_MAX)))
        words = f"Cycles {told[0]:,} to {told[-1]:,} of {len(cycles):,}."
        chosen = set(told)
        return cls([entry for entry in entries if entry.event.cycle in chosen], OtherCycles(words, ways))


def _cycle(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidCommand(f"before {text!r:.40}: it is the number of a cycle, as 21")
    return int(text)
