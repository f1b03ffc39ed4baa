"""An exchange in memory that answers each call as a test has scripted it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import TypeVar

from domain.identifiers import PositionKey
from domain.values import OrderSide, Side
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import (
    ExchangeFill,
    ExchangeOrder,
    OrderState,
    OrderTicket,
    TicketKind,
    TradedMarket,
)
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport
from tests.infrastructure.trading.scripted_order import ScriptedOrder

Answer = TypeVar("Answer")
NOTHING = Decimal(0)


class Lost(Enum):
    """A call without an answer: it never arrived, or it was done and nobody was told."""

    BEFORE = auto()
    AFTER = auto()


@dataclass(frozen=True)
class Answered:
    """An answer to `place` that is not what was done, in these fields: `side=None`, `avg_px=0`."""

    changes: dict[str, object]


Weather = Lost | Refused | Answered | None


class ScriptedExchange:
    """One account, one-way, a base asset a contract: market orders fill at `price`, in the parts that a test wants.

    `weather["place"]` is what becomes of the next calls of it, one after the other; None is fair, as is the end.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        name: str = "binance",
        price: str = "3.2333",
        account: str | None = None,
    ) -> None:
        """Hold nothing, and charge one price."""
        self.account_name = account
        self.name, self._clock, self.price = name, clock, Decimal(price)
        self.market_terms = TradedMarket(
            symbol="APTUSDT", price_tick=Decimal("0.0001"), quantity_step=Decimal("0.1"), closes_position=False
        )
        self.parts: tuple[str, ...] = ()
        """What each next look at a market order fills of it; what is left is filled by the last. None: at once."""
        self.weather: dict[str, deque[Weather]] = defaultdict(deque)
        self.hidden_looks = 0
        """How many more looks an order, its fills and the account stay behind what was done."""
        self.shows_fills = True
        self.shows_nothing_until: datetime | None = None
        """Until when the account says that nothing is held."""
        self.held: dict[str, Decimal] = defaultdict(Decimal)
        self.placed: list[ScriptedOrder] = []
        self.calls: list[str] = []

    # -- the port -----------------------------------------------------------------------------------------------

    def market(self, symbol: str) -> TradedMarket:
        """The same terms for every symbol."""
        return self._under_weather("market", lambda: replace(self.market_terms, symbol=symbol))

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        """Take an order; a client order id is refused while an order of that id is open, as Binance does."""
        return self._under_weather("place", lambda: self._taken(ticket))

    def cancel(self, symbol: str, order: ExchangeOrder) -> ExchangeOrder | None:
        """Take away what is left."""
        return self._under_weather("cancel", lambda: self._canceled(symbol, order.order_id))

    def find(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> ExchangeOrder | None:
        """The youngest order of that name, after one more part of it is filled."""
        return self._under_weather("find", lambda: self._found(symbol, client_order_id, exchange_order_id))

    def fills(self, symbol: str, order: ExchangeOrder) -> Sequence[ExchangeFill]:
        """All that was filled so far."""
        return self._under_weather("fills", lambda: self._shown_fills(symbol, order.order_id))

    def account(self) -> AccountSnapshot:
        """All positions, and all that rests."""
        return self._under_weather("account", self._account)

    # -- what a test asks and does ------------------------------------------------------------------------------

    @property
    def entries(self) -> list[ScriptedOrder]:
        """Every order ever taken that may open."""
        return [order for order in self.placed if not order.ticket.reduce_only]

    def stops(self, symbol: str) -> list[ScriptedOrder]:
        """The stops that rest."""
        return [order for order in self.open_orders(symbol) if order.ticket.trigger_price is not None]

    def open_orders(self, symbol: str) -> list[ScriptedOrder]:
        """Whatever rests."""
        return [order for order in self.placed if order.ticket.symbol == symbol and order.state is OrderState.OPEN]

    def covered(self, symbol: str) -> Decimal:
        """How much the stops would close."""
        held = abs(self.held[symbol])
        return sum((stop.ticket.quantity or held for stop in self.stops(symbol)), NOTHING)

    def trigger(self, stop: ScriptedOrder) -> None:
        """Let the price reach a stop."""
        assert stop.ticket.trigger_price is not None, "a stop has one"
        self._fill(stop, self._closable(stop.ticket), stop.ticket.trigger_price)

    # -- how it works -------------------------------------------------------------------------------------------

    def _under_weather(self, method: str, do: Callable[[], Answer]) -> Answer:
        self.calls.append(method)
        waiting = self.weather[method]
        weather = waiting.popleft() if waiting else None
        if isinstance(weather, Refused):
            raise weather
        if weather is Lost.BEFORE:
            raise NoAnswer(f"{method} timed out")
        answer = do()
        if weather is Lost.AFTER:
            raise NoAnswer(f"{method} timed out")
        if isinstance(weather, Answered):
            return replace(answer, **weather.changes) if isinstance(answer, ExchangeOrder) else answer  # type: ignore[arg-type]  # a test names fields
        return answer

    def _taken(self, ticket: OrderTicket) -> ExchangeOrder:
        if any(each.ticket.client_order_id == ticket.client_order_id for each in self.open_orders(ticket.symbol)):
            raise Refused("-4116", "ClientOrderId is duplicated.")
        if ticket.reduce_only and not self._closable(ticket):
            raise Refused("-2022", "ReduceOnly Order is rejected.")
        if ticket.trigger_price is not None and self._is_reached(ticket):
            raise Refused("-2021", "Order would immediately trigger.")
        parts = deque(Decimal(part) for part in self.parts if ticket.trigger_price is None)
        order = ScriptedOrder(str(53190368 + len(self.placed)), ticket, parts=parts, hidden_looks=self.hidden_looks)
        self.placed.append(order)
        if ticket.trigger_price is None and not parts:
            self._fill(order, self._wanted(order), self.price)
        return order.as_stated()

    def _found(self, symbol: str, client_order_id: str | None, exchange_order_id: str | None) -> ExchangeOrder | None:
        for order in reversed([each for each in self.placed if each.ticket.symbol == symbol]):
            if exchange_order_id == order.order_id or client_order_id == order.ticket.client_order_id:
                if order.hidden_looks:
                    order.hidden_looks -= 1
                    return None if exchange_order_id is None else replace(order.as_stated(), filled_qty=NOTHING)
                self._fill_next_part(order)
                return order.as_stated()
        return None

    def _shown_fills(self, symbol: str, order_id: str) -> Sequence[ExchangeFill]:
        return () if self._is_hidden() or not self.shows_fills else tuple(self._order(symbol, order_id).fills)

    def _is_hidden(self) -> bool:
        return any(order.hidden_looks for order in self.placed)

    def _canceled(self, symbol: str, order_id: str) -> ExchangeOrder | None:
        order = self._order(symbol, order_id)
        if order.state is not OrderState.OPEN:
            return None
        order.state = OrderState.CANCELED
        return order.as_stated()

    def _order(self, symbol: str, order_id: str) -> ScriptedOrder:
        return next(order for order in self.placed if (order.ticket.symbol, order.order_id) == (symbol, order_id))

    def _fill_next_part(self, order: ScriptedOrder) -> None:
        if order.state is OrderState.OPEN and order.parts:
            part = order.parts.popleft()
            self._fill(order, min(part, self._wanted(order)) if order.parts else self._wanted(order), self.price)

    def _wanted(self, order: ScriptedOrder) -> Decimal:
        bought = ((order.ticket.cost or NOTHING) / self.price).quantize(Decimal("0.1"))
        wanted = bought if order.ticket.quantity is None else order.ticket.quantity
        left = wanted - order.filled_qty
        return min(left, self._closable(order.ticket)) if order.ticket.reduce_only else left

    def _closable(self, ticket: OrderTicket) -> Decimal:
        held = self.held[ticket.symbol]
        against = max(NOTHING, held if ticket.side == "sell" else -held)
        return against if ticket.quantity is None else min(against, ticket.quantity)

    def _is_reached(self, ticket: OrderTicket) -> bool:
        assert ticket.trigger_price is not None, "asked of stops only"
        return self.price <= ticket.trigger_price if ticket.side == "sell" else self.price >= ticket.trigger_price

    def _fill(self, order: ScriptedOrder, quantity: Decimal, price: Decimal) -> None:
        if quantity:
            trade_id = f"{order.order_id}-{len(order.fills) + 1}"
            order.fills.append(
                ExchangeFill(
                    order_id=order.order_id, trade_id=trade_id, quantity=quantity, price=price, at=self._clock()
                )
            )
            self.held[order.ticket.symbol] += quantity if order.ticket.side == "buy" else -quantity
            self._attach(order)
        if order.parts and self._wanted(order):
            return
        order.state = OrderState.FILLED if order.filled_qty else OrderState.EXPIRED

    def _attach(self, entry: ScriptedOrder) -> None:
        """Set the stop that an entry took along: one for all that is held, without a name."""
        ticket = entry.ticket
        if ticket.attached_stop is None or len(entry.fills) > 1:
            return
        side: OrderSide = "sell" if ticket.side == "buy" else "buy"
        stop = OrderTicket(
            symbol=ticket.symbol,
            side=side,
            kind=TicketKind.STOP,
            client_order_id="",
            trigger_price=ticket.attached_stop,
            reduce_only=True,
            close_position=True,
        )
        self.placed.append(ScriptedOrder(f"{entry.order_id}-sl", stop))

    def _account(self) -> AccountSnapshot:
        until = self.shows_nothing_until
        hidden = self._is_hidden() or (until is not None and self._clock() < until)
        for order in self.placed:
            order.hidden_looks = max(0, order.hidden_looks - 1)
        return AccountSnapshot(
            exchange=self.name,
            account=self.account_name,
            is_account_said=True,
            has_conditional=True,
            taken_at=self._clock(),
            positions=tuple(
                PositionReport(
                    key=PositionKey(symbol, self.name, self.account_name),
                    side=Side.LONG if held > 0 else Side.SHORT,
                    quantity=abs(held),
                    avg_px_open=self.price,
                )
                for symbol, held in self.held.items()
                if held and not hidden
            ),
            orders=tuple(
                OrderReport(
                    key=PositionKey(order.ticket.symbol, self.name, self.account_name),
                    order_id=order.order_id,
                    side=order.ticket.side,
                    kind=OrderKind.OTHER if order.ticket.trigger_price is None else OrderKind.STOP,
                    quantity=order.ticket.quantity,
                    trigger_price=order.ticket.trigger_price,
                    reduce_only=order.ticket.reduce_only,
                    client_order_id=order.ticket.client_order_id,
                )
                for order in self.placed
                if order.state is OrderState.OPEN
            ),
        )


def too_busy() -> RateLimited:
    """The answer of an exchange that was asked too often."""
    return RateLimited("-1003", "Too many requests.", retry_seconds=1)
