"""The rules that an order must meet at a simulated exchange, as at the real ones, with their error codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from domain.values import Leg, plain
from infrastructure.ccxt_trading.binance_trading import BINANCE
from infrastructure.ccxt_trading.bybit_trading import BYBIT
from infrastructure.simulation.books.exchange_codes import Reason, refused
from infrastructure.simulation.books.leg_book import HeldLeg
from infrastructure.trading.exchange_orders import OrderTicket, TicketKind, TradedMarket


@dataclass(frozen=True, slots=True)
class OrderRules:
    """The rules of an account at one exchange."""

    exchange: str
    hedge: bool

    def check(self, ticket: OrderTicket, market: TradedMarket, held: HeldLeg, resting: Sequence[OrderTicket]) -> None:
        """Refuses: Refused for an order that the exchange would not accept. `resting` are the open orders."""
        self._check_form(ticket, market)
        for price in (ticket.price, ticket.trigger_price, ticket.attached_stop):
            if price is not None:
                self._check_price(price, market)
        if ticket.quantity is not None:
            self._check_quantity(ticket, ticket.quantity, market)
        closes_leg = self.hedge and ticket.side == ("sell" if ticket.leg is Leg.LONG else "buy")
        if (ticket.reduce_only or closes_leg) and not ticket.kind.is_conditional and not held.closes(ticket.side):
            self._refuse(Reason.NOTHING_TO_REDUCE, f"there is nothing that an order to {ticket.side} would reduce")
        if ticket.close_position and any(_closes_the_same(other, ticket) for other in resting):
            self._refuse(Reason.CLOSED_BY_ANOTHER, f"a {ticket.kind.value} that closes the position is open already")
        self._check_triggers(ticket, market)

    def _check_form(self, ticket: OrderTicket, market: TradedMarket) -> None:
        is_web = not ticket.client_order_id
        pattern = (BYBIT if self.exchange == "bybit" else BINANCE).client_id
        if not is_web and not pattern.fullmatch(ticket.client_order_id):
            wanted = f"the client order id {ticket.client_order_id!r} does not match {pattern.pattern}"
            self._refuse(Reason.ODD_ID, wanted)
        if ticket.side not in ("buy", "sell"):
            self._refuse(Reason.NO_SIDE, f"the side of an order is buy or sell, not {ticket.side!r}")
        if ticket.leg not in ((Leg.LONG, Leg.SHORT) if self.hedge else (Leg.BOTH,)):
            mode = "hedge" if self.hedge else "one-way"
            self._refuse(Reason.WRONG_MODE, f"leg {ticket.leg.value} is none of an account of contracts in {mode} mode")
        if ticket.cost is not None or (ticket.quantity is None) != ticket.close_position:
            self._refuse(Reason.UNSUPPORTED, "an order of a contract has a quantity, or closes the position")
        is_conditional = ticket.kind.is_conditional
        if is_conditional != (ticket.trigger_price is not None) or (ticket.kind is TicketKind.LIMIT) != (
            ticket.price is not None
        ):
            self._refuse(Reason.UNSUPPORTED, f"a {ticket.kind.value} order needs other prices")
        if ticket.close_position and not (is_conditional and market.closes_position):
            self._refuse(Reason.UNSUPPORTED, "only a conditional order closes the position, and not at every exchange")
        if ticket.attached_stop is not None and not market.attaches_stops:
            self._refuse(Reason.UNSUPPORTED, "a stop cannot be attached to an entry here")

    def _check_price(self, price: Decimal, market: TradedMarket) -> None:
        if not price.is_finite() or price <= 0:
            self._refuse(Reason.NO_PRICE, f"price {price} is not a number above zero")
        if market.price_tick is not None and price % market.price_tick:
            off = f"price {plain(price)} is not a multiple of the tick {plain(market.price_tick)}"
            self._refuse(Reason.OFF_TICK, off)

    def _check_quantity(self, ticket: OrderTicket, quantity: Decimal, market: TradedMarket) -> None:
        is_number = quantity.is_finite() and quantity > 0
        if not is_number or (market.min_quantity is not None and quantity < market.min_quantity):
            self._refuse(Reason.TOO_SMALL, f"a quantity of {quantity} is too small")
        if market.quantity_step is not None and quantity % market.quantity_step:
            step = plain(market.quantity_step)
            self._refuse(Reason.OFF_STEP, f"{plain(quantity)} is not a multiple of the step {step}")
        if market.min_cost is not None and not ticket.reduce_only and ticket.trigger_price is None:
            cost = quantity * market.contract_size * (1 if market.inverse else _last(market))
            if cost < market.min_cost:
                self._refuse(Reason.TOO_CHEAP, f"the order is worth {plain(cost)}, less than {plain(market.min_cost)}")

    def _check_triggers(self, ticket: OrderTicket, market: TradedMarket) -> None:
        price = _last(market)
        if ticket.trigger_price is not None and is_reached(ticket, price):
            self._refuse(Reason.AT_ONCE, "the order would trigger at once")
        if ticket.attached_stop is not None:
            is_above = ticket.attached_stop > price
            if ticket.attached_stop == price or is_above != (ticket.side == "sell"):
                self._refuse(Reason.AT_ONCE, "the attached stop would trigger at once")

    def _refuse(self, reason: Reason, text: str) -> NoReturn:
        raise refused(self.exchange, reason, text)


def is_reached(ticket: OrderTicket, price: Decimal) -> bool:
    """Whether a price triggers a stop or a target."""
    assert ticket.trigger_price is not None, "it waits for a price"
    is_below = (ticket.side == "sell") == (ticket.kind is TicketKind.STOP)
    return price <= ticket.trigger_price if is_below else price >= ticket.trigger_price


def _closes_the_same(other: OrderTicket, ticket: OrderTicket) -> bool:
    """Whether another order of the same kind closes the same position; one stop and one target are allowed."""
    return other.close_position and all(
        getattr(other, name) == getattr(ticket, name) for name in ("symbol", "leg", "side", "kind")
    )


def _last(market: TradedMarket) -> Decimal:
    assert market.last_price is not None, "a market is listed with its price"
    return market.last_price
