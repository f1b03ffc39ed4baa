"""Reading orders and fills from a ccxt client, with numbers as text; an answer that cannot be read is NoAnswer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from domain.identifiers import own_order_id
from domain.values import ZERO, OrderSide, plain
from infrastructure.amounts import read_amount
from infrastructure.ccxt_trading.trading_conventions import Json, TradingConventions
from infrastructure.exchanges.client_calls import UNREADABLE
from infrastructure.trading.exchange_errors import NoAnswer
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderState, OrderTicket

_STATES: Final = {
    "open": OrderState.OPEN,
    "canceling": OrderState.OPEN,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "scheduledCancel": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
_SIDES: Final[dict[str, OrderSide]] = {"buy": "buy", "sell": "sell"}


def read_stated(entry: Any, symbol: str, *, is_conditional: bool = False) -> ExchangeOrder:
    """Read an order that was looked up. Raises NoAnswer when its id, its state or its filled quantity is missing."""
    try:
        state = _STATES[entry["status"]]
        filled = _number(entry["filled"])
        if filled is None and (state is OrderState.OPEN or is_conditional):
            filled = ZERO
        if filled is None:
            raise ValueError(f"what is filled of it is {entry['filled']!r}")
        quantity = _above_zero(entry.get("amount"))
        if state is OrderState.FILLED and quantity is not None and filled < quantity:
            state = OrderState.CANCELED  # for ccxt a partially filled order that was cancelled is closed
        return _order(entry, symbol, state, filled, is_conditional=is_conditional)
    except UNREADABLE as wrong:
        raise _unread("an order", entry, wrong) from None


def read_placed(entry: Any, ticket: OrderTicket, conventions: TradingConventions) -> ExchangeOrder:
    """Read the acknowledgement of an order, which may have little more than its id; the rest is from the ticket.

    Raises NoAnswer when it cannot be read, or is that of another order.
    """
    is_conditional = conventions.keeps_apart and ticket.trigger_price is not None
    try:
        state = OrderState.OPEN if entry["status"] is None else _STATES[entry["status"]]
        order = _order(entry, ticket.symbol, state, _number(entry["filled"]) or ZERO, is_conditional=is_conditional)
    except UNREADABLE as wrong:
        raise _unread("an acknowledgement", entry, wrong) from None
    if order.client_order_id not in (None, ticket.client_order_id):
        raise NoAnswer(f"{ticket.client_order_id} was sent, and order {order.client_order_id} is acknowledged")
    return ExchangeOrder(
        symbol=ticket.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id or ticket.client_order_id,
        state=order.state,
        filled_qty=order.filled_qty,
        avg_px=order.avg_px,
        side=order.side or ticket.side,
        quantity=order.quantity if order.quantity is not None else ticket.quantity,
        trigger_price=order.trigger_price if order.trigger_price is not None else ticket.trigger_price,
        reduce_only=order.reduce_only or ticket.reduce_only or ticket.close_position,
        stated_at=order.stated_at,
        is_conditional=is_conditional,
    )


def client_id_of(entry: Json) -> str | None:
    """The client order id of an order; for a conditional order at OKX it is in `info` only."""
    said = entry["info"].get("algoClOrdId") or entry.get("clientOrderId")
    return own_order_id(str(said)) if said else None


def read_fills(entries: Sequence[Any], order_id: str) -> tuple[ExchangeFill, ...]:
    """The fills of one order, each once, oldest first. Raises NoAnswer when one of them cannot be read."""
    found: dict[str, ExchangeFill] = {}
    for entry in entries:
        try:
            if str(entry["order"]) == order_id:
                fill = _fill(entry, order_id)
                found[fill.trade_id] = fill
        except UNREADABLE as wrong:
            raise _unread("a fill", entry, wrong) from None
    return tuple(sorted(found.values(), key=lambda fill: (fill.at, fill.trade_id)))


def _order(
    entry: Any,
    symbol: str,
    state: OrderState,
    filled: Decimal,
    *,
    is_conditional: bool,
) -> ExchangeOrder:
    info: Json = entry["info"]
    moment = entry.get("lastUpdateTimestamp") or entry.get("timestamp")
    # In a plain order, the prices of a stop-loss and a take-profit are those of stops that come with it.
    own = ("triggerPrice", *(("stopLossPrice", "takeProfitPrice") if is_conditional else ()))
    triggers = (entry.get(name) for name in own)
    quantity = _above_zero(entry.get("amount"))
    if filled < 0 or (quantity is not None and filled > quantity):
        raise ValueError(f"{plain(filled)} is filled of {entry.get('amount')}")
    return ExchangeOrder(
        symbol=symbol,
        order_id=_required_id(entry["id"]),
        client_order_id=client_id_of(entry),
        state=state,
        filled_qty=filled,
        avg_px=_above_zero(entry.get("average")),
        side=_SIDES.get(entry.get("side") or ""),
        quantity=quantity,
        trigger_price=next((price for each in triggers if (price := _above_zero(each)) is not None), None),
        reduce_only=bool(entry.get("reduceOnly")) or str(info.get("closePosition", "")).lower() == "true",
        stated_at=_moment(moment) if moment else None,
        is_conditional=is_conditional,
    )


def _fill(entry: Any, order_id: str) -> ExchangeFill:
    fee = entry.get("fee") or {}
    quantity, price = _number(entry["amount"]), _number(entry["price"])
    if quantity is None or price is None:
        raise ValueError(f"its amount is {entry['amount']!r}, its price {entry['price']!r}")
    return ExchangeFill(
        order_id=order_id,
        trade_id=_required_id(entry["id"]),
        quantity=quantity,
        price=price,
        at=_moment(entry["timestamp"]),
        fee=_number(fee.get("cost")),
        fee_currency=fee.get("currency"),
    )


def _required_id(value: Any) -> str:
    if value in (None, ""):
        raise ValueError("it has no id")
    return str(value)


def _number(value: Any) -> Decimal | None:
    """A number exactly as the exchange wrote it; None where there is none."""
    if value in (None, ""):
        return None
    number = read_amount(str(value)).number
    if number is None:
        raise ValueError(f"{value!r:.40} is no number")
    return number


def _above_zero(value: Any) -> Decimal | None:
    number = _number(value)
    return number or None


def _moment(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _unread(what: str, entry: Any, wrong: Exception) -> NoAnswer:
    return NoAnswer(f"{what} cannot be read: {type(wrong).__name__} {wrong!s:.100} in {entry!r:.200}")
