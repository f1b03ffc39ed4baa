"""What makes a bot open a position, how far it came with that, and what it was told."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.values import Side

STOP_PERCENT: Final = Decimal(2)
"""How far from the entry every bot wants its stop."""


@dataclass(frozen=True)
class Signal:
    """A reason to open a position, in the spelling of whoever sent it."""

    intent_id: str
    symbol: str
    exchange: str
    side: Side
    quantity: Decimal
    price: Decimal


class SignalStep(StrEnum):
    """How far an entry came."""

    CLAIMED = "claimed"
    """The bot believes that the position is its own to open."""
    ORDERED = "ordered"
    """The exchange took the order."""
    PLACED = "placed"
    """The order is in the books."""
    ACTIVE = "active"
    """Filled and with a stop, and the books say so."""


class Told(StrEnum):
    """What a bot was told about its entry."""

    OPENED = "opened"
    """You have a position."""
    REPLAYED = "replayed"
    """This signal was taken care of before."""
    REFUSED = "refused"
    """Somebody else holds it; before any order."""
    FAILED = "failed"
    """It did not work out, after the order."""
    CRASHED = "crashed"
    """Nobody was there any more to be told."""


class Stopped(Exception):
    """An entry ends before it is active."""

    def __init__(self, told: Told, words: str) -> None:
        super().__init__(words)
        self.told = told
