"""Lines of trades that a file does not say enough of: they are counted, and the report says where to find the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from infrastructure.transfer.statements.statement_facts import StatementFact, StatementLine, StatementOmission
from projections.formatting import counted


class OmittedLines:
    """How many lines were left out, by what they are of and what says it instead."""

    def __init__(self) -> None:
        """Begin before the first line."""
        self._counts: Counter[tuple[str, str]] = Counter()

    def without(self, lines: Iterable[StatementLine]) -> Iterator[StatementFact]:
        """All other lines. Refuses: as reading does."""
        for line in lines:
            if isinstance(line, StatementOmission):
                self._counts[line.what, line.instead] += 1
            else:
                yield line

    @property
    def findings(self) -> list[str]:
        """What was left out, in words."""
        return [
            f"left out: {counted(count, 'line')} of {what}; for them import {instead}"
            for (what, instead), count in self._counts.items()
        ]
