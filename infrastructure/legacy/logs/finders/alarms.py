"""Alarms about a position without a stop, grouped into the time for which it was unprotected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.finders.symbol_cache import SymbolCache
from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind
from infrastructure.legacy.logs.reading.clock import SECOND, timestamp_of

_APART: Final = 600 * SECOND
"""Alarms without a number of seconds are one episode when they are less than this apart."""

_SLACK: Final = 5 * SECOND


@dataclass(eq=False)
class Episode(JsonObject):
    """One position without protection. Units: moments in microseconds since 1970, `seconds` the longest."""

    at: int
    last: int
    symbol: str | None
    exchange: str | None
    seconds: int | None
    alarms: int = 1

    json_keys: ClassVar = (
        ("timestamp", timestamp_of("at")),
        "symbol",
        "exchange",
        "seconds",
        "alarms",
        ("last_alarm", timestamp_of("last")),
    )

    def goes_on_with(self, fact: Fact) -> bool:
        """Whether an alarm is of the same time: by its own words the position was bare at the alarm before, too."""
        if fact.seconds is None or self.seconds is None:
            return 0 <= fact.at - self.last <= _APART
        return 0 <= fact.at - self.last <= fact.seconds * SECOND + _SLACK

    def add(self, fact: Fact) -> None:
        """Add another alarm."""
        self.last = fact.at
        self.alarms += 1
        self.exchange = self.exchange or fact.exchange
        self.seconds = max((each for each in (self.seconds, fact.seconds) if each is not None), default=None)


class Alarms:
    """The episode of every symbol that may still go on."""

    def __init__(self) -> None:
        self._of: SymbolCache[list[Episode]] = SymbolCache(list)

    def see(self, fact: Fact) -> Episode | None:
        """Process a fact; returns the episode if it begins one."""
        if fact.kind is not FactKind.UNPROTECTED:
            return None
        current = self._of[fact.symbol or ""]
        if current and current[0].goes_on_with(fact):
            current[0].add(fact)
            return None
        current[:] = [Episode(fact.at, fact.at, fact.symbol, fact.exchange, fact.seconds)]
        return current[0]
