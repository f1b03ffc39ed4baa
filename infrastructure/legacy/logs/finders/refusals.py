"""Refused duplicates: early ones are expected, late ones must never happen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind
from infrastructure.legacy.logs.parsing.names import SYMBOL, exchange, mentioned_exchange, mentioned_symbol, symbol
from infrastructure.legacy.logs.reading.clock import SECOND, timestamp_of
from infrastructure.legacy.logs.reading.record import Record

LINES_AFTER: Final = 4
"""How many lines after the first one may belong to a late refusal."""

_SOON: Final = 2 * SECOND
_SYMBOL: Final = re.compile(rf"\bsymbol['\"]?\s*[:=]\s*['\"]?({SYMBOL})", re.IGNORECASE)
_EXCHANGE: Final = re.compile(r"\bexchange['\"]?\s*[:=]\s*['\"]?([\w-]+)", re.IGNORECASE)
_POSITION: Final = re.compile(
    r"\b(?:existing|position|row)?[ _]?(?:position[ _]?)?id['\"]?\s*[:=#]\s*#?(\d+)|#(\d+)", re.IGNORECASE
)
_STATUS: Final = re.compile(r"\bstatus['\"]?\s*[:=]\s*['\"]?(\w+)", re.IGNORECASE)


@dataclass(eq=False)
class LoggedRefusal(JsonObject):
    """One refusal. `at` in microseconds since 1970."""

    at: int
    when: str
    symbol: str | None
    exchange: str | None
    position_id: str | None
    status: str | None
    message: str

    json_keys: ClassVar = (
        ("timestamp", timestamp_of("at")),
        "symbol",
        "exchange",
        "when",
        "position_id",
        "status",
        "message",
    )

    @classmethod
    def of(cls, fact: Fact) -> LoggedRefusal | None:
        """The refusal that a fact states; None for any other fact."""
        if fact.kind not in (FactKind.REFUSED_EARLY, FactKind.REFUSED_LATE):
            return None
        when = "early" if fact.kind is FactKind.REFUSED_EARLY else "late"
        return cls(fact.at, when, fact.symbol, fact.exchange, fact.position_id, fact.status, fact.text)

    @property
    def is_late(self) -> bool:
        """Whether it was found only at the last moment."""
        return self.when == "late"


class LateRefusal:
    """The lines after a late refusal, which name its key and its position."""

    def __init__(self, refusal: LoggedRefusal, record: Record) -> None:
        """Begin with the record of the refusal: its own continuation lines may belong to it."""
        self._refusal, self._logger, self._lines = refusal, record.logger, 0
        self._take(record.text)

    def goes_on_with(self, record: Record) -> bool:
        """Add the next record, if it belongs to the refusal."""
        belongs = record.logger == self._logger and 0 <= record.at - self._refusal.at <= _SOON
        if belongs and self._lines < LINES_AFTER:
            self._lines += 1
            self._take(record.text)
            return True
        return False

    def _take(self, text: str) -> None:
        refusal = self._refusal
        named, place = _SYMBOL.search(text), _EXCHANGE.search(text)
        refusal.symbol = refusal.symbol or (symbol(named[1]) if named else mentioned_symbol(text))
        refusal.exchange = refusal.exchange or (exchange(place[1]) if place else mentioned_exchange(text))
        if position := _POSITION.search(text):
            refusal.position_id = refusal.position_id or position[1] or position[2]
        if status := _STATUS.search(text):
            refusal.status = refusal.status or status[1]
