"""Reading a resting order from a saved snapshot, from ccxt or from an exchange's own answer."""

from __future__ import annotations

import re
from collections.abc import Container
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey, own_order_id
from domain.values import EXACT, TEXT_LENGTH_MAX, ZERO, Leg
from infrastructure.exchanges.fields import ReportFields, is_about, one_of
from infrastructure.exchanges.order_kinds import kind_of, stop_price, target_price, trigger_price
from projections.account_snapshot import OrderKind, OrderReport

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
_LIVE: Final = {"open", "new", "live", "active", "accepted", "pending", "placed", "untouched", "untriggered"}
"""Words that say that it rests; any other word or number of an exchange is ignored."""
_CLOSING: Final = {Leg.LONG: "sell", Leg.SHORT: "buy"}
_OPENING: Final = {Leg.LONG: "buy", Leg.SHORT: "sell"}
_SIDES: Final = {"buy": "buy", "sell": "sell", "long": "buy", "short": "sell", "b": "buy", "a": "sell"}
_OF_MEXC: Final = {"1": (Leg.LONG, "buy"), "2": (Leg.SHORT, "buy"), "3": (Leg.SHORT, "sell"), "4": (Leg.LONG, "sell")}
"""MEXC has numbers for opening and closing each leg; ccxt reads the number for closing a short as a sale."""
_CLOSES: Final = re.compile("close[-_](long|short)")
"""Gate's orders for all of a leg have no size, and so no side that ccxt could take from its sign."""
_SIDE_AND_OFFSET: Final = re.compile("(?:buy|sell)_(open|close)")
"""HashKey has side and offset in one word."""
_AMOUNTS: Final = ("amount", "origQty", "quantity", "qty", "origSz")
_LEFT: Final = ("remaining", "leavesQty")
_LEFT_OF_HYPERLIQUID: Final = ("sz",)
"""Beside `origSz` it is what is left; alone it is all of an order."""
_FILLED: Final = ("filled", "executedQty", "cumExecQty", "accFillSz", "filledSize")


def read_order(value: object, exchange: str, account: str | None, spot: Container[str] = ()) -> OrderReport | None:
    """Read one order; None when it no longer rests.

    Units:   quantity as the exchange counts, because only the whole snapshot knows the contract size of its symbol;
             None when it is not stated, or is whatever is held. `spot` are the symbols that mean spot.
    Refuses: ValueError when symbol or id cannot be read, or when its fields contradict each other about its state, its
             direction or its quantity.
    """
    entry = ReportFields.of(value)
    states = {name: word.lower() for name, word in entry.said("status", "orderStatus", "algoStatus").items()}
    known = {name: word for name, word in states.items() if word in _OVER | _LIVE}
    if one_of({name: "over" if word in _OVER else "not over" for name, word in known.items()}) == "over":
        return None
    order_id = entry.text("order_id", "id", "orderId", "algoId", "strategyId", "ordId", "oid")
    if not order_id or not order_id.isprintable() or len(order_id) > TEXT_LENGTH_MAX:
        raise ValueError(f"its id is {order_id!a:.60}" if order_id else "it has no id")
    symbol = entry.text("symbol") or entry.text("instId", "coin") or ""
    leg, side = _leg_and_side(entry, exchange)
    if symbol in spot:
        leg = Leg.SPOT
    closes_leg = leg in _CLOSING and side == _CLOSING[leg]
    closes_all = entry.flag("closePosition", "isPositionTpsl") or entry.word("closeFraction") in ("1", "1.0")
    reduces = (
        closes_all
        or closes_leg
        or entry.flag("reduceOnly", "reduce_only", "closeOnTrigger", "is_reduce_only", "is_close")
    )
    kind = kind_of(entry, side, reduces=reduces)
    if side is None and leg in _CLOSING and kind is not OrderKind.OTHER:
        side, reduces = _CLOSING[leg], True
    client_id = entry.text("clientOrderId", "client_order_id", "orderLinkId", "clientAlgoId")
    quantity = None if closes_all else _quantity(entry)
    filled = _filled(entry, quantity)
    if quantity is not None and filled >= quantity:
        return None
    return OrderReport(
        key=PositionKey(symbol, exchange, account, leg),
        order_id=order_id,
        side=side,
        kind=kind,
        quantity=quantity,
        trigger_price=_trigger_price(entry, kind),
        reduce_only=reduces,
        client_order_id=None if client_id is None else own_order_id(client_id),
        created_at=entry.moment("timestamp", "datetime", "createdTime", "createTime", "time", "cTime"),
        filled_qty=filled,
    )


def _leg_and_side(entry: ReportFields, exchange: str) -> tuple[Leg, str | None]:
    """The leg that it opens or closes, and its side; some exchanges state the two only together.

    Refuses: ValueError when the fields name both sides, or both legs.
    """
    if exchange == "mexc" and (numbers := entry.words("side") & set(_OF_MEXC)):
        return _OF_MEXC[numbers.pop()]
    leg, trade, offset = entry.leg(None), entry.word("tradeSide"), entry.word("offset")
    if both := _SIDE_AND_OFFSET.search(" ".join(entry.words("side"))):
        offset = both[1]
    if closes := _CLOSES.search(" ".join(entry.words("auto_size", "order_type"))):
        leg = Leg[closes[1].upper()]
        return leg, _CLOSING[leg]
    if leg in _CLOSING and trade in ("open", "close"):  # Bitget, whose `side` means the leg and not the direction
        return leg, _CLOSING[leg] if trade == "close" else _OPENING[leg]
    side = one_of({name: _SIDES[word.lower()] for name, word in entry.said("side").items() if word.lower() in _SIDES})
    if leg is Leg.BOTH and side is not None and offset in ("open", "close"):  # HTX: a sale that opens is a short
        leg = Leg.LONG if (side == "buy") == (offset == "open") else Leg.SHORT
    return leg, side


def _quantity(entry: ReportFields) -> Decimal | None:
    quantities = entry.numbers(*_AMOUNTS) or entry.numbers("sz") or _of_kraken(entry)
    return one_of({name: each for name, each in quantities.items() if each > 0}, is_about)


def _filled(entry: ReportFields, quantity: Decimal | None) -> Decimal:
    """What was filled of it, also where only what is left is stated; none is left also of some that never began."""
    filled = max(entry.numbers(*_FILLED).values(), default=ZERO)
    left = entry.numbers(*_LEFT, *(_LEFT_OF_HYPERLIQUID if entry.number("origSz") else ())).values()
    if quantity is None:
        return filled
    return max(filled, *(EXACT.subtract(quantity, each) for each in left if 0 < each < quantity), ZERO)


def _of_kraken(entry: ReportFields) -> dict[str, Decimal]:
    """Kraken's futures say what is filled of an order, and what is left of it."""
    filled = entry.number("filledSize") or ZERO
    return {name: EXACT.add(left, filled) for name, left in entry.numbers("unfilledSize").items()}


def _trigger_price(entry: ReportFields, kind: OrderKind) -> Decimal | None:
    if kind is OrderKind.OTHER:
        return None
    return trigger_price(entry) or (target_price(entry) if kind is OrderKind.TARGET else stop_price(entry))
