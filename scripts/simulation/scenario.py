"""A scenario: who does what in which order, and the stage that it is played on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from domain.values import Side
from scripts.simulation.attempt import Attempt
from scripts.simulation.bot import Bot, Way
from scripts.simulation.simulated_exchange import PlayedExchange
from scripts.simulation.trade_signal import Signal

PRICE: Final = Decimal("3.2295")
"""What an order gets; the signal saw another price, as signals do."""
SIGNAL_PRICE: Final = Decimal("3.2333")
QUANTITY: Final = Decimal("61.8")


@dataclass(frozen=True)
class Place:
    """The symbol at the exchange that everybody wants."""

    symbol: str = "APTUSDT"
    exchange: str = "binance"

    def signal(self, intent_id: str) -> Signal:
        """A reason to go short there."""
        return Signal(intent_id, self.symbol, self.exchange, Side.SHORT, QUANTITY, SIGNAL_PRICE)


@dataclass
class Stage:
    """One way of keeping positions with an exchange of its own; whatever is opened on it is closed with `stack`."""

    way: Way
    exchange: PlayedExchange
    place: Place
    threads: int
    stack: ExitStack
    advance: Callable[[int], None]
    """Told how many seconds of it are over since it was told last."""
    attempts: list[Attempt] = field(default_factory=list)

    def bot(self) -> Bot:
        """Start a process."""
        return self.stack.enter_context(self.way.bot(self.exchange))

    def attempt(self, signal: Signal) -> Attempt:
        """Deliver a signal to a process of its own."""
        attempt = Attempt(self.bot(), signal)
        self.attempts.append(attempt)
        return attempt


@dataclass(frozen=True)
class Scenario:
    """What is played, and in words what happens."""

    name: str
    title: str
    story: str
    play: Callable[[Stage], None]
    seconds: int | None = None
    """How long it takes, where that is decided beforehand."""
