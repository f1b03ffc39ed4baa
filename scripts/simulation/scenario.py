"""A scenario, and the stage for one play of it: a way of keeping positions, an exchange, and the attempts of bots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Final

from domain.symbols.spelling import normalized_symbol
from domain.values import Side
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from scripts.simulation.attempt import Attempt
from scripts.simulation.bot import Bot, Way
from scripts.simulation.played_time import PlayedTime, WaitedTime
from scripts.simulation.trade_signal import Signal

PRICE: Final = Decimal("3.2295")
"""The price at which orders are filled; the signal has another price, as in reality."""
FIRST_INTENT: Final = 5483266
SIGNAL_PRICE: Final = Decimal("3.2333")
QUANTITY: Final = Decimal("61.8")
QUANTITY_STEP: Final = "0.1"

_CONTRACT: Final = re.compile(r"(.+)(USD[TC])")


def unified(symbol: str) -> str:
    """A contract as ccxt spells it: `APT/USDT:USDT`. Refuses: ValueError for any quote but USDT and USDC."""
    found = _CONTRACT.fullmatch(normalized_symbol(symbol))
    if found is None:
        raise ValueError(f"a symbol that is quoted and settled in USDT or USDC is needed, as APTUSDT; {symbol} is not")
    base, quote = found.groups()
    return f"{base}/{quote}:{quote}"


def contract(text: str) -> str:
    """Read a symbol for a scenario, as the ledger spells it. Refuses: ValueError as `unified`."""
    return str(normalized_symbol(unified(text)))


@dataclass(frozen=True)
class Place:
    """The symbol, and its exchange, that all bots want to trade."""

    symbol: str = "APTUSDT"
    exchange: str = "binance"

    def signal(self, intent_id: str) -> Signal:
        """A signal to go short there."""
        return Signal(intent_id, self.symbol, self.exchange, Side.SHORT, QUANTITY, SIGNAL_PRICE)


@dataclass
class Stage:
    """One way of keeping positions with an exchange of its own; closing `stack` closes all its connections."""

    way: Way
    exchange: SimulatedExchange
    place: Place
    threads: int
    stack: ExitStack
    advance: Callable[[int], None]
    """Called with the number of seconds of the scenario that have passed since the last call."""
    attempts: list[Attempt] = field(default_factory=list)

    _owners: Iterator[int] = field(default_factory=lambda: count(1))

    def list_symbol(self, symbol: str) -> None:
        """List a symbol at the exchange."""
        self.exchange.list_market(unified(symbol), PRICE, quantity_step=QUANTITY_STEP, min_quantity=QUANTITY_STEP)

    def bot(self) -> Bot:
        """Start a process of a bot, with an owner of its own."""
        return self.stack.enter_context(self.way.bot(self.exchange, f"bot-{next(self._owners)}"))

    def attempt(self, nth: int) -> Attempt:
        """Deliver the nth signal, counted from zero, to a new process; a signal may come again."""
        attempt = Attempt(self.bot(), self.place.signal(str(FIRST_INTENT + nth)))
        self.attempts.append(attempt)
        return attempt


@dataclass(frozen=True)
class Scenario:
    """What a scenario plays (`play`), and what happens in words (`story`)."""

    name: str
    title: str
    story: str
    play: Callable[[Stage], None]
    seconds: int | None = None
    """How long it takes, if that is fixed."""
    time: Callable[[], PlayedTime] = WaitedTime
    """Makes its clock."""
    latency_seconds: float = 0.0
    """How long every call to the exchange takes, by its clock."""
