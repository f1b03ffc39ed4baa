"""How patient a trader is, and who keeps its stops."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a trader does when an exchange is slow, silent or refuses.

    Units: seconds. Refuses: ValueError for a number below zero, for no try at all, for a keeper of stops that is none.
    """

    stop_tries: int = 5
    """How often a stop is sent that the exchange refuses; then the position is rolled back."""
    lookup_seconds: float = 20.0
    """How long an order is looked for that nobody answered about; the market may say that it takes longer."""
    fill_seconds: float = 30.0
    """How long an order may take until it is filled; then what is left of it is cancelled."""
    finish_seconds: float = 30.0
    """How long a cancelled task may go on until what it ordered is protected."""
    poll_seconds: float = 0.5
    """How long to wait before an exchange is asked again; a pause doubles up to sixteen times that."""
    send_seconds: float = 10.0
    """How long after it was recorded an order may still be sent; a process that was paused longer sends none."""
    others_seconds: float = 60.0
    """How long an unfinished cycle of another owner is left alone."""
    rollback_tries: int = 3
    """How many closing orders a rollback may take."""
    protection: Literal["exchange", "bot"] = "exchange"
    """`bot`: the bot keeps the stop itself; the position is unprotected by choice."""
    attaches_stops: bool = False
    """Whether an entry takes a stop along, where the exchange sets one with it, at the plan by the signal's price."""
    adopted_stop_percent: Decimal | None = None
    """How far from its entry a position is protected that no plan of ours explains; None leaves it to somebody."""

    def __post_init__(self) -> None:
        for rule in fields(self):
            value = getattr(self, rule.name)
            if isinstance(value, int | float | Decimal) and value < 0:
                raise ValueError(f"{rule.name} is {value}; it cannot be below zero")
        if self.stop_tries < 1 or self.rollback_tries < 1:
            raise ValueError("stop_tries and rollback_tries are at least 1")
        if self.protection not in ("exchange", "bot"):
            raise ValueError(f"protection is {self.protection!r}; it is 'exchange' or 'bot'")

    def pause(self, attempt: int) -> float:
        """How long to wait before the next attempt; the first is 0."""
        return self.poll_seconds * (1 << min(attempt, 4))
