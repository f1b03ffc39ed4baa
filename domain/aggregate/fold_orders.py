"""What an event changes in the orders of a cycle, and in what the row shows of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain import events as e
from domain.aggregate.row import PositionRow
from domain.holding import Holding
from domain.instrument import Instrument
from domain.order import Order, live
from domain.values import Status


def held_columns(holding: Holding) -> dict[str, Any]:
    """The columns that the totals of a cycle fill."""
    return {
        "quantity": holding.quantity,
        "filled_qty": holding.filled_qty,
        "avg_px_open": holding.avg_px_open,
        "realized_pnl": holding.realized_pnl,
        "fees": holding.fees,
        "fees_other": holding.fees_other,
        "cash": holding.cash,
        "net_pnl": holding.net_pnl,
    }


def order_stated(orders: dict[str, Order], event: e.EntryPlaced, terms: Instrument) -> dict[str, Order]:
    """The orders after the exchange stated what was filled of one."""
    known = orders.get(event.order) or Order(name=event.order, opened_at=event.ts_event)
    order = replace(known, exchange_order_id=event.exchange_order_id)
    if event.filled_qty is not None:
        worth = None if event.avg_px is None else _worth(terms, event.filled_qty, event.avg_px)
        order = order.with_statement(event.filled_qty, worth, event.said_at)
    return {**orders, order.name: order}


def _worth(terms: Instrument, qty: Decimal, px: Decimal) -> Decimal:
    return terms.worth(qty, px) if terms.has_worth_at(px) else Decimal(0)  # a history may say what no rule would take


def order_filled(row: PositionRow, event: e.EntryFilled) -> dict[str, Any]:
    """What a fill of an entry order changes."""
    order = row.orders.get(event.order) or Order(name=event.order, opened_at=event.ts_event)
    if event.exchange_order_id is not None and order.exchange_order_id is None:
        order = replace(order, exchange_order_id=event.exchange_order_id)
    worth = _worth(row.terms, event.last_qty, event.last_px)
    changed = {
        "outcome_unknown": False,
        "late_fill": row.late_fill or event.late,
        "orders": {**row.orders, order.name: order.with_fill(event.last_qty, worth, is_news=event.is_news)},
        **held_columns(event.holding),
    }
    if order.name == "entry":
        changed["exchange_order_id"] = order.exchange_order_id or row.exchange_order_id
    if event.reopens:
        changed |= {
            "status": Status.ENTRY_PLACED if row.activated_at is None else Status.ACTIVE,
            "closed_at": None,
            "exit_reason": None,
        }
    return changed


def exit_filled(row: PositionRow, event: e.PositionReduced) -> dict[str, Order]:
    """The orders after a fill of one that closes."""
    if event.order is None:
        return row.orders
    known = row.orders.get(event.order) or Order(name=event.order, opened_at=event.ts_event)
    if event.exchange_order_id is not None and known.exchange_order_id is None:
        known = replace(known, exchange_order_id=event.exchange_order_id)
    return {**row.orders, known.name: known.with_fill(event.last_qty, _worth(row.terms, event.last_qty, event.last_px))}


def fill_corrected(row: PositionRow, event: e.FillCorrected) -> dict[str, Order]:
    """The orders after a fill of one was corrected."""
    order = None if event.order is None else row.orders.get(event.order)
    if order is None:
        return row.orders
    old = (event.old_qty, _worth(row.terms, event.old_qty, event.old_px))
    new = (event.last_qty, _worth(row.terms, event.last_qty, event.last_px))
    return {**row.orders, order.name: order.corrected(old, new)}


def ended(order: Order, outcome: str) -> Order:
    """An order of which nothing more will be filled."""
    return replace(order, ended=outcome) if order.is_live else order


def with_ended(orders: dict[str, Order], name: str | None, outcome: str) -> dict[str, Order]:
    """The orders with one of them ended."""
    if name is None or name not in orders:
        return orders
    return {**orders, name: ended(orders[name], outcome)}


def with_stop(row: PositionRow, event: e.StopLossSet) -> dict[str, Order]:
    """The orders with a stop that is new, or moved."""
    name, orders = event.order or "stop.1", row.orders
    if event.order is None:
        orders = {n: ended(o, "replaced") if o.role == "stop" and n != name else o for n, o in orders.items()}
    stop = replace(
        orders.get(name) or Order(name=name, opened_at=event.ts_event),
        price=event.stop_price,
        requested_qty=event.quantity,
        exchange_order_id=event.exchange_order_id,
        attached=event.attached,
        locks_profit=event.locks_profit,
        ended=None,
    )
    return {**orders, name: stop}


def without_stop(row: PositionRow, name: str | None, outcome: str) -> dict[str, Any]:
    """What changes when a stop is gone, or all of them."""
    orders = {n: ended(o, outcome) if o.role == "stop" and name in (None, n) else o for n, o in row.orders.items()}
    return {"orders": orders, **_shown_stop(orders)}


def _shown_stop(orders: dict[str, Order]) -> dict[str, Any]:
    """The columns of the stop that was set last and is still there."""
    stops = live(orders, "stop")
    if not stops:
        return {
            "stop_price": None,
            "stop_quantity": None,
            "stop_order_id": None,
            "stop_confirmed": False,
            "stop_locks_profit": False,
        }
    return {
        "stop_price": stops[-1].price,
        "stop_quantity": stops[-1].requested_qty,
        "stop_order_id": stops[-1].exchange_order_id,
        "stop_confirmed": True,
        "stop_locks_profit": stops[-1].locks_profit,
    }


def order_replaced(row: PositionRow, event: e.OrderReplaced) -> dict[str, Any]:
    """What changes when an order goes on under another id."""
    known = row.orders.get(event.order) or Order(name=event.order, opened_at=event.ts_event)
    order = replace(
        known,
        exchange_order_id=event.exchange_order_id,
        requested_qty=known.requested_qty if event.quantity is None else event.quantity,
        price=known.price if event.price is None else event.price,
    )
    orders = {**row.orders, order.name: order}
    changed: dict[str, Any] = {"orders": orders}
    if order.name == "entry":
        changed |= {"exchange_order_id": order.exchange_order_id, "requested_qty": order.requested_qty}
    if order.role == "stop" and row.stop_confirmed:
        changed |= _shown_stop(orders)
    return changed


def order_ended(row: PositionRow, event: e.OrderEnded) -> dict[str, Any]:
    """What changes when nothing more will be filled of an order."""
    order = row.orders.get(event.order) or Order(name=event.order, opened_at=event.ts_event)
    if event.filled_qty is not None:
        worth = None if event.avg_px is None else _worth(row.terms, event.filled_qty, event.avg_px)
        order = order.with_statement(event.filled_qty, worth, event.said_at)
    orders = {**row.orders, order.name: replace(order, ended=event.outcome)}
    changed = {
        "orders": orders,
        "avg_px_close": event.holding.avg_px_close(row.terms),
        **held_columns(event.holding),
    }
    if order.role == "stop":
        changed |= _shown_stop(orders)
    if order.role == "entry":
        changed["outcome_unknown"] = False
    return changed
