"""Folding events into the row of their cycle; nothing else changes a row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from domain import events as e
from domain.aggregate import order_changes as changes
from domain.aggregate.row import PositionRow
from domain.alteration import altered
from domain.errors import HistoryDamaged
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.instrument import LINEAR, Instrument
from domain.orders.cycle_orders import NO_ORDERS, Orders, covers
from domain.orders.order import Order
from domain.values import ZERO, Side, Status

UNFOLDABLE: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What a fold raises at an event that does not follow from those before it; no command records such an event."""


def not_following(event: e.PositionEvent, cause: Exception) -> HistoryDamaged:
    """The error for an event at which a fold raised `cause`, one of UNFOLDABLE."""
    why = str(cause) if isinstance(cause, AssertionError) else repr(cause)
    return HistoryDamaged(f"{event.originator_id} version {event.originator_version} cannot be folded: {why}")


def project(row: PositionRow | None, event: e.PositionEvent) -> PositionRow:
    """Apply one event to the row of its cycle; an event that opens a cycle needs no row.

    Refuses: HistoryDamaged for an event that does not follow from the row.
    """
    try:
        return _projected(row, event)
    except UNFOLDABLE as cause:
        raise not_following(event, cause) from cause


def _projected(row: PositionRow | None, event: e.PositionEvent) -> PositionRow:
    new = _opening(event) if event.opens_cycle else None
    if new is None:
        if row is None:
            raise AssertionError(f"{type(event).__name__} of a cycle that was never opened")
        new = _changed(row, event)
        is_more = new.quantity > row.quantity and row.filled_qty and new.status.is_open
        if is_more and not isinstance(event, e.FillCorrected):  # by a correction it was held all the time
            new = _with_hit_stops_limited(new, row.quantity)
    is_open, held = new.status.is_open, new.quantity
    protected = is_open and new.stop_confirmed and covers(new.orders, new.side, held, new.avg_px_open)
    is_stray = bool(held) and not is_open
    is_bare = is_stray or (held and not protected and new.protection == "exchange")
    return altered(
        new,
        version=event.originator_version,
        updated_at=event.ts_event,
        protected=protected,
        unprotected_since=(new.unprotected_since or event.ts_event) if is_bare else None,
        stray=is_stray,
    )


def _opening(event: e.PositionEvent) -> PositionRow | None:
    match event:
        case e.EntryRequested():
            return altered(
                _opened(event, event.side, Status.PENDING_ENTRY, _NOTHING),
                requested_qty=event.quantity,
                signal_price=event.signal_price,
                intent_id=event.intent_id,
                client_order_id=event.client_order_id,
                orders=_entry(event, client_order_id=event.client_order_id, requested_qty=event.quantity),
            )
        case e.EntryPlaced(side=Side()):
            assert event.side is not None, "matched"
            entry = _entry(event, client_order_id=event.client_order_id, requested_qty=event.quantity)
            return altered(
                _opened(event, event.side, Status.ENTRY_PLACED, event.holding),
                requested_qty=event.quantity,
                signal_price=event.signal_price,
                intent_id=event.intent_id,
                client_order_id=event.client_order_id,
                exchange_order_id=event.exchange_order_id,
                orders=changes.stated(entry, event, _terms(event)),
            )
        case e.PositionAdopted():
            opened = _opened(event, event.side, Status.ACTIVE, event.holding)
            return altered(opened, activated_at=event.ts_event)
        case e.PositionImported():
            return _imported(event)
    return None


def _opened(event: e.PositionEvent, side: Side, status: Status, held: Holding) -> PositionRow:
    key, terms = PositionKey.parse(event.originator_id), _terms(event)
    return PositionRow(
        position_id=event.position_id,
        symbol=key.symbol,
        exchange=key.exchange,
        account=key.account,
        leg=key.leg,
        cycle=event.cycle,
        side=side,
        status=status,
        quantity=held.quantity,
        requested_qty=None,
        filled_qty=held.filled_qty,
        avg_px_open=held.avg_px_open,
        signal_price=None,
        stop_price=None,
        protected=False,
        realized_pnl=held.realized_pnl,
        fees=held.fees,
        exit_reason=None,
        avg_px_close=None,
        intent_id=None,
        client_order_id=None,
        exchange_order_id=None,
        version=event.originator_version,
        opened_at=event.ts_event,
        activated_at=None,
        closed_at=None,
        updated_at=event.ts_event,
        stream=event.originator_id,
        fees_other=held.fees_other,
        source=event.source,
        settle_currency=terms.settle or (terms.base if terms.inverse else terms.quote) or key.settle,
        contract_size=terms.contract_size,
        inverse=terms.inverse,
        protection=getattr(event, "protection", "exchange"),
        cash=held.cash,
        net_pnl=held.net_pnl,
        orders=NO_ORDERS,
    )


def _terms(event: e.PositionEvent) -> Instrument:
    """The terms of the instrument in the cycle that an event opens."""
    return getattr(event, "terms", None) or LINEAR


def _entry(event: e.PositionEvent, **known: Any) -> Orders:
    return NO_ORDERS.with_order(Order(name="entry", opened_at=event.ts_event, **known))


def _imported(event: e.PositionImported) -> PositionRow:
    orders = _entry(event, exchange_order_id=event.exchange_order_id, requested_qty=event.quantity)
    if event.stop_confirmed and event.stop_price is not None:
        orders = orders.with_order(Order(name="stop.1", price=event.stop_price, opened_at=event.ts_event))
    row = altered(
        _opened(event, event.side, event.status, event.holding),
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
    if event.status in (Status.FAILED, Status.CANCELED, Status.ROLLED_BACK):
        return altered(row, filled_qty=None, realized_pnl=None, avg_px_open=event.avg_px_open)
    return row


def _changed(row: PositionRow, event: e.PositionEvent) -> PositionRow:
    match event:
        case e.EntryPlaced():
            placed = _holding(
                row,
                event.holding,
                status=Status.ENTRY_PLACED if row.status is Status.PENDING_ENTRY else row.status,
                exchange_order_id=event.exchange_order_id if event.order == "entry" else row.exchange_order_id,
                outcome_unknown=False,
                late_fill=row.late_fill or (event.late and event.holding.filled_qty != row.filled_qty),
                orders=changes.stated(row.orders, event, row.terms),
            )
            return _opened_again(placed) if event.reopens else placed
        case e.EntryFilled():
            return _entry_filled(row, event)
        case e.EntryOutcomeUnknown():
            return altered(row, outcome_unknown=True)
        case e.EntryFailed():
            return altered(
                row,
                status=event.status,
                outcome_unknown=False,
                exit_reason=event.reason,
                closed_at=event.ts_event,
                orders=changes.entries_failed(row.orders, event),
            )
        case e.StopLossSet():
            early = row.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED)
            return altered(
                row,
                status=Status.PENDING_SL if early else row.status,
                stop_price=event.stop_price,
                stop_quantity=event.quantity,
                stop_order_id=event.exchange_order_id,
                stop_confirmed=True,
                stop_locks_profit=event.locks_profit,
                orders=changes.stop_set(row.orders, event),
            )
        case e.StopLossLost():
            return _showing_stop(row, changes.stops_lost(row.orders, event.order))
        case e.Activated():
            return altered(row, status=Status.ACTIVE, activated_at=event.ts_event)
        case e.PositionReduced():
            return _holding(
                row,
                event.holding,
                avg_px_close=event.holding.avg_px_close(row.terms),
                residual_qty=row.residual_qty if event.residual_qty is None else event.residual_qty,
                orders=changes.exit_filled(row.orders, event, row.terms),
            )
        case e.PositionAdjusted():
            return _holding(row, event.holding, outcome_unknown=False)
        case e.RollbackStarted():
            name = f"rollback{row.orders.count('rollback') or ''}"
            order = changes.promised(name, event.client_order_id, event.close_quantity, event.ts_event)
            return altered(
                row,
                status=Status.ROLLING_BACK,
                rollback_failed=False,
                exit_reason=event.reason,
                orders=row.orders.with_order(order),
            )
        case e.RolledBack():
            return _holding(
                row,
                event.holding,
                status=Status.ROLLED_BACK,
                closed_at=event.ts_event,
                avg_px_close=event.holding.avg_px_close(row.terms),
                exit_reason=event.reason or row.exit_reason,
            )
        case e.RollbackFailed():
            avg_px_close = event.holding.avg_px_close(row.terms)
            return _holding(row, event.holding, avg_px_close=avg_px_close, rollback_failed=True)
        case e.PositionClosed():
            return _holding(
                row,
                event.holding,
                status=Status.CLOSED,
                closed_at=event.ts_event,
                avg_px_close=event.avg_px_close,
                exit_reason=event.exit_reason,
                residual_qty=event.residual_qty or ZERO,
            )
    return _with_order_changed(row, event)


def _with_order_changed(row: PositionRow, event: e.PositionEvent) -> PositionRow:
    match event:
        case e.IncreaseRequested() | e.ExitRequested():
            return altered(row, orders=changes.asked(row.orders, event))
        case e.OrderReplaced():
            return _order_replaced(row, event)
        case e.OrderEnded():
            return _order_ended(row, event)
        case e.TakeProfitSet():
            return altered(row, orders=changes.target_set(row.orders, event))
        case e.TakeProfitLost():
            return altered(row, orders=changes.target_lost(row.orders, event))
        case e.CashRecorded():
            return _holding(row, event.holding)
        case e.FillCorrected():
            return _holding(
                row,
                event.holding,
                avg_px_close=event.holding.avg_px_close(row.terms),
                residual_qty=row.residual_qty if event.residual_qty is None else event.residual_qty,
                orders=changes.fill_corrected(row.orders, event, row.terms),
            )
    raise AssertionError(f"{type(event).__name__} is no event of a position")


def _entry_filled(row: PositionRow, event: e.EntryFilled) -> PositionRow:
    orders = changes.entry_filled(row.orders, event, row.terms)
    order_id = orders["entry"].exchange_order_id if event.order == "entry" else None
    filled = _holding(
        row,
        event.holding,
        outcome_unknown=False,
        late_fill=row.late_fill or event.late,
        orders=orders,
        exchange_order_id=order_id or row.exchange_order_id,
    )
    return _opened_again(filled) if event.reopens else filled


def _opened_again(row: PositionRow) -> PositionRow:
    """Open a cycle again, which takes its slot back."""
    return altered(
        _showing_stop(row, changes.opened_again(row.orders)),
        status=Status.ENTRY_PLACED if row.activated_at is None else Status.ACTIVE,
        closed_at=None,
        exit_reason=None,
    )


def _with_hit_stops_limited(row: PositionRow, held: Decimal) -> PositionRow:
    """The row after more is held than before: a stop that was hit closes what was held by then, and protects no more.

    If nothing was held any more, it is gone.
    """
    orders = changes.hit_stops_limited(row.orders, held) if held else changes.spent_stops_lost(row.orders)
    return row if orders is row.orders else _showing_stop(row, orders)


def _order_replaced(row: PositionRow, event: e.OrderReplaced) -> PositionRow:
    orders = changes.replaced(row.orders, event)
    order = orders[event.order]
    if order.name == "entry":
        return altered(row, orders=orders, exchange_order_id=order.exchange_order_id, requested_qty=order.requested_qty)
    return _showing_stop(row, orders) if order.role == "stop" and row.stop_confirmed else altered(row, orders=orders)


def _order_ended(row: PositionRow, event: e.OrderEnded) -> PositionRow:
    orders = changes.order_ended(row.orders, event, row.terms)
    ended = _holding(row, event.holding, orders=orders, avg_px_close=event.holding.avg_px_close(row.terms))
    match orders[event.order].role:
        case "stop":
            return _showing_stop(ended, orders)
        case "entry":
            known = altered(ended, outcome_unknown=False)
            if event.order == "entry":
                known = altered(known, exchange_order_id=orders["entry"].exchange_order_id or row.exchange_order_id)
            return _opened_again(known) if event.reopens else known
    return ended


def _holding(row: PositionRow, held: Holding, **others: Any) -> PositionRow:
    """Set the columns that follow from the totals of the cycle, and others."""
    return altered(
        row,
        quantity=held.quantity,
        filled_qty=held.filled_qty,
        avg_px_open=held.avg_px_open,
        realized_pnl=held.realized_pnl,
        fees=held.fees,
        fees_other=held.fees_other,
        cash=held.cash,
        net_pnl=held.net_pnl,
        **others,
    )


def _showing_stop(row: PositionRow, orders: Orders) -> PositionRow:
    """Set the orders, and the columns that show the latest of the stops that are still live."""
    stops = orders.live("stop")
    shown = stops[-1] if stops else None
    return altered(
        row,
        orders=orders,
        stop_price=shown and shown.price,
        stop_quantity=shown and shown.requested_qty,
        stop_order_id=shown and shown.exchange_order_id,
        stop_confirmed=shown is not None,
        stop_locks_profit=shown is not None and shown.locks_profit,
    )


_NOTHING: Final = Holding()
