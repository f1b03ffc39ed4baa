"""What every contestant can do: a way of keeping positions, and bots that work that way."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from infrastructure.simulation.exchange_simulator import SimulatedExchange
from scripts.simulation.trade_signal import Signal, SignalStep

STOP_TRIES: Final = 3
"""How often every bot sends a stop that the exchange refuses."""


@dataclass(frozen=True)
class BookEntry:
    """What the books say about one position that was ever opened.

    Units: `exposure` in base asset, with a sign; zero when it is over.
    """

    name: str
    symbol: str
    exposure: Decimal
    is_open: bool
    exchange_order_id: str | None
    words: str


class Bot(Protocol):
    """One process with a connection of its own. Everything is done at the exchange that it was made for."""

    def enter(self, signal: Signal) -> Generator[SignalStep, None, None]:
        """Open a position, a step at a time; undo it when it cannot be protected. Refuses: Stopped."""

    def close_late(self, signal: Signal) -> None:
        """Send the closing order of an entry that is being undone once more: nobody answered the first time."""

    def synchronise(self, symbol: str, exchange: str) -> None:
        """Look at one symbol at the exchange, in some spelling, and let the books agree with it."""

    def recover(self, signal: Signal) -> bool:
        """Come back after a crash during this entry, and finish what is unfinished; whether that is done."""

    def exit(self, symbol: str) -> None:
        """Close whatever the books say is active in a symbol."""

    def books(self) -> Sequence[BookEntry]:
        """Everything that the books say, oldest first."""


class Way(Protocol):
    """A way of keeping positions, in a schema or file of its own."""

    @property
    def name(self) -> str:
        """Its name in the report."""

    def create(self) -> None:
        """Make the tables."""

    def bot(self, exchange: SimulatedExchange, owner: str) -> AbstractContextManager[Bot]:
        """Start a process of that owner's: connected until the end of the block."""
