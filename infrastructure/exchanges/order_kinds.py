"""The purpose of a resting order, by the type that ccxt or the exchange gives it and by its prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from infrastructure.exchanges.fields import ReportFields
from projections.account_snapshot import OrderKind

_TYPES: Final = (
    "stopOrderType",
    "origType",
    "strategyType",
    "orderType",
    "order_type",
    "ordertype",
    "ordType",
    "planType",
    "algoType",
    "entrustType",
    "type",
)
_TARGETS: Final = {"tp", "posprofit", "profitplan", "marketiftouched", "limitiftouched", "iftouched"}
_TRAILING: Final = {"moveorderstop", "trackplan"}
_STOPS: Final = {"sl", "posloss", "lossplan"}
_NOTHING: Final = str.maketrans("", "", "_- ")
_AGAINST: Final = {"sell": "falling", "buy": "rising"}
"""The direction of the price that triggers a stop of this side; the other direction triggers a target."""
_DIRECTIONS: Final = {
    **dict.fromkeys(("1", "above", ">=", "ge", "ascending", "rising", "up"), "rising"),
    **dict.fromkeys(("2", "below", "<=", "le", "descending", "falling", "down"), "falling"),
}
_DIRECTION_NAMES: Final = ("triggerDirection", "rule", "triggerType", "trigger_type", "stopDirection", "stop")
"""The fields for the direction of a trigger: of Bybit and ccxt, Gate, MEXC, HTX, Phemex, KuCoin."""


def kind_of(entry: ReportFields, side: str | None, *, reduces: bool) -> OrderKind:
    """The purpose of an order.

    A limit order that opens is no stop, even if it has a stop price: that is the stop of the position to come.
    An order with both prices, a stop and a target of which one cancels the other, is a stop, because it protects.
    """
    types = {word.translate(_NOTHING) for word in entry.words(*_TYPES)}
    stop, target, trigger = stop_price(entry), target_price(entry), trigger_price(entry)
    if types & _TARGETS or any("takeprofit" in word for word in types):
        return OrderKind.TARGET
    if types & _TRAILING or any("trailing" in word for word in types):
        return OrderKind.TRAILING_STOP
    if not reduces and trigger is None and "limit" in types and not _is_typed_stop(types):
        stop = target = None
    if not _is_typed_stop(types) and trigger is None and stop is None:
        return OrderKind.TARGET if target is not None else OrderKind.OTHER
    if _takes_profit(entry, side) or (trigger is not None and stop is None and target == trigger):
        return OrderKind.TARGET
    return OrderKind.STOP


def _is_typed_stop(types: set[str]) -> bool:
    return bool(types & _STOPS) or any("stop" in word for word in types)


def _takes_profit(entry: ReportFields, side: str | None) -> bool:
    """Whether the direction of its trigger is that in which the position that it closes gains."""
    said = entry.words(*_DIRECTION_NAMES) | set(entry.word("triggerCondition").split()[1:2])
    directions = {_DIRECTIONS[word] for word in said if word in _DIRECTIONS}
    return len(directions) == 1 and side is not None and _AGAINST[side] not in directions


def trigger_price(entry: ReportFields) -> Decimal | None:
    """The trigger price of a conditional order."""
    return entry.above_zero("triggerPrice", "trigger_price", "stopPrice", "stop_price", "triggerPx", "activation_price")


def stop_price(entry: ReportFields) -> Decimal | None:
    """The price of a stop-loss, which is the order's own trigger if it has no other."""
    return entry.above_zero("stopLossPrice", "stop_loss_price", "slTriggerPx", "sl_trigger_price", "stopLoss")


def target_price(entry: ReportFields) -> Decimal | None:
    """The price of a take-profit, which is the order's own trigger if it has no other."""
    return entry.above_zero("takeProfitPrice", "tpTriggerPx", "tp_trigger_price", "takeProfit")
