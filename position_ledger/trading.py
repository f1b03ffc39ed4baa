"""For a bot: entries that are never doubled and never stay unprotected, over any exchange that implements the port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infrastructure.ccxt_trading.ccxt_exchange import CcxtExchange
from infrastructure.trading.exchange_errors import ExchangeError, NoAnswer, NothingToReduce, RateLimited, Refused
from infrastructure.trading.exchange_orders import (
    ExchangeFill,
    ExchangeOrder,
    OrderState,
    OrderTicket,
    TicketKind,
    TradedMarket,
)
from infrastructure.trading.exchange_port import AsyncExchange, Exchange
from infrastructure.trading.flows.synchronising import Synchronised
from infrastructure.trading.rules import Rules
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind, StoryStep
from infrastructure.trading.trader import Trader

if TYPE_CHECKING:
    from infrastructure.trading.async_trader import AsyncTrader

__all__ = [
    "AsyncExchange",
    "AsyncTrader",
    "CcxtExchange",
    "Exchange",
    "ExchangeError",
    "ExchangeFill",
    "ExchangeOrder",
    "NoAnswer",
    "NothingToReduce",
    "OrderState",
    "OrderTicket",
    "Outcome",
    "OutcomeKind",
    "RateLimited",
    "Refused",
    "Rules",
    "StoryStep",
    "Synchronised",
    "TicketKind",
    "TradedMarket",
    "Trader",
]


def __getattr__(name: str) -> object:
    """Import AsyncTrader only when it is used: asyncio would take a sixth of the time of the whole import."""
    if name != "AsyncTrader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from infrastructure.trading.async_trader import AsyncTrader  # noqa: PLC0415 - as said

    return AsyncTrader


def __dir__() -> list[str]:
    """All names, also those that have not been imported yet."""
    return sorted({*globals(), *__all__})
