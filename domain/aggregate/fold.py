"""The one place where an event is folded into the row of its cycle."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from domain import events as e
from domain.aggregate import order_changes as changes
from domain.aggregate.row import COLUMNS, PositionRow
from domain.alteration import made
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.instrument import LINEAR, Instrument
from domain.order import Order, Orders, covers, live, of_role, with_order
from domain.values import Side, Status


def _opened(event: e.PositionEvent, side: Side, status: Status, **known: Any) -> dict[str, Any]:
    key = PositionKey.parse(event.originator_id)
    terms: Instrument = getattr(event, "terms", None) or LINEAR
    return {
        **_UNKNOWN,
        "position_id": event.position_id,
        "symbol": key.symbol,
        "exchange": key.exchange,
        "account": key.account,
        "leg": key.leg,
        "cycle": event.cycle,
        "side": side,
        "status": status,
        "version": event.originator_version,
        "opened_at": event.ts_event,
        "updated_at": event.ts_event,
        "stream": event.originator_id,
        "source": event.source,
        "settle_currency": terms.settle or (terms.base if terms.inverse else terms.quote) or key.settle,
        "contract_size": terms.contract_size,
        "inverse": terms.inverse,
        "protection": getattr(event, "protection", "exchange"),
        **known,
    }


def project(row: PositionRow | None, event: e.PositionEvent) -> PositionRow:
    """Assign one event to the row of its cycle; an event that opens a cycle needs none."""
    new = _opening(event) if event.opens_cycle else None
    if new is None:
        assert row is not None, f"{type(event).__name__} of a cycle that was never opened"
        new = {**vars(row), **_changes(row, event)}
        new |= {"version": event.originator_version, "updated_at": event.ts_event}
    is_open, held = new["status"].is_open, new["quantity"]
    protected = is_open and covers(new["orders"], new["side"], held, new["avg_px_open"])
    is_bare = is_open and held and not protected and new["protection"] == "exchange"
    new["protected"] = protected
    new["unprotected_since"] = (new["unprotected_since"] or event.ts_event) if is_bare else None
    new["stray"] = bool(held) and not is_open
    return made(PositionRow, new)


def _opening(event: e.PositionEvent) -> dict[str, Any] | None:
    match event:
        case e.EntryRequested():
            return _opened(
                event,
                event.side,
                Status.PENDING_ENTRY,
                requested_qty=event.quantity,
                signal_price=event.signal_price,
                intent_id=event.intent_id,
                client_order_id=event.client_order_id,
                orders=_entry(event, client_order_id=event.client_order_id, requested_qty=event.quantity),
            )
        case e.EntryPlaced(side=Side()):
            assert event.side is not None, "matched"
            opened = _opened(
                event,
                event.side,
                Status.ENTRY_PLACED,
                requested_qty=event.quantity,
                signal_price=event.signal_price,
                intent_id=event.intent_id,
                client_order_id=event.client_order_id,
                exchange_order_id=event.exchange_order_id,
                **_held(event.holding),
            )
            entry = _entry(event, client_order_id=event.client_order_id, requested_qty=event.quantity)
            return opened | {"orders": changes.stated(entry, event, _terms(opened))}
        case e.PositionAdopted():
            return _opened(event, event.side, Status.ACTIVE, activated_at=event.ts_event, **_held(event.holding))
        case e.PositionImported():
            return _imported(event)
    return None


def _terms(row: dict[str, Any]) -> Instrument:
    return Instrument(contract_size=row["contract_size"], inverse=row["inverse"])


def _entry(event: e.PositionEvent, **known: Any) -> dict[str, Order]:
    return {"entry": Order(name="entry", opened_at=event.ts_event, **known)}


def _changes(row: PositionRow, event: e.PositionEvent) -> dict[str, Any]:
    match event:
        case e.EntryPlaced():
            status = Status.ENTRY_PLACED if row.status is Status.PENDING_ENTRY else row.status
            return {
                "status": status,
                "exchange_order_id": event.exchange_order_id if event.order == "entry" else row.exchange_order_id,
                "outcome_unknown": False,
                "orders": changes.stated(row.orders, event, row.terms),
                **_held(event.holding),
            }
        case e.EntryFilled():
            return _entry_filled(row, event)
        case e.EntryOutcomeUnknown():
            return {"outcome_unknown": True}
        case e.EntryFailed():
            return {
                "status": event.status,
                "outcome_unknown": False,
                "exit_reason": event.reason,
                "closed_at": event.ts_event,
                "orders": changes.entries_failed(row.orders, event),
            }
        case e.StopLossSet():
            early = row.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED)
            return {
                "status": Status.PENDING_SL if early else row.status,
                "stop_price": event.stop_price,
                "stop_quantity": event.quantity,
                "stop_order_id": event.exchange_order_id,
                "stop_confirmed": True,
                "stop_locks_profit": event.locks_profit,
                "orders": changes.stop_set(row.orders, event),
            }
        case e.StopLossLost():
            return _with_shown_stop(changes.stops_lost(row.orders, event.order))
        case e.Activated():
            return {"status": Status.ACTIVE, "activated_at": event.ts_event}
        case e.PositionReduced():
            return {
                "avg_px_close": event.holding.avg_px_close(row.terms),
                "orders": changes.exit_filled(row.orders, event, row.terms),
                **_held(event.holding),
            }
        case e.PositionAdjusted():
            return {"outcome_unknown": False, **_held(event.holding)}
        case e.RollbackStarted():
            name = f"rollback{sum(1 for _ in of_role(row.orders, 'rollback')) or ''}"
            order = changes.promised(name, event.client_order_id, event.close_quantity, event.ts_event)
            return {
                "status": Status.ROLLING_BACK,
                "rollback_failed": False,
                "exit_reason": event.reason,
                "orders": with_order(row.orders, order),
            }
        case e.RolledBack():
            return {
                "status": Status.ROLLED_BACK,
                "closed_at": event.ts_event,
                "avg_px_close": event.holding.avg_px_close(row.terms),
                "exit_reason": event.reason or row.exit_reason,
                **_held(event.holding),
            }
        case e.RollbackFailed():
            return {"rollback_failed": True, **_held(event.holding)}
        case e.PositionClosed():
            return {
                "status": Status.CLOSED,
                "closed_at": event.ts_event,
                "avg_px_close": event.avg_px_close,
                "exit_reason": event.exit_reason,
                "residual_qty": event.residual_qty or Decimal(0),
                **_held(event.holding),
            }
    return _order_changes(row, event)


def _order_changes(row: PositionRow, event: e.PositionEvent) -> dict[str, Any]:
    match event:
        case e.IncreaseRequested() | e.ExitRequested():
            return {"orders": changes.asked(row.orders, event)}
        case e.OrderReplaced():
            return _order_replaced(row, event)
        case e.OrderEnded():
            return _order_ended(row, event)
        case e.TakeProfitSet():
            return {"orders": changes.target_set(row.orders, event)}
        case e.TakeProfitLost():
            return {"orders": changes.target_lost(row.orders, event)}
        case e.CashRecorded():
            return _held(event.holding)
        case e.FillCorrected():
            return {
                "avg_px_close": event.holding.avg_px_close(row.terms),
                "orders": changes.fill_corrected(row.orders, event, row.terms),
                **_held(event.holding),
            }
    raise AssertionError(f"{type(event).__name__} is no event of a position")


def _entry_filled(row: PositionRow, event: e.EntryFilled) -> dict[str, Any]:
    orders = changes.entry_filled(row.orders, event, row.terms)
    changed = {
        "outcome_unknown": False,
        "late_fill": row.late_fill or event.late,
        "orders": orders,
        **_held(event.holding),
    }
    if event.order == "entry":
        changed["exchange_order_id"] = orders["entry"].exchange_order_id or row.exchange_order_id
    if event.reopens:
        changed |= {
            "status": Status.ENTRY_PLACED if row.activated_at is None else Status.ACTIVE,
            "closed_at": None,
            "exit_reason": None,
            **_with_shown_stop(changes.opened_again(orders)),
        }
    return changed


def _order_replaced(row: PositionRow, event: e.OrderReplaced) -> dict[str, Any]:
    orders = changes.replaced(row.orders, event)
    order = orders[event.order]
    if order.name == "entry":
        return {
            "orders": orders,
            "exchange_order_id": order.exchange_order_id,
            "requested_qty": order.requested_qty,
        }
    return _with_shown_stop(orders) if order.role == "stop" and row.stop_confirmed else {"orders": orders}


def _order_ended(row: PositionRow, event: e.OrderEnded) -> dict[str, Any]:
    orders = changes.order_ended(row.orders, event, row.terms)
    changed = {"orders": orders, "avg_px_close": event.holding.avg_px_close(row.terms), **_held(event.holding)}
    match orders[event.order].role:
        case "stop":
            changed |= _with_shown_stop(orders)
        case "entry":
            changed["outcome_unknown"] = False
    return changed


def _held(holding: Holding) -> dict[str, Any]:
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


def _with_shown_stop(orders: Orders) -> dict[str, Any]:
    """The orders, and the columns of the stop that was set last and is still there."""
    stops = live(orders, "stop")
    shown = stops[-1] if stops else None
    return {
        "orders": orders,
        "stop_price": shown and shown.price,
        "stop_quantity": shown and shown.requested_qty,
        "stop_order_id": shown and shown.exchange_order_id,
        "stop_confirmed": shown is not None,
        "stop_locks_profit": shown is not None and shown.locks_profit,
    }


def _imported(event: e.PositionImported) -> dict[str, Any]:
    held = _held(event.holding)
    if event.status in (Status.FAILED, Status.CANCELED, Status.ROLLED_BACK):
        held |= {"filled_qty": None, "realized_pnl": None, "avg_px_open": event.avg_px_open}
    orders = _entry(event, exchange_order_id=event.exchange_order_id, requested_qty=event.quantity)
    if event.stop_confirmed and event.stop_price is not None:
        orders["stop.1"] = Order(name="stop.1", price=event.stop_price, opened_at=event.ts_event)
    return _opened(
        event,
        event.side,
        event.status,
        **held,
        requested_qty=event.quantity,
        intent_id=event.intent_id,
        exchange_order_id=event.exchange_order_id,
        stop_price=event.stop_price,
        stop_confirmed=event.stop_confirmed and event.stop_price is not None,
        exit_reason=event.exit_reason,
        activated_at=event.ts_event if event.status is Status.ACTIVE else None,
        closed_at=event.closed_at,
        legacy_id=event.legacy_id,
        orders=orders,
    )


_UNKNOWN: Final[dict[str, Any]] = {
    **dict.fromkeys(COLUMNS),
    **dict.fromkeys(
        (
            "protected",
            "stop_confirmed",
            "stop_locks_profit",
            "outcome_unknown",
            "rollback_failed",
            "late_fill",
            "stray",
        ),
        False,
    ),
    **_held(Holding()),
    "residual_qty": Decimal(0),
    "orders": {},
}
