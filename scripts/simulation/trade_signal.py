"""A signal to open a position, the steps of an entry, and the answers that a bot may get."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.values import Side

STOP_PERCENT: Final = Decimal(2)
"""The distance of every stop from the entry, in percent."""


@dataclass(frozen=True)
class Signal:
    """A signal to open a position; the symbol is spelled as its sender spells it."""

    intent_id: str
    symbol: str
    exchange: str
    side: Side
    quantity: Decimal
    price: Decimal


class SignalStep(StrEnum):
    """The steps of an entry."""

    CLAIMED = "claimed"
    """The bot believes that it may open the position."""
    ORDERED = "ordered"
    """The exchange has accepted the order."""
    PLACED = "placed"
    """The order is in the books."""
    ACTIVE = "active"
    """The books say that the entry is filled and has a stop."""


class Told(StrEnum):
    """What a bot was told about its entry."""

    OPENED = "opened"
    """The position is open."""
    REPLAYED = "replayed"
    """This signal was handled before."""
    REFUSED = "refused"
    """Another bot holds the position; no order was sent."""
    FAILED = "failed"
    """The entry failed after the order was sent."""
    CRASHED = "crashed"
    """The bot crashed, so it was told nothing."""


class Stopped(Exception):
    """An entry ends before it is active."""

    def __init__(self, told: Told, words: str) -> None:
        super().__init__(words)
        self.told = told
