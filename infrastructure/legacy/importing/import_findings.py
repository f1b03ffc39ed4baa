"""Findings about a legacy table: a kind, the key, the rows, and a sentence with the doubtful value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.json_object import JsonObject
from infrastructure.legacy.explained_kind import ExplainedKind


class FindingSeverity(StrEnum):
    """What a finding means for the rows that it names."""

    ERROR = "error"
    """They were not imported."""
    WARNING = "warning"
    """They were imported, and the event names the doubtful value."""
    NOTE = "note"
    """Nothing depends on it."""


class ImportFindingKind(ExplainedKind):
    """The kinds of findings, worst first."""

    UNUSABLE_ROW = "unusable_row", "cannot be a position; not imported"
    NAIVE_TIME = "naive_time", "a time that names no zone"
    TWO_OPEN_ROWS = "two_open_rows", "two rows of one key are open"
    CHANGED_SINCE_IMPORT = "changed_since_import", "imported before with other content; not imported again"
    REFUSED_BY_LEDGER = "refused_by_ledger", "the ledger refused it"
    SAME_IDENTITY = "same_identity", "two rows with one id and opening time, but other content"
    REPEATED_ROW = "repeated_row", "the same row again"
    OVERLAPPING_CYCLES = "overlapping_cycles", "opened before an earlier row of its key was closed"
    INTENT_TWICE = "intent_twice", "one signal, two rows of one key"
    SPELLINGS_FALL_TOGETHER = "spellings_fall_together", "spellings that mean one key"
    OLDER_THAN_LEDGER = "older_than_ledger", "opened before what the ledger has already"
    NATIVE_CYCLES = "native_cycles", "the ledger has cycles of this key that were not imported"
    WRONG_SIDE_STOP = "wrong_side_stop", "the stop stands where it would trigger at once"
    STOP_WITHOUT_PRICE = "stop_without_price", "a stop is said to be there, but not where"
    MISSING_PRICE = "missing_price", "no entry price"
    ZERO_PRICE = "zero_price", "a price of zero, taken as not known"
    NEGATIVE_PRICE = "negative_price", "a negative price, taken as not known"
    ZERO_QUANTITY = "zero_quantity", "a quantity of zero"
    NEGATIVE_QUANTITY = "negative_quantity", "a negative quantity, taken without its sign"
    LONG_DECIMAL = "long_decimal", "more decimals than the 18 that are kept"
    NOT_FINITE = "not_finite", "NaN or infinity, taken as not known"
    UNREADABLE_NUMBER = "unreadable_number", "not a number, or an absurd one; taken as not known"
    UNREADABLE_TIME = "unreadable_time", "not a time; taken as not known"
    UNREADABLE_VALUE = "unreadable_value", "cannot be used; kept in the raw row only"
    AMBIGUOUS_TIME = "ambiguous_time", "was on the clock twice, or never"
    OPENED_AT_MISSING = "opened_at_missing", "no opening time; the time of creation is taken"
    CLOSED_BEFORE_OPENED = "closed_before_opened", "closed before it was opened"
    CLOSED_WITHOUT_TIME = "closed_without_time", "over, but no time says since when"
    CLOSED_WITHOUT_REASON = "closed_without_reason", "over, but nothing says why"
    OPEN_WITH_CLOSE_TIME = "open_with_close_time", "open, but with a closing time"
    STATUS_OPEN = "status_open", "status OPEN, the default of the table, taken as active"
    UNKNOWN_STATUS = "unknown_status", "a status that was never documented"
    MISSING_ID = "missing_id", "a row without id"


@dataclass(frozen=True, slots=True)
class ImportFinding(JsonObject):
    """One doubtful thing.

    `ids` are the legacy ids of the rows concerned (`line 17` for one without an id); `row` is the raw row where it is
    kept nowhere else.
    """

    kind: ImportFindingKind
    stream: str | None
    ids: tuple[str, ...]
    message: str
    severity: FindingSeverity = FindingSeverity.WARNING
    row: dict[str, str | None] | None = None

    json_keys: ClassVar = ("kind", "severity", "stream", "ids", "message", "row?")

    @property
    def note(self) -> str:
        """The finding as it is written in an event."""
        return f"{self.kind}: {self.message}"
