"""What makes a bot open a position, how far it came with that, and what it was told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.values import EXACT, Side

STOP_FACTORS: Final = {Side.LONG: Decimal("0.98"), Side.SHORT: Decimal("1.02")}


@dataclass(frozen=True)
class Signal:
    """A reason to open a position, in the spelling of whoever sent it."""

    intent_id: str
    symbol: str
    exchange: str
    side: Side
    quantity: Decimal
    price: Decimal

    @property
    def order_side(self) -> str:
        """The side of the order that enters."""
        return self.side.opening_order

    @property
    def stop_price(self) -> Decimal:
        """Two percent away, on the losing side."""
        return EXACT.multiply(self.price, STOP_FACTORS[self.side])

    def another(self, intent_id: str) -> Signal:
        """Another reason for the same position."""
        return replace(self, intent_id=intent_id)


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
