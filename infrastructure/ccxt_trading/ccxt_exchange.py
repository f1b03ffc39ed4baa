"""The port to an exchange, implemented with a ccxt client: each call is written once for both kinds of clients."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import datetime
from decimal import Decimal
from inspect import iscoroutinefunction
from threading import RLock
from typing import Any, Final, TypeVar

from domain.identifiers import normalized_account
from domain.values import Leg, plain
from infrastructure.ccxt_trading.binance_trading import BINANCE
from infrastructure.ccxt_trading.bybit_trading import BYBIT
from infrastructure.ccxt_trading.call_failures import Absent, failure
from infrastructure.ccxt_trading.hyperliquid_trading import HYPERLIQUID
from infrastructure.ccxt_trading.listed_markets import ListedMarkets
from infrastructure.ccxt_trading.okx_trading import OKX
from infrastructure.ccxt_trading.order_answers import read_placed
from infrastructure.ccxt_trading.order_questions import OrderQuestions
from infrastructure.ccxt_trading.trading_conventions import TradingConventions
from infrastructure.exchanges.ccxt_answers import snapshot_calls
from infrastructure.exchanges.ccxt_live import OPTIONS
from infrastructure.exchanges.client_calls import UNREADABLE, Asking, ClientCall, answered, answered_async
from infrastructure.exchanges.document import read_snapshot
from infrastructure.ledger_clock import now
from infrastructure.trading.exchange_errors import ExchangeError, NoAnswer, Refused
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderTicket, TicketKind, TradedMarket
from projections.account_snapshot import AccountSnapshot

CONVENTIONS: Final[dict[str, TradingConventions]] = {
    "binanceusdm": BINANCE,
    "bybit": BYBIT,
    "okx": OKX,
    "hyperliquid": HYPERLIQUID,
}
"""The conventions by ccxt's id of the client."""

_TRIGGERS: Final = {TicketKind.STOP: "stopLossPrice", TicketKind.TARGET: "takeProfitPrice"}

T = TypeVar("T")


class CcxtExchange:
    """One account at one exchange, through a client of `ccxt` or of `ccxt.async_support`.

    Shape:   the calls of the port; they return awaitables if the client is one of asyncio. It works with a copy of the
             client, whose numbers are text and which never repeats a request; the given client itself is not changed.
             With a synchronous client, one call is made at a time. Call `close` when it is no longer used.
    Refuses: ValueError for a client of an exchange to which orders are not sent.
    """

    def __init__(self, client: Any, *, account: str | None = None, clock: Callable[[], datetime] = now) -> None:
        """Trade on the account of a client. `clock` says when a snapshot was asked for; a test has one of its own."""
        if client.id not in CONVENTIONS:
            raise ValueError(f"orders are sent through {', '.join(CONVENTIONS)} of ccxt, not through {client.id}")
        self._conventions = CONVENTIONS[client.id]
        self._account, self._clock = normalized_account(account), clock
        self._client = _own_copy(client, self._conventions.exchange)
        if self._conventions.prepare is not None:
            self._conventions.prepare(self._client)
        self._markets: ListedMarkets | None = None
        self._run: Callable[[Asking[Any]], Any]
        if iscoroutinefunction(self._client.fetch):
            self._run = self._run_async
        else:
            self._one_at_a_time = RLock()
            self._run = self._run_now

    @property
    def name(self) -> str:
        """The name of the exchange as the ledger spells it."""
        return self._conventions.exchange

    @property
    def account_name(self) -> str | None:
        """The name of the account as the ledger spells it; None for an exchange with one account."""
        return self._account

    def market(self, symbol: str) -> Any:
        """As the port says: a TradedMarket."""
        return self._run(self._market(symbol))

    def place(self, ticket: OrderTicket) -> Any:
        """As the port says: an ExchangeOrder.

        Refuses: Refused also before anything is sent: for an id that the exchange does not accept, and for a number off
                 its step. NoAnswer for an id that was used before: its order exists, and `find` returns it.
        """
        return self._run(self._place(ticket))

    def cancel(self, symbol: str, order: ExchangeOrder) -> Any:
        """As the port says: an ExchangeOrder or None."""
        return self._run(self._cancel(symbol, order))

    def find(self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None) -> Any:
        """As the port says: an ExchangeOrder or None. Refuses: ValueError when neither id is given."""
        if client_order_id is None and exchange_order_id is None:
            raise ValueError("an order is found by its client order id, its exchange order id or both")
        return self._run(self._find(symbol, client_order_id, exchange_order_id))

    def fills(self, symbol: str, order: ExchangeOrder) -> Any:
        """As the port says: a sequence of ExchangeFill."""
        return self._run(self._fills(symbol, order))

    def account(self) -> Any:
        """As the port says: an AccountSnapshot."""
        return self._run(self._account_snapshot())

    def close(self) -> Any:
        """Close the connections of the copy; awaitable where the client is one of asyncio."""
        return self._client.close()

    def _market(self, symbol: str) -> Asking[TradedMarket]:
        markets = yield from self._listed()
        return markets.market(symbol)

    def _place(self, ticket: OrderTicket) -> Asking[ExchangeOrder]:
        try:
            markets = yield from self._listed()
        except NoAnswer as wrong:
            raise Refused(None, f"nothing was sent, because the list of markets did not come: {wrong}") from None
        call = self._order_call(ticket, markets.name(ticket.symbol))
        if self._conventions.bound is not None and ticket.kind is not TicketKind.LIMIT:
            call = yield from self._with_price(call, ticket)
        answer = yield call
        return read_placed(answer.value, ticket, self._conventions)

    def _with_price(self, call: ClientCall, ticket: OrderTicket) -> Asking[ClientCall]:
        """A market order with the price from which ccxt computes its limit. Refuses: Refused when it is not known."""
        listed, kind, side, amount, _, params = call.args
        price: object = ticket.trigger_price
        if price is None:
            try:
                price = (yield ClientCall("fetch_funding_rates", ([listed],))).value.get(listed, {}).get("markPrice")
            except ExchangeError as wrong:
                why = f"nothing was sent, because the mark price of {listed} did not come: {wrong}"
                raise Refused(None, why) from None
        if price is None:
            raise Refused(None, f"nothing was sent, because {self.name} states no mark price of {listed}")
        return ClientCall(call.method, (listed, kind, side, amount, str(price), params))

    def _cancel(self, symbol: str, order: ExchangeOrder) -> Asking[ExchangeOrder | None]:
        """Cancel an order and look it up: the acknowledgement of a cancellation does not say how the order stands."""
        questions = yield from self._questions(symbol)
        params = dict(self._conventions.cancels_conditional) if order.is_conditional else {}
        try:
            yield ClientCall("cancel_order", (order.order_id, questions.listed, params))
        except Absent:
            return None
        found = yield from questions.find(order.client_order_id, order.order_id)
        if found is None:
            raise NoAnswer(f"order {order.order_id} of {symbol} was cancelled, and what was filled of it is not shown")
        return found

    def _find(
        self, symbol: str, client_order_id: str | None, exchange_order_id: str | None
    ) -> Asking[ExchangeOrder | None]:
        questions = yield from self._questions(symbol)
        return (yield from questions.find(client_order_id, exchange_order_id))

    def _fills(self, symbol: str, order: ExchangeOrder) -> Asking[tuple[ExchangeFill, ...]]:
        questions = yield from self._questions(symbol)
        return (yield from questions.fills(order))

    def _account_snapshot(self) -> Asking[AccountSnapshot]:
        document = yield from snapshot_calls(self.name, self._account, self._clock(), with_balances=False)
        return read_snapshot(document)

    def _questions(self, symbol: str) -> Asking[OrderQuestions]:
        markets = yield from self._listed()
        return OrderQuestions(self._conventions, symbol, markets.name(symbol))

    def _listed(self) -> Asking[ListedMarkets]:
        """The markets, loaded by the first call."""
        if self._markets is None:
            answer = yield ClientCall("load_markets")
            self._markets = ListedMarkets.of(answer.value, self._conventions, self._account)
        return self._markets

    def _order_call(self, ticket: OrderTicket, listed: str) -> ClientCall:
        """The call that sends an order, with numbers as text. Refuses: Refused if it cannot be sent as it is."""
        pattern = self._conventions.client_id
        if not pattern.fullmatch(ticket.client_order_id):
            taken = f"{self.name} takes client order ids of {pattern.pattern}"
            raise Refused(None, f"nothing was sent: {taken}, and this is {ticket.client_order_id!r}")
        if ticket.leg is Leg.SPOT or ticket.cost is not None:
            raise Refused(None, f"nothing was sent: {listed} is a contract, and takes no order by cost or on leg SPOT")
        if ticket.close_position and not self._conventions.closes_position:
            raise Refused(None, f"nothing was sent: at {self.name} an order for all that is held needs a quantity")
        if ticket.attached_stop is not None and not self._conventions.attaches_stops:
            raise Refused(None, f"nothing was sent: {self.name} takes no stop along with an entry")
        whole = ticket.close_position and ticket.quantity is None
        amount = None if whole else self._on_step("quantity", ticket.quantity, listed)
        params = self._conventions.params(ticket)
        if ticket.kind in _TRIGGERS:
            params[_TRIGGERS[ticket.kind]] = self._on_step("trigger price", ticket.trigger_price, listed)
        if ticket.attached_stop is not None:
            self._on_step("attached stop", ticket.attached_stop, listed)
        is_limit = ticket.kind is TicketKind.LIMIT
        price = self._on_step("price", ticket.price, listed) if is_limit else None
        kind = "limit" if is_limit else "market"
        return ClientCall("create_order", (listed, kind, ticket.side, amount, price, params))

    def _on_step(self, what: str, number: Decimal | None, listed: str) -> str:
        """A number as ccxt writes it. Refuses: Refused if ccxt would round it, or it is None."""
        if number is None:
            raise Refused(None, f"nothing was sent: the order of {listed} has no {what}")
        precise = self._client.amount_to_precision if what == "quantity" else self._client.price_to_precision
        try:
            text = str(precise(listed, plain(number)))
        except Exception as wrong:  # noqa: BLE001  # its class is of the user's ccxt, and nothing was sent
            raise Refused(None, f"nothing was sent: {what} {plain(number)} of {listed}: {wrong}") from None
        if Decimal(text) != number:
            raise Refused(
                None,
                f"nothing was sent: {what} {plain(number)} of {listed} is off the exchange's step; {text} is on it",
            )
        return text

    def _run_now(self, asking: Asking[T]) -> T:
        with self._one_at_a_time:
            return answered(self._guarded(asking), self._client, self._failure)

    async def _run_async(self, asking: Asking[T]) -> T:
        return await answered_async(self._guarded(asking), self._client, self._failure)

    def _guarded(self, asking: Asking[T]) -> Asking[T]:
        """Translate the errors of an answer that neither ccxt nor we can read: the outcome of the call is not known."""
        try:
            return (yield from asking)
        except ExchangeError:
            raise
        except UNREADABLE as wrong:
            raise self._failure(wrong) from None

    def _failure(self, wrong: Exception) -> ExchangeError:
        return failure(wrong, self._conventions, self._client)


def _own_copy(client: Any, exchange: str) -> Any:
    """A copy of the client whose numbers are text, with connections of its own, and which never repeats a request."""
    own = copy(client)
    own.number = str
    own.enableLastJsonResponse = True
    own.markets = own.markets_by_id = own.symbols = own.ids = None
    own.has = {**client.has, "fetchCurrencies": False}
    own.options = client.deep_extend(client.options, OPTIONS.get(exchange, {}), {"maxRetriesOnFailure": 0})
    if not iscoroutinefunction(client.fetch):
        own.session = type(client.session)()
        own.session.trust_env = client.session.trust_env
    elif client.own_session:
        own.session = own.tcp_connector = own.asyncio_loop = own.markets_loading = None
    return own
