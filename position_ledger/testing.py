"""For the tests of a bot: a ledger in memory, a simulated exchange with faults, a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.simulation.books.fault_plan import CallFault, OrderFault
from infrastructure.simulation.books.kept_order import KeptOrder
from infrastructure.simulation.exchange_audit import ExchangeAudit
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import (
    ExchangeFill,
    ExchangeOrder,
    OrderState,
    OrderTicket,
    TicketKind,
    TradedMarket,
)

if TYPE_CHECKING:
    from infrastructure.simulation.bot_machine import BotMachine, order_faults, prices, quantities

_OF_HYPOTHESIS: Final = {"BotMachine", "order_faults", "prices", "quantities"}

__all__ = [
    "BotMachine",
    "CallFault",
    "Clock",
    "ExchangeAudit",
    "ExchangeFill",
    "ExchangeOrder",
    "KeptOrder",
    "NoAnswer",
    "OrderFault",
    "OrderState",
    "OrderTicket",
    "RateLimited",
    "Refused",
    "SimulatedExchange",
    "TicketKind",
    "TradedMarket",
    "assert_sound",
    "memory_ledger",
    "order_faults",
    "prices",
    "quantities",
]


def __getattr__(name: str) -> Any:
    """Import names that need hypothesis only when they are used: the rest works without it."""
    if name not in _OF_HYPOTHESIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module("infrastructure.simulation.bot_machine"), name)
    except ModuleNotFoundError as missing:
        if missing.name != "hypothesis":
            raise
        raise ImportError(
            f"{__name__}.{name} needs hypothesis, which is not installed: pip install hypothesis"
        ) from None


def __dir__() -> list[str]:
    """All names, also those that have not been imported yet."""
    return sorted({*globals(), *__all__})


class Clock:
    """A clock that stands still until `tick` moves it on."""

    def __init__(self, start: datetime = datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)) -> None:
        """Start at a time in UTC."""
        self.time = start

    def __call__(self) -> datetime:
        """The time of the clock."""
        return self.time

    def tick(self, seconds: float = 1) -> None:
        """Move the clock on."""
        self.time += timedelta(seconds=seconds)


@contextmanager
def memory_ledger(clock: Clock | None = None) -> Iterator[PositionLedger]:
    """A ledger in memory that exists until the end of the block; command ids are `command-1`, `command-2` and so on.

    At the end of the block it must be sound (`assert_sound`).
    """
    numbers = count(1)
    store = SQLiteStore(Settings("sqlite", ":memory:"))
    with PositionLedger(store, clock=clock or Clock(), new_id=lambda: f"command-{next(numbers)}") as ledger:
        yield ledger
        assert_sound(ledger)


def assert_sound(ledger: PositionLedger) -> None:
    """Fail unless every hash, version, event and row of a ledger holds."""
    report = verify(ledger.store)
    assert report.ok, "; ".join(f"{found.kind} {found.where}: {found.message}" for found in report.findings)
