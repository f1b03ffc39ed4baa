"""A fact that one record of a log states: its kind, its moment, the key, and details."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FactKind(StrEnum):
    """Every kind of fact that is recognised; timelines and statistics use these names."""

    OPERATION_STARTED = "operation_started"
    CREATE_CALLED = "create_called"
    INSERTED = "inserted"
    ENTRY_SENT = "entry_sent"
    ENTRY_PLACED = "entry_placed"
    STOP_SENT = "stop_sent"
    ACTIVATED = "activated"
    VIOLATION = "violation"
    OTHER_VIOLATION = "other_violation"
    ENTRY_FAILED = "entry_failed"
    ROLLBACK = "rollback"
    REFUSED_EARLY = "refused_early"
    REFUSED_LATE = "refused_late"
    NOT_FOUND = "not_found"
    ADDED_MISSING = "added_missing"
    PHANTOM = "phantom"
    QUANTITY_MISMATCH = "quantity_mismatch"
    UNPROTECTED = "unprotected"
    BOT_STARTED = "bot_started"
    BOT_STOPPED = "bot_stopped"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a record. `place` is the number of its line, over all files; symbols are normalised.

    Units: `at` in microseconds since 1970, UTC; `seconds` as the message gives them.
    """

    kind: FactKind
    at: int
    place: int
    logger: str
    text: str
    symbol: str | None = None
    exchange: str | None = None
    position_id: str | None = None
    operation: str | None = None
    status: str | None = None
    signal_id: str | None = None
    constraint: str | None = None
    reason: str | None = None
    form: str = ""
    """Which of several messages has the fact: up to four report one failure."""
    seconds: int | None = None
    symbol_from: str | None = None
    """Where the symbol was found, if it is not in the message."""


def differ(one: str | None, other: str | None) -> bool:
    """Whether two names are both known and not the same: an unknown name contradicts nothing."""
    return one is not None and other is not None and one != other
