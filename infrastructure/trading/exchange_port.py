"""The port to an exchange: the few calls that a flow needs, and their answers."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderTicket, TradedMarket
from projections.account_snapshot import AccountSnapshot


class Exchange(Protocol):
    """One account at one exchange, called from threads.

    Every call may raise Refused, RateLimited or NoAnswer, and nothing else; `symbol` is as the ledger spells it.
    """

    @property
    def name(self) -> str:
        """The name of the exchange as the ledger spells it: `binance`."""

    @property
    def account_name(self) -> str | None:
        """The name of the account as the ledger spells it; None for an exchange with one account."""

    def market(self, symbol: str) -> TradedMarket:
        """The properties of an instrument; Refused when the exchange does not list it."""

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        """Send an order once. After NoAnswer it may exist all the same: look it up with `find`."""

    def cancel(self, symbol: str, order: ExchangeOrder) -> ExchangeOrder | None:
        """Cancel what is left of an order; None when it is no longer there to be cancelled."""

    def find(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> ExchangeOrder | None:
        """Look for an order by its id, then among open, conditional and recent orders; None when it is in none."""

    def fills(self, symbol: str, order: ExchangeOrder) -> Sequence[ExchangeFill]:
        """The fills of an order that the exchange shows so far; oldest first."""

    def account(self) -> AccountSnapshot:
        """All positions and all orders, conditional ones included, and whether the lists are complete."""


class AsyncExchange(Protocol):
    """The same for asyncio: an answer that is awaitable is awaited, any other is used as it is."""

    @property
    def name(self) -> str:
        """As `Exchange.name`."""

    @property
    def account_name(self) -> str | None:
        """As `Exchange.account_name`."""

    def market(self, symbol: str) -> Awaitable[TradedMarket] | TradedMarket:
        """As `Exchange.market`."""

    def place(self, ticket: OrderTicket) -> Awaitable[ExchangeOrder] | ExchangeOrder:
        """As `Exchange.place`."""

    def cancel(self, symbol: str, order: ExchangeOrder) -> Awaitable[ExchangeOrder | None] | ExchangeOrder | None:
        """As `Exchange.cancel`."""

    def find(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> Awaitable[ExchangeOrder | None] | ExchangeOrder | None:
        """As `Exchange.find`."""

    def fills(self, symbol: str, order: ExchangeOrder) -> Awaitable[Sequence[ExchangeFill]] | Sequence[ExchangeFill]:
        """As `Exchange.fills`."""

    def account(self) -> Awaitable[AccountSnapshot] | AccountSnapshot:
        """As `Exchange.account`."""
