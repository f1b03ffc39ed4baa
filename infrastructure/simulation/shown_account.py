"""The account that a simulated exchange shows, as the document of a snapshot: ccxt's positions and orders."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from domain.values import EPOCH, Leg, plain, timestamp_text
from infrastructure.simulation.books.kept_order import KeptOrder
from infrastructure.simulation.books.leg_book import HeldLeg
from infrastructure.simulation.books.order_matching import OrderMatching
from infrastructure.trading.exchange_orders import TicketKind, TradedMarket

Json = dict[str, Any]


def account_lists(books: OrderMatching) -> Json:
    """The positions, plain orders and conditional orders that are shown now, numbers as text."""
    resting = [order for order in books.orders.values() if order.is_open and not order.is_hidden]
    held = [(symbol, leg) for (symbol, _), leg in sorted(books.legs.items()) if leg.quantity]
    return {
        "positions": [_position(books, symbol, leg) for symbol, leg in held],
        "orders": [_order(books, order) for order in resting if not order.is_apart],
        "conditional_orders": [_order(books, order) for order in resting if order.is_apart],
    }


def account_document(books: OrderMatching, account: str | None, lists: Json) -> bytes:
    """The lists with a head, as the command `snapshot` writes one."""
    head: Json = {"exchange": books.exchange, "timestamp": timestamp_text(books.clock())}
    if account is not None:
        head["account"] = account
    return json.dumps(head | lists).encode()


def unified(market: TradedMarket) -> str:
    """A contract as ccxt spells it: `APT/USDT:USDT`."""
    return f"{market.base}/{market.quote}:{market.settle}"


def milliseconds(at: datetime) -> int:
    """A time as exchanges write it: milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def _position(books: OrderMatching, symbol: str, held: HeldLeg) -> Json:
    market = books.markets[symbol]
    average = held.holding.avg_px_open
    return {
        "symbol": unified(market),
        "side": held.side.value,
        "hedged": held.leg is not Leg.BOTH,
        "contracts": plain(held.quantity),
        "contractSize": plain(market.contract_size),
        "entryPrice": None if average is None else plain(average),
        "markPrice": plain(books.price(symbol)),
        "marginMode": "cross",
        "info": {"positionSide": held.leg.value},
    }


def _order(books: OrderMatching, order: KeptOrder) -> Json:
    ticket = order.ticket
    trigger = None if ticket.trigger_price is None else plain(ticket.trigger_price)
    is_target = ticket.kind is TicketKind.TARGET
    name = {TicketKind.STOP: "stop_market", TicketKind.TARGET: "take_profit_market"}.get(ticket.kind, ticket.kind.value)
    return {
        "id": order.order_id,
        "clientOrderId": ticket.client_order_id or None,
        "symbol": unified(books.markets[ticket.symbol]),
        "type": name,
        "side": ticket.side,
        "status": "open",
        "amount": None if ticket.close_position else plain(order.quantity),
        "filled": plain(order.filled_qty),
        "price": None if ticket.price is None else plain(ticket.price),
        "triggerPrice": trigger,
        "stopLossPrice": None if is_target else trigger,
        "takeProfitPrice": trigger if is_target else None,
        "reduceOnly": order.reduces,
        "timestamp": milliseconds(order.placed_at),
        "info": {"positionSide": ticket.leg.value, **({"closePosition": True} if ticket.close_position else {})},
    }
