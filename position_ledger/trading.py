"""For a bot: entries that cannot double or stay bare, over any exchange that answers the port's few calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infrastructure.exchanges.ccxt_trading.ccxt_exchange import CcxtExchange
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
    """Import what a bot on threads does without, asyncio, when it is asked for: it is a sixth of an import."""
    if name != "AsyncTrader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from infrastructure.trading.async_trader import AsyncTrader  # noqa: PLC0415 - as said

    return AsyncTrader


def __dir__() -> list[str]:
    """Every name, also of what was not asked for yet."""
    return sorted({*globals(), *__all__})
