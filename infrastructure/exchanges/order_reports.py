"""A resting order as a saved snapshot, ccxt, Binance or Bybit writes it, and whether it is a stop."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.values import TEXT_LENGTH_MAX
from infrastructure.exchanges.fields import ReportFields, about, one_of
from projections.account_snapshot import OrderKind, OrderReport
from projections.reconciliation.matching import PRICE_TOLERANCE

_OVER: Final = {
    "closed",
    "canceled",
    "cancelled",
    "expired",
    "rejected",
    "filled",
    "deactivated",
    "finished",
    "expired_in_match",
}
_TYPES: Final = ("stopOrderType", "origType", "strategyType", "orderType", "type")
_SIDES: Final = {"buy": "buy", "sell": "sell", "long": "buy", "short": "sell"}
_AGAINST: Final = {"sell": "2", "buy": "1"}
"""Bybit's `triggerDirection` (1 rising, 2 falling) of an order that limits a loss; the other one takes a profit."""


def read_order(value: object, exchange: str, account: str | None) -> OrderReport | None:
    """Read one order; None when it does not rest any more.

    Units:   quantity in base asset; None when it is not said, or said to be whatever is open.
    Refuses: ValueError when symbol or id cannot be read, or when it says that it rests and that it does not, both
             directions, or two quantities.
    """
    entry = ReportFields.of(value)
    states = entry.said("status", "orderStatus", "algoStatus")
    if one_of({name: "over" if word.lower() in _OVER else "not over" for name, word in states.items()}) == "over":
        return None
    order_id = entry.text("order_id", "id", "orderId", "algoId", "strategyId")
    if not order_id or not order_id.isprintable() or len(order_id) > TEXT_LENGTH_MAX:
        raise ValueError(f"its id is {order_id!a:.60}" if order_id else "it has no id")
    closes_all = entry.flag("closePosition")
    kind = _kind(entry)
    sides, quantities = entry.said("side"), entry.numbers("amount", "origQty", "quantity", "qty")
    quantity = one_of({name: each for name, each in quantities.items() if each > 0}, about(PRICE_TOLERANCE))
    return OrderReport(
        key=PositionKey(entry.text("symbol") or "", exchange, account, entry.leg(None)),
        order_id=order_id,
        side=one_of({name: _SIDES[word.lower()] for name, word in sides.items() if word.lower() in _SIDES}),
        kind=kind,
        quantity=None if closes_all else quantity,
        trigger_price=_trigger_price(entry) if kind is not OrderKind.OTHER else None,
        reduce_only=closes_all or entry.flag("reduceOnly", "reduce_only", "closeOnTrigger"),
        client_order_id=entry.text("clientOrderId", "client_order_id", "orderLinkId", "clientAlgoId"),
        created_at=entry.moment("timestamp", "datetime", "createdTime", "createTime", "time"),
    )


def _kind(entry: ReportFields) -> OrderKind:
    types = {word.replace("_", "").replace("-", "") for word in entry.words(*_TYPES)}
    if any("takeprofit" in word for word in types):
        return OrderKind.OTHER
    if any("trailing" in word for word in types):
        return OrderKind.TRAILING_STOP
    is_stop = any("stop" in word for word in types) or _waits_for_a_price(entry)
    direction = entry.text("triggerDirection")
    takes_profit = direction in _AGAINST.values() and direction != _AGAINST.get(entry.word("side"))
    return OrderKind.STOP if is_stop and not takes_profit else OrderKind.OTHER


def _waits_for_a_price(entry: ReportFields) -> bool:
    """Whether ccxt tells by its prices alone that it is a stop: a limit entry may carry a stop without being one."""
    if entry.above_zero("takeProfitPrice") and not entry.above_zero("stopLossPrice"):
        return False
    return entry.above_zero("triggerPrice", "stopPrice") is not None or (
        entry.flag("reduceOnly") and entry.above_zero("stopLossPrice") is not None
    )


def _trigger_price(entry: ReportFields) -> Decimal | None:
    return entry.above_zero(
        "triggerPrice", "trigger_price", "stopPrice", "stop_price", "stopLossPrice", "stop_loss_price"
    )
