"""Creations of a position: the lines of one are grouped, and those close together are found."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.finders.symbol_cache import SymbolCache
from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind, differ
from infrastructure.legacy.logs.reading.clock import SECOND, seconds, timestamp_of

CLOSE: Final = 5 * SECOND
"""Two creations of one key less than this apart are reported."""

_ONE_CREATION: Final = 30 * SECOND
"""The lines of one creation follow each other within this."""

_ADDING: Final = 10 * SECOND
"""The synchroniser says that it added a position so soon after its row was inserted."""

_IN_FLIGHT: Final = 120 * SECOND
_REMEMBERED: Final = 20


class Origin(StrEnum):
    """Who created it."""

    SIGNAL = "signal"
    SYNCHRONISER = "synchroniser"
    UNKNOWN = "unknown"


@dataclass(eq=False)
class Creation(JsonObject):
    """One attempt to create a position: from its first line on. `at` and `ended_at` in microseconds since 1970."""

    at: int
    symbol: str
    exchange: str | None = None
    origin: Origin = Origin.UNKNOWN
    operation: str | None = None
    position_id: str | None = None
    is_called: bool = False
    is_refused: bool = False
    """An early refusal: the existing row was returned, and none inserted."""
    ended_at: int | None = None
    is_failed: bool = False

    json_keys: ClassVar = (
        ("timestamp", timestamp_of("at")),
        "origin",
        "position_id",
        "operation",
        ("refused", "is_refused"),
    )


@dataclass(frozen=True, slots=True)
class ClosePair(JsonObject):
    """Two creations of one key, close together."""

    first: Creation
    second: Creation

    json_keys: ClassVar = (
        ("timestamp", timestamp_of("at")),
        ("symbol", "first.symbol"),
        "exchange",
        ("seconds_apart", lambda pair: seconds(pair.apart)),
        ("creations", "both"),
    )

    @property
    def at(self) -> int:
        """When the second one began."""
        return self.second.at

    @property
    def apart(self) -> int:
        """How far apart they began, in microseconds."""
        return self.second.at - self.first.at

    @property
    def both(self) -> tuple[Creation, Creation]:
        """The earlier one first."""
        return self.first, self.second

    @property
    def exchange(self) -> str | None:
        """The exchange, when either names it."""
        return self.first.exchange or self.second.exchange

    @property
    def is_one_key(self) -> bool:
        """Whether nothing says that they are at different exchanges."""
        return not differ(self.first.exchange, self.second.exchange)


class Creations:
    """The last creations of every symbol."""

    def __init__(self) -> None:
        self._of: SymbolCache[deque[Creation]] = SymbolCache(lambda: deque(maxlen=_REMEMBERED))

    def see(self, fact: Fact) -> ClosePair | None:
        """Process a fact; returns a pair if it begins a creation close to the one before."""
        if fact.symbol is None:
            return None
        known = self._of[fact.symbol]
        before = known[-1] if known else None
        creation = self._creation(fact, known)
        if creation is None:
            return None
        creation.exchange = creation.exchange or fact.exchange
        creation.position_id = creation.position_id or fact.position_id
        is_new = creation is not before and creation is known[-1]
        if before is None or not is_new or not 0 <= creation.at - before.at < CLOSE:
            return None
        return ClosePair(before, creation)

    def of(self, symbol: str) -> Iterable[Creation]:
        """What is known of a symbol, oldest first."""
        return tuple(self._of[symbol])

    def in_flight(self, at: int) -> str | None:
        """The symbol of the one creation that had begun and not ended by a moment; None when it is not one."""
        symbols = {
            creation.symbol
            for known in self._of.values()
            for creation in known
            if creation.origin is not Origin.SYNCHRONISER
            and at - _IN_FLIGHT <= creation.at <= at
            and (creation.ended_at is None or creation.ended_at >= at)
        }
        return symbols.pop() if len(symbols) == 1 else None

    def _creation(self, fact: Fact, known: deque[Creation]) -> Creation | None:
        """The creation that a fact belongs to, perhaps a new one."""
        match fact.kind:
            case FactKind.OPERATION_STARTED:
                same = (each for each in known if each.operation == fact.operation and each.at == fact.at)
                creation = next(same, None) or self._new(fact, known)
                creation.origin, creation.operation = Origin.SIGNAL, fact.operation
            case FactKind.CREATE_CALLED:
                started = (each for each in self._lately(known, fact) if each.operation and not each.is_called)
                creation = next(started, None) or self._new(fact, known)
                creation.is_called = True
            case FactKind.INSERTED:
                called = (each for each in self._lately(known, fact) if _awaits(each, fact.position_id))
                creation = next(called, None) or self._new(fact, known)
                creation.is_called = True
            case FactKind.ADDED_MISSING:
                nameless = [each for each in known if each.operation is None and 0 <= fact.at - each.at <= _ADDING]
                creation = nameless[-1] if nameless else self._new(fact, known)
                creation.origin = Origin.SYNCHRONISER
            case FactKind.REFUSED_EARLY:
                asking = [each for each in self._lately(known, fact) if each.position_id is None]
                if asking:
                    asking[-1].is_refused, asking[-1].ended_at = True, fact.at
                return None
            case FactKind.ACTIVATED | FactKind.ROLLBACK | FactKind.ENTRY_FAILED:
                self._end(fact, known)
                return None
            case _:
                return None
        return creation

    @staticmethod
    def _new(fact: Fact, known: deque[Creation]) -> Creation:
        creation = Creation(fact.at, fact.symbol or "", fact.exchange)
        known.append(creation)
        return creation

    @staticmethod
    def _lately(known: deque[Creation], fact: Fact) -> Iterable[Creation]:
        return [
            each
            for each in known
            if 0 <= fact.at - each.at <= _ONE_CREATION
            and not each.is_refused
            and not differ(each.exchange, fact.exchange)
        ]

    @staticmethod
    def _end(fact: Fact, known: deque[Creation]) -> None:
        running = [each for each in known if each.ended_at is None and each.origin is not Origin.SYNCHRONISER]
        named = [each for each in running if fact.operation and each.operation == fact.operation]
        for creation in (named or running)[-1:]:
            creation.ended_at, creation.exchange = fact.at, creation.exchange or fact.exchange
            creation.is_failed = fact.kind is not FactKind.ACTIVATED


def _awaits(creation: Creation, position_id: str | None) -> bool:
    """Whether this creation has not been told its row yet, or is told the same one again."""
    return creation.position_id == position_id or (creation.is_called and creation.position_id is None)
