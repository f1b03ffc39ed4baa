"""Keys that the user excludes from an import: their facts are counted, and not taken in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFact,
    StatementFill,
)

T = TypeVar("T", bound=StatementFact)


def excludable(key: PositionKey) -> PositionKey:
    """The key by which a fact is excluded: both sides of a hedge go together, because many files name no leg."""
    return key if key.leg in (Leg.BOTH, Leg.SPOT) else key.on(Leg.BOTH)


class ExcludedKeys:
    """The excluded keys, and how many fills and payments of each were met."""

    def __init__(self, keys: Iterable[PositionKey] = ()) -> None:
        """Begin before the first fact."""
        self.counts: dict[PositionKey, dict[str, int]] = {excludable(key): {"fills": 0, "payments": 0} for key in keys}

    def without(self, facts: Iterable[T]) -> Iterable[T]:
        """The facts of all other keys, and those that name no symbol. Refuses: as reading does."""
        return self._without(facts) if self.counts else facts

    def _without(self, facts: Iterable[T]) -> Iterator[T]:
        for fact in facts:
            counts = None if fact.key is None else self.counts.get(excludable(fact.key))
            if counts is None:
                yield fact
            else:
                counts["fills"] += isinstance(fact, StatementFill)
                counts["payments"] += isinstance(fact, StatementCash)
