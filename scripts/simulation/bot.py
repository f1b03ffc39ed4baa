"""The interfaces of the comparison: a way of keeping positions, and the bots that use it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from infrastructure.simulation.exchange_simulator import SimulatedExchange
from scripts.simulation.trade_signal import Signal, SignalStep

STOP_TRIES: Final = 3
"""How often every bot tries to place a stop that the exchange refuses."""


@dataclass(frozen=True)
class BookEntry:
    """One position as the books of a bot have it.

    Units: `exposure` in base asset, negative for a short; zero when the position has ended.
    """

    name: str
    symbol: str
    exposure: Decimal
    is_open: bool
    exchange_order_id: str | None
    words: str


class Bot(Protocol):
    """One process of a bot, with a connection of its own, at one exchange."""

    def enter(self, signal: Signal) -> Generator[SignalStep, None, None]:
        """Open a position, and yield after each step; close it again when it cannot be protected. Refuses: Stopped."""

    def close_late(self, signal: Signal) -> None:
        """Send the closing order of a rolled-back entry once more, because the first one got no answer."""

    def synchronise(self, symbol: str, exchange: str) -> None:
        """Correct the books by what the exchange shows of one symbol, which may be spelled in any way."""

    def recover(self, signal: Signal) -> bool:
        """Restart after a crash during this entry, and finish it; returns whether it is finished."""

    def exit(self, symbol: str) -> None:
        """Close the positions in a symbol that are active in the books."""

    def books(self) -> Sequence[BookEntry]:
        """Every position in the books, oldest first."""


class Way(Protocol):
    """A way of keeping positions, in a schema or file of its own."""

    @property
    def name(self) -> str:
        """Its name in the report."""

    def create(self) -> None:
        """Make the tables."""

    def bot(self, exchange: SimulatedExchange, owner: str) -> AbstractContextManager[Bot]:
        """Start a process for an owner; it is connected until the end of the block."""
