"""For a bot: entries that cannot double or stay bare, over any exchange that answers the port's few calls."""

from __future__ import annotations

from infrastructure.exchanges.ccxt_trading.ccxt_exchange import CcxtExchange
from infrastructure.trading.async_trader import AsyncTrader
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
