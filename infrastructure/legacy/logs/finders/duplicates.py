"""Duplicate errors: the database refused a second open row of one key. One incident is counted once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.incident_window import LogMoment
from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind, differ
from infrastructure.legacy.logs.reading.clock import SECOND, timestamp_of

SAME_ERROR: Final = 5 * SECOND
"""Another line about the same error of one key within this time belongs to the same incident."""

TOLD_AGAIN: Final = 60 * SECOND
"""A rollback or a failed operation may log the error as its reason within this time after the error itself."""

_RECENT_MAX: Final = 1_000


@dataclass(eq=False)
class Duplicate(JsonObject):
    """One incident. `at` is the moment of its first line, in microseconds since 1970."""

    at: int
    symbol: str | None
    exchange: str | None
    constraint: str | None
    symbol_from: str | None
    operation: str | None
    tellings: int = 1
    is_over: bool = False
    scenario: str = "unknown"
    evidence: list[str] = field(default_factory=list)
    timeline: list[LogMoment] = field(default_factory=list)

    json_keys: ClassVar = (
        ("timestamp", timestamp_of("at")),
        "symbol",
        "exchange",
        "scenario",
        "evidence",
        "constraint",
        "symbol_from",
        "operation",
        "tellings",
        "timeline",
    )

    def tell_again(self, fact: Fact) -> None:
        """Add another line about it."""
        self.tellings += 1
        self.exchange = self.exchange or fact.exchange
        self.constraint = self.constraint or fact.constraint
        self.operation = self.operation or fact.operation


class Duplicates:
    """The incidents to which later lines may still belong."""

    def __init__(self) -> None:
        self._recent: list[Duplicate] = []

    def see(self, fact: Fact) -> Duplicate | None:
        """Process a fact; returns the incident if it begins one."""
        if fact.kind in (FactKind.OPERATION_STARTED, FactKind.CREATE_CALLED):
            for duplicate in self._recent:
                duplicate.is_over = duplicate.is_over or duplicate.symbol == fact.symbol
            return None
        if fact.kind is not FactKind.VIOLATION:
            return None
        for duplicate in reversed(self._recent):
            if _is_same(duplicate, fact):
                duplicate.tell_again(fact)
                return None
        found = Duplicate(
            fact.at,
            fact.symbol,
            fact.exchange,
            fact.constraint,
            fact.symbol_from or ("the key in the error" if fact.symbol else None),
            fact.operation,
        )
        self._recent.append(found)
        return found

    def settled(self, now: int | None) -> list[Duplicate]:
        """The incidents to which no later line can belong; all of them at the end of the log."""
        crowded = self._recent[: max(0, len(self._recent) - _RECENT_MAX)]
        done = [found for found in self._recent if now is None or abs(now - found.at) > TOLD_AGAIN] or crowded
        if done:
            self._recent = [found for found in self._recent if found not in done]
        return done


def _is_same(duplicate: Duplicate, fact: Fact) -> bool:
    if duplicate.symbol != fact.symbol or differ(duplicate.exchange, fact.exchange):
        return False
    if duplicate.operation and fact.operation:
        return duplicate.operation == fact.operation
    apart = fact.at - duplicate.at
    if fact.form == "again":
        return 0 <= apart <= TOLD_AGAIN
    return 0 <= apart <= SAME_ERROR and not duplicate.is_over
