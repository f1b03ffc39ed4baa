"""How patient a trader is, and who keeps its stops."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from math import isfinite
from typing import Final, Literal

from domain.values import plain
from infrastructure.trading.exchange_orders import amount

_ALL: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a trader does when an exchange is slow, silent or refuses.

    Units: seconds; `adopted_stop_percent` in percent, as text as well. Refuses: ValueError for what is no such number,
           for no try at all, for a keeper of stops that is none.
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
        """Refuse what would be found out between an order and its stop. Refuses: ValueError."""
        for rule in fields(self):
            value = getattr(self, rule.name)
            if rule.name.endswith("_seconds") and not (_is_number(value) and isfinite(value) and value >= 0):
                raise ValueError(f"{rule.name} is {value!r}; it is a number of seconds, and not below zero")
            if rule.name.endswith("_tries") and not (_is_number(value) and isinstance(value, int) and value >= 1):
                raise ValueError(f"{rule.name} is {value!r}; it is a whole number, at least 1")
        if not isinstance(self.attaches_stops, bool):
            raise ValueError(f"attaches_stops is {self.attaches_stops!r}; it is True or False")
        if self.protection not in ("exchange", "bot"):
            raise ValueError(f"protection is {self.protection!r}; it is 'exchange' or 'bot'")
        if (percent := amount("adopted_stop_percent", self.adopted_stop_percent)) is not None:
            if percent >= _ALL:
                raise ValueError(f"adopted_stop_percent is {plain(percent)}; it is less than 100")
            object.__setattr__(self, "adopted_stop_percent", percent)

    def pause(self, attempt: int) -> float:
        """How long to wait before the next attempt; the first is 0."""
        return self.poll_seconds * (1 << min(attempt, 4))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
