"""What happened to the orders and the money of a cycle, in words."""

from __future__ import annotations

from domain import events as e
from domain.values import plain
from projections.formatting import quoted
from projections.positions import PositionRow


def order_text(event: e.PositionEvent, row: PositionRow) -> str:
    """A sentence for an event of an order, of cash, or of a correction."""
    match event:
        case e.IncreaseRequested():
            amount = f"for {plain(event.cost)}" if event.quantity is None and event.cost else _amount(event.quantity)
            return f"intent {event.intent_id} adds {amount}; its order {event.order} is {event.client_order_id}."
        case e.OrderReplaced():
            return f"order {event.order} goes on as {event.exchange_order_id}, was {event.old_exchange_order_id}."
        case e.OrderEnded():
            filled = "" if event.filled_qty is None else f" with {plain(event.filled_qty)} filled"
            why = "" if event.reason is None else f": {quoted(event.reason)}"
            return f"order {event.order} is {event.outcome}{filled}{why}."
        case e.TakeProfitSet():
            return f"target {event.order} stands at {plain(event.price)} for {_amount(event.quantity)}."
        case e.TakeProfitLost():
            return f"target {event.order} is gone: {quoted(event.reason)}."
        case e.ExitRequested():
            return (
                f"{event.order} is to close it: {quoted(event.reason)}. Its order is {event.client_order_id}: "
                f"{event.close_side} {plain(event.close_quantity)}, reduce-only."
            )
        case e.CashRecorded():
            currency = event.currency or row.settle_currency or ""
            if event.trade_id is not None:
                return f"the fee of fill {event.trade_id} is known: {plain(-event.amount)} {currency}".rstrip() + "."
            return f"{event.kind} of {plain(event.amount)} {currency}".rstrip() + f" ({event.cash_id})."
        case e.FillCorrected():
            was = f"{plain(event.old_qty)} at {plain(event.old_px)}"
            now = f"{plain(event.last_qty)} at {plain(event.last_px)}" if event.last_qty else "void"
            return f"fill {event.trade_id} was {was} and is {now}: {quoted(event.reason)}."
    raise AssertionError(f"{type(event).__name__} is no event of a position")


def _amount(quantity: object) -> str:
    return "all that is held" if quantity is None else str(quantity)
