"""What an order has to be before a simulated exchange takes it: the rules of the real ones, refused in their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from domain.values import Leg, plain
from infrastructure.exchanges.ccxt_trading.binance_trading import BINANCE
from infrastructure.exchanges.ccxt_trading.bybit_trading import BYBIT
from infrastructure.simulation.books.exchange_codes import Ground, refused
from infrastructure.simulation.books.leg_book import HeldLeg
from infrastructure.trading.exchange_orders import OrderTicket, TicketKind, TradedMarket


@dataclass(frozen=True, slots=True)
class OrderRules:
    """The rules of an account at one exchange."""

    exchange: str
    hedge: bool

    def check(self, ticket: OrderTicket, market: TradedMarket, held: HeldLeg, resting: Sequence[OrderTicket]) -> None:
        """Refuses: Refused for an order that the exchange would not take. `resting` is what is open."""
        self._check_form(ticket, market)
        for price in (ticket.price, ticket.trigger_price, ticket.attached_stop):
            if price is not None:
                self._check_price(price, market)
        if ticket.quantity is not None:
            self._check_quantity(ticket, ticket.quantity, market)
        closes_leg = self.hedge and ticket.side == ("sell" if ticket.leg is Leg.LONG else "buy")
        if (ticket.reduce_only or closes_leg) and not ticket.kind.is_conditional and not held.closes(ticket.side):
            self._refuse(Ground.NOTHING_TO_REDUCE, f"there is nothing that an order to {ticket.side} would reduce")
        if ticket.close_position and any(_closes_the_same(other, ticket) for other in resting):
            self._refuse(Ground.CLOSED_BY_ANOTHER, f"a {ticket.kind.value} that closes the position is open already")
        self._check_triggers(ticket, market)

    def _check_form(self, ticket: OrderTicket, market: TradedMarket) -> None:
        is_web = not ticket.client_order_id
        pattern = (BYBIT if self.exchange == "bybit" else BINANCE).client_id
        if not is_web and not pattern.fullmatch(ticket.client_order_id):
            wanted = f"the client order id {ticket.client_order_id!r} is none of {pattern.pattern}"
            self._refuse(Ground.ODD_ID, wanted)
        if ticket.side not in ("buy", "sell"):
            self._refuse(Ground.NO_SIDE, f"an order is to buy or to sell, not to {ticket.side!r}")
        if ticket.leg not in ((Leg.LONG, Leg.SHORT) if self.hedge else (Leg.BOTH,)):
            mode = "hedge" if self.hedge else "one-way"
            self._refuse(Ground.WRONG_MODE, f"leg {ticket.leg.value} is none of an account of contracts in {mode} mode")
        if ticket.cost is not None or (ticket.quantity is None) != ticket.close_position:
            self._refuse(Ground.UNSUPPORTED, "an order of a contract has a quantity, or closes the position")
        is_conditional = ticket.kind.is_conditional
        if is_conditional != (ticket.trigger_price is not None) or (ticket.kind is TicketKind.LIMIT) != (
            ticket.price is not None
        ):
            self._refuse(Ground.UNSUPPORTED, f"a {ticket.kind.value} order has another set of prices")
        if ticket.close_position and not (is_conditional and market.closes_position):
            self._refuse(Ground.UNSUPPORTED, "only a conditional order closes the position, and not at every exchange")
        if ticket.attached_stop is not None and not market.attaches_stops:
            self._refuse(Ground.UNSUPPORTED, "no stop is taken along with an entry")

    def _check_price(self, price: Decimal, market: TradedMarket) -> None:
        if not price.is_finite() or price <= 0:
            self._refuse(Ground.NO_PRICE, f"price {price} is no number above zero")
        if market.price_tick is not None and price % market.price_tick:
            off = f"price {plain(price)} is no multiple of the tick {plain(market.price_tick)}"
            self._refuse(Ground.OFF_TICK, off)

    def _check_quantity(self, ticket: OrderTicket, quantity: Decimal, market: TradedMarket) -> None:
        is_number = quantity.is_finite() and quantity > 0
        if not is_number or (market.min_quantity is not None and quantity < market.min_quantity):
            self._refuse(Ground.TOO_SMALL, f"a quantity of {quantity} is too small")
        if market.quantity_step is not None and quantity % market.quantity_step:
            self._refuse(Ground.OFF_STEP, f"{plain(quantity)} is no multiple of the step {plain(market.quantity_step)}")
        if market.min_cost is not None and not ticket.reduce_only and ticket.trigger_price is None:
            cost = quantity * market.contract_size * (1 if market.inverse else _last(market))
            if cost < market.min_cost:
                self._refuse(Ground.TOO_CHEAP, f"the order is worth {plain(cost)}, less than {plain(market.min_cost)}")

    def _check_triggers(self, ticket: OrderTicket, market: TradedMarket) -> None:
        price = _last(market)
        if ticket.trigger_price is not None and is_reached(ticket, price):
            self._refuse(Ground.AT_ONCE, "the order would trigger at once")
        if ticket.attached_stop is not None:
            is_above = ticket.attached_stop > price
            if ticket.attached_stop == price or is_above != (ticket.side == "sell"):
                self._refuse(Ground.AT_ONCE, "the stop that goes along would trigger at once")

    def _refuse(self, ground: Ground, text: str) -> NoReturn:
        raise refused(self.exchange, ground, text)


def is_reached(ticket: OrderTicket, price: Decimal) -> bool:
    """Whether a price triggers a stop or a target."""
    assert ticket.trigger_price is not None, "it waits for a price"
    is_below = (ticket.side == "sell") == (ticket.kind is TicketKind.STOP)
    return price <= ticket.trigger_price if is_below else price >= ticket.trigger_price


def _closes_the_same(other: OrderTicket, ticket: OrderTicket) -> bool:
    """Whether another order closes the same position as well; a stop and a target do so side by side."""
    return other.close_position and all(
        getattr(other, name) == getattr(ticket, name) for name in ("symbol", "leg", "side", "kind")
    )


def _last(market: TradedMarket) -> Decimal:
    assert market.last_price is not None, "a market is listed with its price"
    return market.last_price
