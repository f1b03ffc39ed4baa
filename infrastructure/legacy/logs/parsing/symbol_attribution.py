"""The symbol of an error: many errors name it only in a later line, or not at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind
from infrastructure.legacy.logs.reading.clock import SECOND

WAITED: Final = 5 * SECOND
"""How long an error waits for a line that names its symbol."""

_HELD_MAX: Final = 100
_ERRORS: Final = frozenset({FactKind.VIOLATION, FactKind.ENTRY_FAILED})


class SymbolAttribution:
    """Holds errors that name no symbol until a later line of the same failure names it.

    First choice: the next rollback, or the next line about the same error, within five seconds. Second choice: the only
    entry that was under way when the error occurred. Else the symbol stays unknown.
    """

    def __init__(self, in_flight: Callable[[int], str | None]) -> None:
        """`in_flight` gives the symbol of the one entry under way at a moment."""
        self._in_flight = in_flight
        self._held: deque[Fact] = deque()

    def pass_on(self, fact: Fact) -> Iterator[Fact]:
        """Facts in order; those without a symbol are held until they are named, or for a limited time."""
        while self._held and (len(self._held) > _HELD_MAX or abs(fact.at - self._held[0].at) > WAITED):
            yield self._guessed(self._held.popleft())
        if fact.symbol is not None:
            yield from self._named_by(fact)
        if fact.symbol is None and fact.kind in _ERRORS:
            self._held.append(fact)
        else:
            yield fact

    def rest(self) -> Iterator[Fact]:
        """The facts that still wait, at the end of the log."""
        while self._held:
            yield self._guessed(self._held.popleft())

    def _named_by(self, fact: Fact) -> Iterator[Fact]:
        same = [held for held in self._held if _is_same_failure(fact, held)]
        if fact.kind is FactKind.ROLLBACK:
            same = [held for held in same if held.place == same[-1].place]  # the error that it was rolled back for
        for held in same:
            self._held.remove(held)
            yield replace(
                held,
                symbol=fact.symbol,
                exchange=held.exchange or fact.exchange,
                operation=held.operation or fact.operation,
                symbol_from=f"the line after it: {fact.text[:120]}",
            )

    def _guessed(self, held: Fact) -> Fact:
        symbol = self._in_flight(held.at)
        return replace(held, symbol=symbol, symbol_from="the only entry under way" if symbol else None)


def _is_same_failure(fact: Fact, held: Fact) -> bool:
    if fact.kind is FactKind.ROLLBACK:
        return True
    if fact.kind is not held.kind or fact.place == held.place:
        return False
    if fact.kind is FactKind.VIOLATION:
        return fact.constraint in (None, held.constraint) or held.constraint is None
    ours, theirs = fact.reason or "", held.reason or ""
    return bool(ours and theirs) and (ours.startswith(theirs[:60]) or theirs.startswith(ours[:60]))
