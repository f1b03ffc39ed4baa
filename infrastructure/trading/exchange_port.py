"""The port to an exchange: the few calls that a flow needs, and what they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderTicket, TradedMarket
from projections.account_snapshot import AccountSnapshot


class Exchange(Protocol):
    """One account at one exchange, asked by a thread.

    Every call may raise Refused, RateLimited or NoAnswer, and nothing else; `symbol` is as the ledger spells it.
    """

    @property
    def name(self) -> str:
        """As the ledger spells it: `binance`."""

    @property
    def account_name(self) -> str | None:
        """As the ledger spells it; None for an exchange with one account."""

    def market(self, symbol: str) -> TradedMarket:
        """What the exchange says of an instrument; Refused when it does not list it."""

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        """Send an order once. After NoAnswer it may be there: `find` tells."""

    def cancel(self, symbol: str, order: ExchangeOrder) -> ExchangeOrder | None:
        """Cancel what is left of an order; None when it is no longer there to be cancelled."""

    def find(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> ExchangeOrder | None:
        """Look for an order by its id, then among open, conditional and recent ones; None: each of them said no."""

    def fills(self, symbol: str, order: ExchangeOrder) -> Sequence[ExchangeFill]:
        """The fills of an order so far, as far as the exchange shows them yet; oldest first."""

    def account(self) -> AccountSnapshot:
        """All positions and all orders, conditional ones included, and whether that is all there is."""


class AsyncExchange(Protocol):
    """The same, awaited; whatever is not awaitable is taken as it is."""

    @property
    def name(self) -> str:
        """As the ledger spells it: `binance`."""

    @property
    def account_name(self) -> str | None:
        """As the ledger spells it; None for an exchange with one account."""

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
