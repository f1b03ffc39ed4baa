"""The matching of a simulated exchange: it accepts, fills and triggers orders, and nets them into positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from itertools import count
from typing import Final

from domain.instrument import Instrument
from domain.values import EXACT, ZERO, Leg, OrderSide, rounded
from infrastructure.simulation.books.fault_plan import Fate
from infrastructure.simulation.books.kept_order import KeptOrder
from infrastructure.simulation.books.leg_book import HeldLeg
from infrastructure.simulation.books.order_rules import OrderRules, is_reached
from infrastructure.trading.exchange_orders import (
    ExchangeFill,
    OrderState,
    OrderTicket,
    TicketKind,
    TradedMarket,
    on_step,
)

UNTOUCHED: Final = Fate(frozenset(), 0, 0)
_FIRST_ORDER: Final = 53190368


@dataclass
class OrderMatching:
    """The orders and positions of one account; the caller holds the lock of the exchange."""

    exchange: str
    clock: Callable[[], datetime]
    fee_rate: Decimal
    hedge: bool
    drops_stops: bool
    """Whether the stops of a position are cancelled with it; else they stay open, and expire when triggered."""
    conditional_apart: bool
    """Whether conditional orders have a list of their own."""
    markets: dict[str, TradedMarket] = field(default_factory=dict)
    orders: dict[str, KeptOrder] = field(default_factory=dict)
    """Every order that was ever accepted, oldest first."""
    entries: list[KeptOrder] = field(default_factory=list)
    """Every order that opened a position, or added to one."""
    doubled: list[KeptOrder] = field(default_factory=list)
    """The entries that added to a position that another order had opened."""
    legs: dict[tuple[str, Leg], HeldLeg] = field(default_factory=dict)
    filled: int = 0
    """How many fills there were in all."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(_FIRST_ORDER))
    _trades: Iterator[int] = field(default_factory=lambda: count(1))

    def price(self, symbol: str) -> Decimal:
        """The last price of a listed symbol."""
        last = self.markets[symbol].last_price
        assert last is not None, "a market is listed with its price"
        return last

    def leg(self, symbol: str, leg: Leg) -> HeldLeg:
        """The position on a leg; it may be empty."""
        name = (symbol, leg)
        if name not in self.legs:
            self.legs[name] = HeldLeg(leg, _terms(self.markets[symbol]))
        return self.legs[name]

    def check(self, ticket: OrderTicket) -> None:
        """Refuses: Refused, with the code of the exchange, for an order that it would not accept."""
        OrderRules(self.exchange, self.hedge).check(
            ticket,
            self.markets[ticket.symbol],
            self.leg(ticket.symbol, ticket.leg),
            [order.ticket for order in self.orders.values() if order.is_open],
        )

    def take(self, ticket: OrderTicket, fate: Fate) -> KeptOrder:
        """Accept an order that was checked; nothing is filled yet."""
        order = KeptOrder(
            order_id=str(next(self._numbers)),
            ticket=ticket,
            terms=self.leg(ticket.symbol, ticket.leg).terms,
            fate=fate,
            placed_at=self.clock(),
            quantity=ticket.quantity or ZERO,
            is_apart=ticket.kind.is_conditional and self.conditional_apart,
        )
        self.orders[order.order_id] = order
        self.mark(ticket.symbol)
        return order

    def execute(self, order: KeptOrder, at_most: Decimal | None = None) -> None:
        """Fill an open order at the last price, as far as possible; at most `at_most`, rounded down to the step."""
        symbol, ticket = order.ticket.symbol, order.ticket
        price = self.price(symbol)
        if not order.is_open or (ticket.price is not None and not self._is_marketable(order, price)):
            return
        held = self.leg(symbol, ticket.leg)
        room = order.left
        closes_leg = self.hedge and ticket.side == ("sell" if ticket.leg is Leg.LONG else "buy")
        is_bound = order.reduces or closes_leg or order.is_forced
        if is_bound:
            there = held.quantity if held.closes(ticket.side) else ZERO
            room = there if ticket.close_position else min(room, there)
        step = self.markets[symbol].quantity_step
        quantity = room
        if at_most is not None and step is not None:
            quantity = min(room, max(on_step(at_most, step, ROUND_DOWN), step))
        if quantity:
            self._fill(order, held, quantity, price)
        if ticket.close_position:
            order.quantity = order.filled_qty
        if not order.left and order.fills:
            order.state = OrderState.FILLED
        elif is_bound and quantity == room:
            order.state = OrderState.EXPIRED
        self.mark(symbol)

    def expire(self, order: KeptOrder, state: OrderState = OrderState.EXPIRED) -> None:
        """End an order that is open."""
        if order.is_open:
            order.state = state
            self.mark(order.ticket.symbol)

    def force(self, symbol: str, leg: Leg, quantity: Decimal, client_order_id: str) -> KeptOrder:
        """Close a quantity of a leg by an order of the exchange, as a liquidation or a deleveraging does."""
        held = self.leg(symbol, leg)
        side: OrderSide = held.side.closing_order
        ticket = OrderTicket(
            symbol=symbol,
            side=side,
            kind=TicketKind.MARKET,
            client_order_id=client_order_id,
            quantity=quantity,
            leg=leg,
        )
        order = self.take(ticket, UNTOUCHED)
        order.is_forced = True
        self.execute(order)
        return order

    def move(self, symbol: str, price: Decimal) -> None:
        """Change the price: it fills the stops and targets that it triggers, and the limit orders that it reaches."""
        self.markets[symbol] = replace(self.markets[symbol], last_price=price)
        for order in [each for each in self.orders.values() if each.is_open and each.ticket.symbol == symbol]:
            if order.is_conditional:
                if is_reached(order.ticket, price):
                    self.execute(order)
            elif order.ticket.kind is TicketKind.LIMIT:
                self.execute(order)

    def stops(self, symbol: str, leg: Leg) -> list[KeptOrder]:
        """The open stops that would close the position on a leg."""
        held = self.leg(symbol, leg)
        return [
            order
            for order in self.orders.values()
            if order.is_open
            and (order.ticket.symbol, order.ticket.leg, order.ticket.kind) == (symbol, leg, TicketKind.STOP)
            and held.closes(order.ticket.side)
        ]

    def mark(self, symbol: str) -> None:
        """Update, after a change, which positions of a symbol are fully covered by stops."""
        for (name, leg), held in self.legs.items():
            if name != symbol:
                continue
            stops = self.stops(symbol, leg)
            covered = sum((stop.left for stop in stops), ZERO)
            held.mark(None if any(stop.ticket.close_position for stop in stops) else covered, self.clock())

    def _fill(self, order: KeptOrder, held: HeldLeg, quantity: Decimal, price: Decimal) -> None:
        ticket = order.ticket
        market = self.markets[ticket.symbol]
        self.filled += 1
        is_new = order.order_id not in held.entries
        adds = held.take(order.order_id, ticket.side, quantity, price)
        if is_new and order.order_id in held.entries and order not in self.entries:
            self.entries.append(order)
            if adds:
                self.doubled.append(order)
        order.fills.append(
            ExchangeFill(
                order_id=order.order_id,
                trade_id=str(next(self._trades)),
                quantity=quantity,
                price=price,
                at=self.clock(),
                fee=rounded(EXACT.multiply(abs(held.terms.worth(quantity, price)), self.fee_rate)),
                fee_currency=market.settle,
            )
        )
        if held.quantity and ticket.attached_stop is not None:
            self._attach(order, ticket.attached_stop)
        if not held.quantity and self.drops_stops:
            for each in self.orders.values():
                is_of_leg = (each.ticket.symbol, each.ticket.leg) == (ticket.symbol, ticket.leg)
                if each.is_open and each.is_conditional and each.reduces and is_of_leg and each is not order:
                    each.state = OrderState.CANCELED

    def _attach(self, order: KeptOrder, trigger: Decimal) -> None:
        """Place the stop attached to an entry, unless the position has one: it closes the whole position."""
        leg = self.leg(order.ticket.symbol, order.ticket.leg)
        if any(stop.ticket.close_position for stop in self.stops(order.ticket.symbol, order.ticket.leg)):
            return
        ticket = OrderTicket(
            symbol=order.ticket.symbol,
            side=leg.side.closing_order,
            kind=TicketKind.STOP,
            client_order_id="",
            trigger_price=trigger,
            close_position=True,
            leg=order.ticket.leg,
        )
        self.take(ticket, UNTOUCHED)

    @staticmethod
    def _is_marketable(order: KeptOrder, price: Decimal) -> bool:
        limit = order.ticket.price
        assert limit is not None, "it has a limit"
        return price <= limit if order.ticket.side == "buy" else price >= limit


def _terms(market: TradedMarket) -> Instrument:
    return Instrument(
        contract_size=market.contract_size,
        inverse=market.inverse,
        base=market.base,
        quote=market.quote,
        settle=market.settle,
    )
