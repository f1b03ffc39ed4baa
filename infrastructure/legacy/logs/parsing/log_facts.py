"""What one record of a log says: a kind, a moment, whose position, and the details."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FactKind(StrEnum):
    """Everything that is recognised. The names are those in a timeline and in the statistics."""

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
    """One thing that a record says. `place` is its line, counted over all files; symbols are normalised.

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
    """Which of several messages tells it: one failure is told by up to four."""
    seconds: int | None = None
    symbol_from: str | None = None
    """Where the symbol was found, when not in the message's own words."""


def differ(one: str | None, other: str | None) -> bool:
    """Whether two names are known, and not the same: what is not known contradicts nothing."""
    return one is not None and other is not None and one != other
