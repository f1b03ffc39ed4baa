"""Failed entries and why: one failure is logged in up to four lines, and counted once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind, differ
from infrastructure.legacy.logs.reading.clock import SECOND, timestamp_of

ONE_FAILURE: Final = 60 * SECOND
"""The most time between two lines about the same failure."""

_REPEATED: Final = 2 * SECOND
"""The same line again within this time is a repetition; later it is another failure."""

_RECENT_MAX: Final = 1_000
_CODE: Final = re.compile(
    r"(?:\b(?:ret_?code|err_?code|error_?code|code)\b)[\"'\\]*\s*[:=]?\s*[\"'\\]*([-\u2212]?\d{3,7})\b", re.IGNORECASE
)
_KNOWN_CODE: Final = re.compile(
    r"(?<![\w.])(30208|30209|10001|110\d{3}|170\d{3}|[-\u2212](?:[12]0\d\d|4\d{3}))(?![\w.])"
)


@dataclass(eq=False)
class Failure(JsonObject):
    """One entry that failed. `at` is the moment of its first line, in microseconds since 1970."""

    at: int
    last: int
    symbol: str | None
    exchange: str | None
    reason: str | None
    operation: str | None
    signal_id: str | None
    forms: tuple[str, ...]
    is_duplicate: bool = False
    is_over: bool = False

    json_keys: ClassVar = (
        ("timestamp", timestamp_of("at")),
        "symbol",
        "exchange",
        "reason",
        "code",
        "signal_id",
        "operation",
        ("tellings", lambda failure: len(failure.forms)),
    )

    @property
    def code(self) -> str | None:
        """The error code of the exchange, if the reason has one."""
        match = _CODE.search(self.reason or "") or _KNOWN_CODE.search(self.reason or "")
        return match[1].replace("\u2212", "-") if match else None

    def tell_again(self, fact: Fact) -> None:
        """Add another line about it; the longest reason includes the others."""
        self.last = fact.at
        self.exchange = self.exchange or fact.exchange
        self.operation = self.operation or fact.operation
        self.signal_id = self.signal_id or fact.signal_id
        self.reason = max(self.reason or "", fact.reason or "", key=len) or None
        self.forms += (fact.form,)


class Failures:
    """The failures to which later lines may still belong."""

    def __init__(self) -> None:
        self._recent: list[Failure] = []

    def see(self, fact: Fact) -> Failure | None:
        """Process a fact; returns the failure if it begins one."""
        if fact.kind in (FactKind.OPERATION_STARTED, FactKind.CREATE_CALLED):
            for failure in self._recent:
                failure.is_over = failure.is_over or failure.symbol == fact.symbol
            return None
        if fact.kind is not FactKind.ENTRY_FAILED:
            return None
        self._recent = [each for each in self._recent if abs(fact.at - each.last) <= ONE_FAILURE][-_RECENT_MAX:]
        for failure in reversed(self._recent):
            if _is_same(failure, fact):
                failure.tell_again(fact)
                return None
        found = Failure(
            fact.at, fact.at, fact.symbol, fact.exchange, fact.reason, fact.operation, fact.signal_id, (fact.form,)
        )
        self._recent.append(found)
        return found


def _is_same(failure: Failure, fact: Fact) -> bool:
    if failure.symbol != fact.symbol or differ(failure.exchange, fact.exchange):
        return False
    if differ(failure.operation, fact.operation) or differ(failure.signal_id, fact.signal_id):
        return False
    if failure.symbol is None and not _overlap(failure.reason, fact.reason):
        return False
    if fact.form in failure.forms and fact.at - failure.last > _REPEATED:
        return False
    named = failure.operation or failure.signal_id
    return not failure.is_over or (named is not None and named in (fact.operation, fact.signal_id))


def _overlap(one: str | None, other: str | None) -> bool:
    return bool(one and other) and (str(one)[:60] in str(other) or str(other)[:60] in str(one))
