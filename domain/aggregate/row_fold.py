"""Folding events into the row of their cycle; nothing else changes a row."""

from __future__ import annotations

from collections.abc import Callable
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
        kind = type(event)
        if row is None:
            raise AssertionError(f"{kind.__name__} of a cycle that was never opened")
        if kind not in _CHANGES:
            raise AssertionError(f"{kind.__name__} is no event of a position")
        new = _CHANGES[kind](row, event)
        is_more = new.quantity > row.quantity and row.filled_qty and new.status.is_open
        if is_more and kind is not e.FillCorrected:  # by a correction it was held all the time
            new = _with_hit_stops_limited(new, row.quantity)
    is_open, held = new.status.is_open, new.quantity
    protected = is_open and new.stop_confirmed and covers(new.orders, new.side, held, new.avg_px_open)
    is_stray = bool(held) and not is_open
    is_bare = is_stray or (held and not protected and new.protection == "exchange")
    since = (new.unprotected_since or event.ts_event) if is_bare else None
    if protected is new.protected and since is new.unprotected_since and is_stray is new.stray:
        return new  # as after most events: a row is copied as a whole
    return altered(new, protected=protected, unprotected_since=since, stray=is_stray)


def _opening(event: e.PositionEvent) -> PositionRow | None:
    match event:
        case e.EntryRequested():
            return altered(
                _opened(event, event.side, Status.PENDING_ENTRY, _NOTHING),
                requested_qty=event.quantity,
                signal_price=event.signal_price,
                intent_id=event.intent_id,
                client_order_id=event.client_order_id,
                orders=NO_ORDERS.with_order(_entry(event)),
            )
        case e.EntryPlaced(side=Side()):
            assert event.side is not None, "matched"
            entry = NO_ORDERS.with_order(_entry(event))
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


def _entry(event: e.EntryRequested | e.EntryPlaced) -> Order:
    return changes.promised("entry", event.client_order_id, event.quantity, event.ts_event)


def _imported(event: e.PositionImported) -> PositionRow:
    entry = changes.promised("entry", None, event.quantity, event.ts_event)
    orders = NO_ORDERS.with_order(altered(entry, exchange_order_id=event.exchange_order_id))
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


def _entry_placed(row: PositionRow, event: e.EntryPlaced) -> PositionRow:
    placed = altered(
        _counted(row, event, event.holding),
        status=Status.ENTRY_PLACED if row.status is Status.PENDING_ENTRY else row.status,
        exchange_order_id=event.exchange_order_id if event.order == "entry" else row.exchange_order_id,
        outcome_unknown=False,
        late_fill=row.late_fill or (event.late and event.holding.filled_qty != row.filled_qty),
        orders=changes.stated(row.orders, event, row.terms),
    )
    return _opened_again(placed) if event.reopens else placed


def _entry_filled(row: PositionRow, event: e.EntryFilled) -> PositionRow:
    orders = changes.entry_filled(row.orders, event, row.terms)
    order_id = orders["entry"].exchange_order_id if event.order == "entry" else None
    filled = altered(
        _counted(row, event, event.holding),
        outcome_unknown=False,
        late_fill=row.late_fill or event.late,
        orders=orders,
        exchange_order_id=order_id or row.exchange_order_id,
    )
    return _opened_again(filled) if event.reopens else filled


def _entry_outcome_unknown(row: PositionRow, event: e.EntryOutcomeUnknown) -> PositionRow:
    return altered(row, version=event.originator_version, updated_at=event.ts_event, outcome_unknown=True)


def _entry_failed(row: PositionRow, event: e.EntryFailed) -> PositionRow:
    return altered(
        row,
        version=event.originator_version,
        updated_at=event.ts_event,
        status=event.status,
        outcome_unknown=False,
        exit_reason=event.reason,
        closed_at=event.ts_event,
        orders=changes.entries_failed(row.orders, event),
    )


def _stop_loss_set(row: PositionRow, event: e.StopLossSet) -> PositionRow:
    early = row.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED)
    return altered(
        row,
        version=event.originator_version,
        updated_at=event.ts_event,
        status=Status.PENDING_SL if early else row.status,
        stop_price=event.stop_price,
        stop_quantity=event.quantity,
        stop_order_id=event.exchange_order_id,
        stop_confirmed=True,
        stop_locks_profit=event.locks_profit,
        orders=changes.stop_set(row.orders, event),
    )


def _stop_loss_lost(row: PositionRow, event: e.StopLossLost) -> PositionRow:
    return _showing_stop(_with_orders(row, event, changes.stops_lost(row.orders, event.order)))


def _activated(row: PositionRow, event: e.Activated) -> PositionRow:
    return altered(
        row,
        version=event.originator_version,
        updated_at=event.ts_event,
        status=Status.ACTIVE,
        activated_at=event.ts_event,
    )


def _position_reduced(row: PositionRow, event: e.PositionReduced) -> PositionRow:
    return altered(
        _counted(row, event, event.holding),
        avg_px_close=event.holding.avg_px_close(row.terms),
        residual_qty=row.residual_qty if event.residual_qty is None else event.residual_qty,
        orders=changes.exit_filled(row.orders, event, row.terms),
    )


def _position_adjusted(row: PositionRow, event: e.PositionAdjusted) -> PositionRow:
    return altered(_counted(row, event, event.holding), outcome_unknown=False)


def _rollback_started(row: PositionRow, event: e.RollbackStarted) -> PositionRow:
    name = f"rollback{row.orders.count('rollback') or ''}"
    order = changes.promised(name, event.client_order_id, event.close_quantity, event.ts_event)
    promised = _with_orders(row, event, row.orders.with_order(order))
    return altered(promised, status=Status.ROLLING_BACK, rollback_failed=False, exit_reason=event.reason)


def _rolled_back(row: PositionRow, event: e.RolledBack) -> PositionRow:
    return altered(
        _counted(row, event, event.holding),
        status=Status.ROLLED_BACK,
        closed_at=event.ts_event,
        avg_px_close=event.holding.avg_px_close(row.terms),
        exit_reason=event.reason or row.exit_reason,
    )


def _rollback_failed(row: PositionRow, event: e.RollbackFailed) -> PositionRow:
    avg_px_close = event.holding.avg_px_close(row.terms)
    return altered(_counted(row, event, event.holding), avg_px_close=avg_px_close, rollback_failed=True)


def _position_closed(row: PositionRow, event: e.PositionClosed) -> PositionRow:
    return altered(
        _counted(row, event, event.holding),
        status=Status.CLOSED,
        closed_at=event.ts_event,
        avg_px_close=event.avg_px_close,
        exit_reason=event.exit_reason,
        residual_qty=event.residual_qty or ZERO,
    )


def _order_asked(row: PositionRow, event: e.IncreaseRequested | e.ExitRequested) -> PositionRow:
    return _with_orders(row, event, changes.asked(row.orders, event))


def _order_replaced(row: PositionRow, event: e.OrderReplaced) -> PositionRow:
    replaced = _with_orders(row, event, changes.replaced(row.orders, event))
    order = replaced.orders[event.order]
    if order.name == "entry":
        return altered(replaced, exchange_order_id=order.exchange_order_id, requested_qty=order.requested_qty)
    return _showing_stop(replaced) if order.role == "stop" and row.stop_confirmed else replaced


def _order_ended(row: PositionRow, event: e.OrderEnded) -> PositionRow:
    orders, avg_px_close = changes.order_ended(row.orders, event, row.terms), event.holding.avg_px_close(row.terms)
    ended = altered(_counted(row, event, event.holding), orders=orders, avg_px_close=avg_px_close)
    match orders[event.order].role:
        case "stop":
            return _showing_stop(ended)
        case "entry":
            known = altered(ended, outcome_unknown=False)
            if event.order == "entry":
                known = altered(known, exchange_order_id=orders["entry"].exchange_order_id or row.exchange_order_id)
            return _opened_again(known) if event.reopens else known
    return ended


def _take_profit_set(row: PositionRow, event: e.TakeProfitSet) -> PositionRow:
    return _with_orders(row, event, changes.target_set(row.orders, event))


def _take_profit_lost(row: PositionRow, event: e.TakeProfitLost) -> PositionRow:
    return _with_orders(row, event, changes.target_lost(row.orders, event))


def _cash_recorded(row: PositionRow, event: e.CashRecorded) -> PositionRow:
    return _counted(row, event, event.holding)


def _fill_corrected(row: PositionRow, event: e.FillCorrected) -> PositionRow:
    return altered(
        _counted(row, event, event.holding),
        avg_px_close=event.holding.avg_px_close(row.terms),
        residual_qty=row.residual_qty if event.residual_qty is None else event.residual_qty,
        orders=changes.fill_corrected(row.orders, event, row.terms),
    )


def _counted(row: PositionRow, event: e.PositionEvent, held: Holding) -> PositionRow:
    """The row after an event that carries totals: what follows from these."""
    return altered(
        row,
        version=event.originator_version,
        updated_at=event.ts_event,
        quantity=held.quantity,
        filled_qty=held.filled_qty,
        avg_px_open=held.avg_px_open,
        realized_pnl=held.realized_pnl,
        fees=held.fees,
        fees_other=held.fees_other,
        cash=held.cash,
        net_pnl=held.net_pnl,
    )


def _with_orders(row: PositionRow, event: e.PositionEvent, orders: Orders) -> PositionRow:
    """The row after an event that changes the orders."""
    return altered(row, version=event.originator_version, updated_at=event.ts_event, orders=orders)


def _opened_again(row: PositionRow) -> PositionRow:
    """Open a cycle again, which takes its slot back."""
    return altered(
        _showing_stop(altered(row, orders=changes.opened_again(row.orders))),
        status=Status.ENTRY_PLACED if row.activated_at is None else Status.ACTIVE,
        closed_at=None,
        exit_reason=None,
    )


def _with_hit_stops_limited(row: PositionRow, held: Decimal) -> PositionRow:
    """The row after more is held than before: a stop that was hit closes what was held by then, and protects no more.

    If nothing was held any more, it is gone.
    """
    orders = changes.hit_stops_limited(row.orders, held) if held else changes.spent_stops_lost(row.orders)
    return row if orders is row.orders else _showing_stop(altered(row, orders=orders))


def _showing_stop(row: PositionRow) -> PositionRow:
    """Set the columns that show the latest of the stops that are still live."""
    stops = row.orders.live("stop")
    shown = stops[-1] if stops else None
    return altered(
        row,
        stop_price=shown and shown.price,
        stop_quantity=shown and shown.requested_qty,
        stop_order_id=shown and shown.exchange_order_id,
        stop_confirmed=shown is not None,
        stop_locks_profit=shown is not None and shown.locks_profit,
    )


_NOTHING: Final = Holding()

_CHANGES: Final[dict[type[e.PositionEvent], Callable[[PositionRow, Any], PositionRow]]] = {
    e.EntryPlaced: _entry_placed,
    e.EntryFilled: _entry_filled,
    e.EntryOutcomeUnknown: _entry_outcome_unknown,
    e.EntryFailed: _entry_failed,
    e.StopLossSet: _stop_loss_set,
    e.StopLossLost: _stop_loss_lost,
    e.Activated: _activated,
    e.PositionReduced: _position_reduced,
    e.PositionAdjusted: _position_adjusted,
    e.RollbackStarted: _rollback_started,
    e.RolledBack: _rolled_back,
    e.RollbackFailed: _rollback_failed,
    e.PositionClosed: _position_closed,
    e.IncreaseRequested: _order_asked,
    e.ExitRequested: _order_asked,
    e.OrderReplaced: _order_replaced,
    e.OrderEnded: _order_ended,
    e.TakeProfitSet: _take_profit_set,
    e.TakeProfitLost: _take_profit_lost,
    e.CashRecorded: _cash_recorded,
    e.FillCorrected: _fill_corrected,
}
"""What each kind of event changes; looked up, because `isinstance` of a struct asks its metaclass each time."""
