"""The outcome of a scenario: the positions at the exchange and in the books, and whether they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from domain.json_object import JsonObject
from domain.values import EXACT, ZERO, plain
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from projections.formatting import counted
from scripts.simulation.attempt import Attempt
from scripts.simulation.bot import BookEntry
from scripts.simulation.trade_signal import Told


@dataclass(frozen=True)
class ScenarioOutcome(JsonObject):
    """The outcome of one scenario for one way of keeping positions.

    Units: `at_exchange` and `in_books` in base asset by symbol, negative for a short; a symbol without a position is
           left out.
    `disowned_orders` opened a position at the exchange that no open entry of the books names.
    """

    way: str
    told: Counter[Told]
    orders: int
    doubled_orders: int
    at_exchange: dict[str, Decimal]
    in_books: dict[str, Decimal]
    disowned_orders: tuple[str, ...]
    books: tuple[str, ...]

    json_keys: ClassVar = (
        "way",
        ("told", lambda outcome: {told: outcome.told[told] for told in Told if outcome.told[told]}),
        "orders",
        "doubled_orders",
        "at_exchange",
        "in_books",
        "disowned_orders",
        "is_sound",
        "problems",
        "books",
    )

    @classmethod
    def of(cls, way: str, exchange: SimulatedExchange, attempts: Sequence[Attempt], books: Sequence[BookEntry]) -> Self:
        """Compare both sides, after all bots have stopped."""
        audit = exchange.audit
        symbols = sorted(market.symbol for market in exchange.shown_markets())
        named = {entry.exchange_order_id for entry in books if entry.is_open}
        in_books: dict[str, Decimal] = {}
        for entry in books:
            in_books[entry.symbol] = EXACT.add(in_books.get(entry.symbol, ZERO), entry.exposure)
        return cls(
            way=way,
            told=Counter(attempt.told for attempt in attempts if attempt.told is not None),
            orders=len(audit.entries()),
            doubled_orders=len(audit.doubled()),
            at_exchange={symbol: held for symbol in symbols if (held := audit.held(symbol))},
            in_books={symbol: exposure for symbol, exposure in sorted(in_books.items()) if exposure},
            disowned_orders=tuple(
                order.order_id for symbol in symbols for order in audit.holders(symbol) if order.order_id not in named
            ),
            books=tuple(entry.words for entry in books),
        )

    @property
    def problems(self) -> list[str]:
        """In words, what is wrong."""
        found = []
        if self.doubled_orders:
            found.append(counted(self.doubled_orders, "doubled order"))
        for symbol in sorted({*self.at_exchange, *self.in_books}):
            there, here = self.at_exchange.get(symbol, ZERO), self.in_books.get(symbol, ZERO)
            if there != here:
                found.append(f"{symbol} is {plain(there)} at the exchange and {plain(here)} in the books")
        if self.disowned_orders:
            found.append(f"{counted(len(self.disowned_orders), 'filled order')} in no open row")
        return found

    @property
    def is_sound(self) -> bool:
        """Whether no order was doubled, and the books agree with the exchange."""
        return not self.problems
