"""The pages of a key: each tells some of its cycles, and has links to the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Self
from urllib.parse import urlencode

from domain.errors import InvalidCommand
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.questions.ledger_questions import LedgerQuestions
from scripts.html.cycle_page import OtherCycles
from scripts.html.page_cycles import PageCycles

CYCLES_MAX: Final = 20
"""How many cycles a page tells."""


class KeyPage(NamedTuple):
    """The events of the last cycles of a key, or of the last ones before a cycle, and links to the other cycles."""

    entries: Sequence[HistoryEntry]
    others: OtherCycles | None

    @classmethod
    def of(cls, ledger: LedgerQuestions, place: str, *, where: str, at: str | None, before: str | None) -> Self:
        """The page at `where` of a key, or of the cycle that a position id names; `at` is a moment in the past.

        Refuses: UnknownPosition; InvalidCommand, also for a `before` with none before it.
        """
        chosen = PageCycles.last(ledger, place, CYCLES_MAX, as_of=at, before=_cycle(before) if before else None)
        if chosen.is_all:
            return cls(chosen.entries, None)

        def url(before: int) -> str:
            parameters = {"at": at, "before": before if before <= chosen.of[-1] else None}
            query = urlencode({name: value for name, value in parameters.items() if value is not None})
            return f"{where}?{query}" if query else where

        links = []
        if not chosen.are_first:
            links.append(("Earlier cycles", url(chosen.numbers[0])))
        if not chosen.are_last:
            links.append(("Later cycles", url(chosen.numbers[-1] + 1 + CYCLES_MAX)))
        return cls(chosen.entries, OtherCycles(chosen.words, links))


def _cycle(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidCommand(f"before {text!r:.40}: it is the number of a cycle, as 21")
    return int(text)
