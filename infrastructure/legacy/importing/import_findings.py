"""Findings about a legacy table: a kind, the key, the rows, and a sentence with the doubtful value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.json_object import JsonObject


class FindingSeverity(StrEnum):
    """What a finding means for the rows that it names."""

    ERROR = "error"
    """They were not imported."""
    WARNING = "warning"
    """They were imported, and the event names the doubtful value."""
    NOTE = "note"
    """Nothing depends on it."""


class ImportFindingKind(StrEnum):
    """The kinds of findings, worst first."""

    UNUSABLE_ROW = "unusable_row"
    NAIVE_TIME = "naive_time"
    TWO_OPEN_ROWS = "two_open_rows"
    CHANGED_SINCE_IMPORT = "changed_since_import"
    REFUSED_BY_LEDGER = "refused_by_ledger"
    SAME_IDENTITY = "same_identity"
    REPEATED_ROW = "repeated_row"
    OVERLAPPING_CYCLES = "overlapping_cycles"
    INTENT_TWICE = "intent_twice"
    SPELLINGS_FALL_TOGETHER = "spellings_fall_together"
    OLDER_THAN_LEDGER = "older_than_ledger"
    NATIVE_CYCLES = "native_cycles"
    WRONG_SIDE_STOP = "wrong_side_stop"
    STOP_WITHOUT_PRICE = "stop_without_price"
    MISSING_PRICE = "missing_price"
    ZERO_PRICE = "zero_price"
    NEGATIVE_PRICE = "negative_price"
    ZERO_QUANTITY = "zero_quantity"
    NEGATIVE_QUANTITY = "negative_quantity"
    LONG_DECIMAL = "long_decimal"
    NOT_FINITE = "not_finite"
    UNREADABLE_NUMBER = "unreadable_number"
    UNREADABLE_TIME = "unreadable_time"
    UNREADABLE_VALUE = "unreadable_value"
    AMBIGUOUS_TIME = "ambiguous_time"
    OPENED_AT_MISSING = "opened_at_missing"
    CLOSED_BEFORE_OPENED = "closed_before_opened"
    CLOSED_WITHOUT_TIME = "closed_without_time"
    CLOSED_WITHOUT_REASON = "closed_without_reason"
    OPEN_WITH_CLOSE_TIME = "open_with_close_time"
    STATUS_OPEN = "status_open"
    UNKNOWN_STATUS = "unknown_status"
    MISSING_ID = "missing_id"

    @property
    def meaning(self) -> str:
        """The kind in words, for people."""
        return _MEANINGS[self]


_MEANINGS = {
    ImportFindingKind.UNUSABLE_ROW: "cannot be a position; not imported",
    ImportFindingKind.NAIVE_TIME: "a time that names no zone",
    ImportFindingKind.TWO_OPEN_ROWS: "two rows of one key are open",
    ImportFindingKind.CHANGED_SINCE_IMPORT: "imported before with other content; not imported again",
    ImportFindingKind.REFUSED_BY_LEDGER: "the ledger refused it",
    ImportFindingKind.SAME_IDENTITY: "two rows with one id and opening time, but other content",
    ImportFindingKind.REPEATED_ROW: "the same row again",
    ImportFindingKind.OVERLAPPING_CYCLES: "opened before an earlier row of its key was closed",
    ImportFindingKind.INTENT_TWICE: "one signal, two rows of one key",
    ImportFindingKind.SPELLINGS_FALL_TOGETHER: "spellings that mean one key",
    ImportFindingKind.OLDER_THAN_LEDGER: "opened before what the ledger has already",
    ImportFindingKind.NATIVE_CYCLES: "the ledger has cycles of this key that were not imported",
    ImportFindingKind.WRONG_SIDE_STOP: "the stop stands where it would trigger at once",
    ImportFindingKind.STOP_WITHOUT_PRICE: "a stop is said to be there, but not where",
    ImportFindingKind.MISSING_PRICE: "no entry price",
    ImportFindingKind.ZERO_PRICE: "a price of zero, taken as not known",
    ImportFindingKind.NEGATIVE_PRICE: "a negative price, taken as not known",
    ImportFindingKind.ZERO_QUANTITY: "a quantity of zero",
    ImportFindingKind.NEGATIVE_QUANTITY: "a negative quantity, taken without its sign",
    ImportFindingKind.LONG_DECIMAL: "more decimals than the 18 that are kept",
    ImportFindingKind.NOT_FINITE: "NaN or infinity, taken as not known",
    ImportFindingKind.UNREADABLE_NUMBER: "not a number, or an absurd one; taken as not known",
    ImportFindingKind.UNREADABLE_TIME: "not a time; taken as not known",
    ImportFindingKind.UNREADABLE_VALUE: "cannot be used; kept in the raw row only",
    ImportFindingKind.AMBIGUOUS_TIME: "was on the clock twice, or never",
    ImportFindingKind.OPENED_AT_MISSING: "no opening time; the time of creation is taken",
    ImportFindingKind.CLOSED_BEFORE_OPENED: "closed before it was opened",
    ImportFindingKind.CLOSED_WITHOUT_TIME: "over, but no time says since when",
    ImportFindingKind.CLOSED_WITHOUT_REASON: "over, but nothing says why",
    ImportFindingKind.OPEN_WITH_CLOSE_TIME: "open, but with a closing time",
    ImportFindingKind.STATUS_OPEN: "status OPEN, the default of the table, taken as active",
    ImportFindingKind.UNKNOWN_STATUS: "a status that was never documented",
    ImportFindingKind.MISSING_ID: "a row without id",
}


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
