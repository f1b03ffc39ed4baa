"""A simulated exchange: orders are filled and netted into positions, and every order is counted."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import count
from typing import Any, Final

from domain.holding import ZERO, Holding
from domain.symbols.spelling import normalized_symbol
from domain.symbols.venues import normalized_exchange
from domain.values import Side, plain
from infrastructure.ledger.ledger import now

FIRST_ORDER: Final = 53190368
ARRIVES_WITHIN_SECONDS: Final = 0.05
"""How long after a call its order may still be taken (60 s at Binance, its `recvWindow`); time is short here."""


class ExchangeRefused(Exception):
    """The exchange refused; nothing was ordered."""


class ExchangeSilent(Exception):
    """The exchange did not answer in time: whether there is an order, only it knows."""


class Fault(StrEnum):
    """What may go wrong with one order."""

    ANSWER_LOST = "answer lost"
    """It is executed, and the caller never hears of it."""
    NEVER_ARRIVED = "never arrived"
    """It is not executed, and the caller never hears that."""


@dataclass(frozen=True)
class SimulatedOrder:
    """An order as the exchange has it; a market order is filled at once, a stop rests.

    Units: quantities in base asset, without a sign; `avg_px` and `trigger_price` in quote asset.
    """

    order_id: str
    symbol: str
    side: str
    quantity: Decimal
    placed_at: datetime
    filled: Decimal = ZERO
    avg_px: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    client_order_id: str | None = None

    @property
    def is_stop(self) -> bool:
        """Whether it waits for a price."""
        return self.trigger_price is not None


@dataclass(frozen=True)
class SimulatedPosition:
    """What is held of a symbol; `entries` are the orders that opened it, or added to it."""

    symbol: str
    side: Side
    quantity: Decimal
    avg_px_open: Decimal
    entries: tuple[str, ...]

    @property
    def exposure(self) -> Decimal:
        """The quantity with its sign: a short is negative."""
        return self.side.sign * self.quantity


@dataclass
class _Book:
    """One symbol: its price, what is held, what rests, and what will go wrong."""

    price: Decimal
    held: Holding = field(default_factory=Holding)
    side: Side = Side.LONG
    entries: tuple[str, ...] = ()
    resting: dict[str, SimulatedOrder] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    stop_refusals: int = 0
    depth: Decimal | None = None


class PlayedExchange:
    """One account in one-way mode; thread-safe.

    Shape: a market order is acknowledged with its id, and filled at the price of its symbol; what was filled, `order`
           tells. A client order id is taken once: sent again, it is answered with the order that has it.
    """

    def __init__(
        self, name: str = "binance", *, latency_seconds: float = 0.0, clock: Callable[[], datetime] = now
    ) -> None:
        """Open without prices: a symbol without one is not listed. Every call takes `latency_seconds`."""
        self.name = normalized_exchange(name)
        self.orders: dict[str, SimulatedOrder] = {}
        """Every order that it ever took, by its id, oldest first."""
        self.doubled: Counter[str] = Counter()
        """How many orders of a symbol added to a position that was there already."""
        self.latency_seconds = latency_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._books: dict[str, _Book] = {}
        self._by_client_id: dict[str, SimulatedOrder] = {}
        self._numbers = count(FIRST_ORDER)
        self._entries: Counter[str] = Counter()

    # -- what happens around it ---------------------------------------------------------------------------------

    def list_symbol(self, symbol: str, price: Decimal) -> None:
        """Let a symbol be ordered, or move its price."""
        name = normalized_symbol(symbol, self.name)
        with self._lock:
            self._books.setdefault(name, _Book(price)).price = price

    def go_wrong(self, symbol: str, fault: Fault) -> None:
        """Let something happen to the next market order of a symbol that has no fault waiting."""
        with self._lock:
            self._book(symbol).faults.append(fault)

    def refuse_stops(self, symbol: str, refusals: int = 1) -> None:
        """Refuse so many of the next stops of a symbol."""
        with self._lock:
            self._book(symbol).stop_refusals += refusals

    def calm_down(self) -> None:
        """Cancel every fault that is waiting."""
        with self._lock:
            for book in self._books.values():
                book.faults.clear()
                book.stop_refusals, book.depth = 0, None

    def limit_next_fill(self, symbol: str, quantity: Decimal) -> None:
        """Let the next market order find no more than this; the rest of it expires."""
        with self._lock:
            self._book(symbol).depth = quantity

    # -- what a bot may ask -------------------------------------------------------------------------------------

    def place_market(
        self,
        symbol: str,
        side: str,
        quantity: Decimal,
        *,
        reduce_only: bool = False,
        client_order_id: str | None = None,
    ) -> str:
        """Order at the market price; the answer is the order's id alone: fills come later, by `order`.

        Refuses: ExchangeRefused for a quantity of zero, or a reduce-only order that would not reduce. ExchangeSilent.
        """
        self._travel()
        with self._lock:
            book = self._book(symbol)
            fault = book.faults.popleft() if book.faults else None
            if fault is not Fault.NEVER_ARRIVED:
                order = self._known(client_order_id) or self._execute(
                    book, normalized_symbol(symbol, self.name), side, quantity, client_order_id, reduce_only=reduce_only
                )
        self._travel()
        if fault is not None:
            raise ExchangeSilent(f"{self.name} did not answer about an order to {side} {plain(quantity)} {symbol}")
        return order.order_id

    def place_stop(
        self, symbol: str, side: str, quantity: Decimal, trigger_price: Decimal, *, client_order_id: str | None = None
    ) -> str:
        """Let a stop rest. Refuses: ExchangeRefused when it was told to, and without a position to protect."""
        self._travel()
        with self._lock:
            book = self._book(symbol)
            if known := self._known(client_order_id):
                return known.order_id
            if book.stop_refusals:
                book.stop_refusals -= 1
                raise ExchangeRefused("-2021: the stop would trigger at once")
            if not book.held.quantity or side != book.side.closing_order:
                raise ExchangeRefused(f"there is no position in {symbol} that a stop to {side} would close")
            order = SimulatedOrder(
                self._next_id(),
                normalized_symbol(symbol, self.name),
                side,
                quantity,
                self._clock(),
                trigger_price=trigger_price,
                reduce_only=True,
                client_order_id=client_order_id,
            )
            book.resting[order.order_id] = order
            self._take(order)
        self._travel()
        return order.order_id

    def order(self, *, order_id: str | None = None, client_order_id: str | None = None) -> SimulatedOrder | None:
        """What became of an order; None when there is no such order."""
        self._travel()
        with self._lock:
            if client_order_id is not None:
                return self._by_client_id.get(client_order_id)
            return self.orders.get(order_id or "")

    def position(self, symbol: str) -> SimulatedPosition | None:
        """What is held of a symbol; None for nothing."""
        self._travel()
        with self._lock:
            return self._position(normalized_symbol(symbol, self.name))

    def positions(self) -> list[SimulatedPosition]:
        """Everything that is held, by symbol."""
        self._travel()
        with self._lock:
            return [held for symbol in sorted(self._books) if (held := self._position(symbol))]

    # -- what an auditor may ask --------------------------------------------------------------------------------

    def entries(self, symbol: str | None = None) -> int:
        """How many orders opened a position of a symbol (or of any), or added to one."""
        return self._entries.total() if symbol is None else self._entries[normalized_symbol(symbol, self.name)]

    def snapshot(self) -> dict[str, Any]:
        """What it shows at this moment, in the format that the old bot saved; numbers are text, so they are exact."""
        with self._lock:
            positions = [held for symbol in sorted(self._books) if (held := self._position(symbol))]
            orders = [order for symbol in sorted(self._books) for order in self._books[symbol].resting.values()]
            return {
                "exchange": self.name,
                "timestamp": self._clock().replace(tzinfo=None).isoformat(),
                "positions_count": len(positions),
                "orders_count": len(orders),
                "positions": [_saved_position(position) for position in positions],
                "orders": [_saved_order(order) for order in orders],
            }

    # -- inside, under the lock ---------------------------------------------------------------------------------

    def _travel(self) -> None:
        if self.latency_seconds:
            time.sleep(self.latency_seconds)

    def _book(self, symbol: str) -> _Book:
        book = self._books.get(normalized_symbol(symbol, self.name))
        if book is None:
            raise ExchangeRefused(f"{self.name} does not list {symbol}")
        return book

    def _known(self, client_order_id: str | None) -> SimulatedOrder | None:
        return None if client_order_id is None else self._by_client_id.get(client_order_id)

    def _next_id(self) -> str:
        return str(next(self._numbers))

    def _execute(
        self, book: _Book, symbol: str, side: str, quantity: Decimal, client_order_id: str | None, *, reduce_only: bool
    ) -> SimulatedOrder:
        filled = quantity if book.depth is None else min(quantity, book.depth)
        closes = bool(book.held.quantity) and side == book.side.closing_order
        if reduce_only and not closes:
            raise ExchangeRefused(f"-2022: there is nothing in {symbol} that an order to {side} would reduce")
        if reduce_only:
            filled = min(filled, book.held.quantity)
        if filled <= 0:
            raise ExchangeRefused(f"-4003: a quantity of {plain(quantity)} is no order")
        book.depth = None
        order = SimulatedOrder(
            self._next_id(),
            symbol,
            side,
            quantity,
            self._clock(),
            filled=filled,
            avg_px=book.price,
            reduce_only=reduce_only,
            client_order_id=client_order_id,
        )
        self._net(book, order)
        self._take(order)
        return order

    def _take(self, order: SimulatedOrder) -> None:
        self.orders[order.order_id] = order
        if order.client_order_id is not None:
            self._by_client_id[order.client_order_id] = order

    def _net(self, book: _Book, order: SimulatedOrder) -> None:
        """Count an order against what is held: it adds, reduces, or turns it round."""
        left = order.filled
        if book.held.quantity and order.side == book.side.closing_order:
            reduced = min(left, book.held.quantity)
            book.held, left = book.held.with_exit(book.side, reduced, reduced * book.price), left - reduced
        if not book.held.quantity:
            book.resting.clear()
            book.held, book.entries = Holding(), ()
        if left:
            if book.held.quantity:
                self.doubled[order.symbol] += 1
            book.side = Side.LONG if order.side == "buy" else Side.SHORT
            book.held = book.held.entered(book.side, left, left * book.price)
            book.entries = (*book.entries, order.order_id)
            self._entries[order.symbol] += 1

    def _position(self, symbol: str) -> SimulatedPosition | None:
        book = self._books.get(symbol)
        if book is None or not book.held.quantity:
            return None
        assert book.held.avg_px_open is not None, "every fill has a price"
        return SimulatedPosition(symbol, book.side, book.held.quantity, book.held.avg_px_open, book.entries)


def _saved_position(position: SimulatedPosition) -> dict[str, Any]:
    return {
        "symbol": unified(position.symbol),
        "side": position.side.value,
        "contracts": plain(position.quantity),
        "entry_price": plain(position.avg_px_open),
        "unrealized_pnl": "0",
    }


def _saved_order(order: SimulatedOrder) -> dict[str, Any]:
    assert order.trigger_price is not None, "only stops rest"
    return {
        "order_id": order.order_id,
        "symbol": unified(order.symbol),
        "type": "stop_market",
        "side": order.side,
        "status": "open",
        "amount": plain(order.quantity),
        "price": None,
        "stopPrice": plain(order.trigger_price),
        "reduceOnly": order.reduce_only,
        "timestamp": int(order.placed_at.timestamp() * 1000),
    }


def unified(symbol: str) -> str:
    """A symbol that is quoted and settled in USDT, as ccxt spells it: `APT/USDT:USDT`."""
    return f"{symbol.removesuffix('USDT')}/USDT:USDT"
