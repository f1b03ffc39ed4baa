"""Events of the orders and the cash of a cycle, in words."""

from __future__ import annotations

from decimal import Decimal

from domain import events as e
from domain.orders.order import role_of
from domain.values import money, plain
from projections.formatting import number, quoted
from projections.positions import PositionRow


def order_text(event: e.PositionEvent, row: PositionRow) -> str:
    """The sentence for an event about an order, cash, or a corrected fill."""
    match event:
        case e.IncreaseRequested():
            amount = asked_for(event.quantity, event.cost, row)
            return f"intent {event.intent_id} adds {amount}; its order {event.order} is {event.client_order_id}."
        case e.OrderReplaced():
            return (
                f"order {event.order} goes on as {event.exchange_order_id}, was {event.old_exchange_order_id}"
                f"{_terms_of(event)}."
            )
        case e.OrderEnded():
            return f"order {event.order} is {event.outcome}{_filled(event, row)}{_why(event)}{came_late(event)}."
        case e.TakeProfitSet():
            return (
                f"target {event.order} stands at {plain(event.price)} for {_all_or(event.quantity)}{order_id(event)}."
            )
        case e.TakeProfitLost():
            return f"target {event.order} is gone: {quoted(event.reason)}."
        case e.ExitRequested():
            return (
                f"order {event.order} is to close {plain(event.close_quantity)}: {quoted(event.reason)}. Its order is "
                f"{event.client_order_id}: {event.close_side} {plain(event.close_quantity)}, reduce-only."
            )
        case e.CashRecorded():
            currency = event.currency or row.settle_currency
            late = ", after the cycle was over" if event.late else ""
            if event.trade_id is not None:
                return f"the fee of fill {event.trade_id} is known: {money(-event.amount, currency)}{late}."
            verb = "received" if event.amount > 0 else "paid"
            return f"{event.kind} of {money(abs(event.amount), currency)} is {verb} ({event.cash_id}){late}."
        case e.FillCorrected():
            was = f"{plain(event.old_qty)} at {plain(event.old_px)}"
            now = f"{plain(event.last_qty)} at {plain(event.last_px)}" if event.last_qty else "void"
            left = f"{plain(row.quantity)} is held at {number(row.avg_px_open)} on average"
            return (
                f"fill {event.trade_id} was {was} and is {now}: {quoted(event.reason)}; "
                f"{left if row.quantity else 'nothing is held'}."
            )
    raise AssertionError(f"{type(event).__name__} is no event of a position")


def asked_for(quantity: Decimal | None, cost: Decimal | None, row: PositionRow) -> str:
    """The size of an entry order in words: a quantity, or a cost."""
    if quantity is None and cost is not None:
        return f"for {money(cost, row.settle_currency)}"
    return number(quantity)


def order_id(event: e.StopLossSet | e.TakeProfitSet) -> str:
    """The exchange id of a stop or target in brackets; one that is a property of the position is no order."""
    if event.exchange_order_id is None:
        return " (it belongs to the position, and is no order)"
    return f" (order {event.exchange_order_id})"


def _terms_of(event: e.OrderReplaced) -> str:
    price = "" if event.price is None else f", at {plain(event.price)}"
    return price if event.quantity is None else f"{price}, for {plain(event.quantity)}"


def _filled(event: e.OrderEnded, row: PositionRow) -> str:
    order = row.orders[event.order]
    if event.filled_qty is None and not order.filled_qty:
        return ""
    of = "" if order.requested_qty is None else f" of {plain(order.requested_qty)}"
    price = "" if event.avg_px is None else f" at {plain(event.avg_px)} on average"
    verb = "entered" if role_of(event.order) == "entry" else "closed"
    return f", with {plain(order.filled_qty)}{of} {verb} by it{price}"


def came_late(event: e.EntryFilled | e.EntryPlaced | e.OrderEnded) -> str:
    """A clause for an entry that came after its cycle was over; else empty."""
    if not event.late:
        return ""
    return ", after the cycle was over" + (", which has its slot again" if event.reopens else "")


def _why(event: e.OrderEnded) -> str:
    code = f" ({event.code})" if event.code else ""
    return code if event.reason is None else f"{code}: {quoted(event.reason)}"


def _all_or(quantity: Decimal | None) -> str:
    return "all that is held" if quantity is None else plain(quantity)
