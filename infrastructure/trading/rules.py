"""The rules of a trader: its timeouts and retries, and who keeps its stops."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from math import isfinite
from typing import Final

from domain.values import Protection, plain
from infrastructure.trading.exchange_orders import amount

_ALL: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a trader does when an exchange is slow, silent or refuses.

    Units: seconds; `adopted_stop_percent` in percent, a Decimal or text. Refuses: ValueError for a value that is no
           such number, for fewer than one try, for a `protection` that does not exist.
    """

    stop_tries: int = 5
    """How often a stop is sent that the exchange refuses; then the position is rolled back."""
    lookup_seconds: float = 20.0
    """How long to look for an order after NoAnswer; the market's `shown_seconds` may make it longer."""
    fill_seconds: float = 30.0
    """How long an order may take to be filled; then what is left of it is cancelled."""
    finish_seconds: float = 30.0
    """How long `aclose` lets the flow of a cancelled caller go on to protect what it ordered."""
    poll_seconds: float = 0.5
    """The pause before the exchange is asked again; it doubles up to sixteen times this."""
    send_seconds: float = 10.0
    """How long after its claim was recorded an order may still be sent; a process that was paused longer sends none."""
    others_seconds: float = 60.0
    """How long an unfinished cycle of another owner is left alone."""
    rollback_tries: int = 3
    """How many closing orders a rollback may take."""
    protection: Protection = "exchange"
    """`bot`: the bot keeps the stop itself; the position is unprotected by choice."""
    attaches_stops: bool = False
    """Whether an entry carries a stop, planned from the signal's price, where the exchange can set one with it."""
    adopted_stop_percent: Decimal | None = None
    """The distance of the stop from the entry of an adopted position, which has no plan; None sets no stop for it."""

    def __post_init__(self) -> None:
        """Refuse a wrong rule here, and not later between an order and its stop. Refuses: ValueError."""
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
        """How long to wait after an attempt; the first attempt has the number 0."""
        return self.poll_seconds * (1 << min(attempt, 4))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
