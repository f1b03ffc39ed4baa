"""Folding events into the state of a stream: what the next decision needs beside the row."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from domain import events as e
from domain.aggregate.command_result import CommandResult, answered
from domain.aggregate.exits.changes import Change, after_correction, after_end, after_exit, after_fill, after_proof
from domain.aggregate.exits.cycle_exits import CycleExits
from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.exits.fill_on_record import FillOnRecord
from domain.aggregate.order_changes import as_one, hit_ids
from domain.aggregate.row_fold import project
from domain.aggregate.stand import Stand
from domain.aggregate.state import CashOnRecord, PositionState
from domain.alteration import altered
from domain.holding import Holding
from domain.orders.cycle_orders import NO_ORDERS, Orders
from domain.orders.order import Order, role_of
from domain.values import EPOCH, EXACT, ZERO


def evolve(state: PositionState, event: e.PositionEvent) -> None:
    """Apply one event. It refuses nothing, reads no clock and rounds nothing, for it also replays old events."""
    state.last_cycle = max(state.last_cycle, event.cycle)
    if type(event) is e.InstrumentDefined:
        state.instrument = event.terms
        _answer(state, event)
    elif event.opens_cycle and not state.is_open:
        _begin_cycle(state, event.command_id)
        state.row = project(None, event)
        state.exits = CycleExits(state.row.side, state.row.terms)
        state.instrument = getattr(event, "terms", None) or state.instrument
        _remember(state, event, Holding(), NO_ORDERS)
    elif state.row is not None and event.cycle == state.row.cycle:
        before, orders = state.holding, state.row.orders
        state.row = project(state.row, event)
        _remember(state, event, before, orders)
    if type(event) is e.PositionImported:
        state.imports[event.command_id] = CommandResult(
            event.request, event.position_id, event.originator_version, event.status, ("PositionImported",)
        )


def _begin_cycle(state: PositionState, command_id: str) -> None:
    """Reset everything but what is known of the stream; one command may end a cycle and open the next."""
    same = state.answers.get(command_id)
    answers = {} if same is None else {command_id: same}
    new = PositionState(state.stream, state.last_cycle, state.is_current, instrument=state.instrument, answers=answers)
    vars(state).update(vars(new))


def _remember(state: PositionState, event: e.PositionEvent, before: Holding, orders: Orders) -> None:
    """Update everything beside the row; `before` and `orders` are totals and orders before the event."""
    kind, holding = type(event), getattr(event, "holding", None)
    if holding is not None:
        state.holding = holding
    is_held_again = before.filled_qty and not before.quantity and state.holding.quantity
    if is_held_again and kind is not e.FillCorrected:  # by a correction it was held all the time
        state.order_ids.ended_at |= dict.fromkeys(hit_ids(orders), event.said_at)
    if kind in _REMEMBERED:
        _REMEMBERED[kind](state, event, before, orders)
    state.promised_qty = min(state.promised_qty, state.holding.quantity)
    if kind is not e.PositionReduced:  # a past exit adds itself to what was entered
        state.entered_qty = max(state.entered_qty, state.holding.filled_qty)
    _answer(state, event)


def _entry_requested(state: PositionState, event: e.EntryRequested, before: Holding, orders: Orders) -> None:
    del before, orders
    state.promises["entry"] = event.command_id


def _entry_placed(state: PositionState, event: e.EntryPlaced, before: Holding, orders: Orders) -> None:
    _joined(state, event)
    _remember_entry(state, event, before, as_one(orders, event.order, event.same_as))
    state.order_ids.identify(event.order, event.exchange_order_id)
    if event.filled_qty is not None:
        state.stated_at = max(state.stated_at, event.said_at)
        after = state.orders[event.order]
        state.totals.state(orders.get(event.order), after, event.filled_qty, event.said_at)


def _entry_filled(state: PositionState, event: e.EntryFilled, before: Holding, orders: Orders) -> None:
    _remember_entry(state, event, before, orders)
    _remember_fill(state, event, before, orders)
    state.order_ids.identify(event.order, event.exchange_order_id)


def _position_reduced(state: PositionState, event: e.PositionReduced, before: Holding, orders: Orders) -> None:
    _remember_fill(state, event, before, orders)
    if event.order is not None:
        state.order_ids.identify(event.order, event.exchange_order_id)


def _position_adjusted(state: PositionState, event: e.PositionAdjusted, before: Holding, orders: Orders) -> None:
    del before, orders
    if not event.price_only:
        _remember_stated_quantity(state, event)
        _remember_seen(state, event)
        state.adjusted_version = event.originator_version
    state.since = state.since.then(event, event.holding, state.orders, state.untold)


def _rollback_started(state: PositionState, event: e.RollbackStarted, before: Holding, orders: Orders) -> None:
    del before, orders
    state.promises[f"rollback{state.rollbacks or ''}"] = event.command_id
    state.rollbacks += 1
    state.promised_qty = event.close_quantity


def _rolled_back(state: PositionState, event: e.RolledBack, before: Holding, orders: Orders) -> None:
    del orders
    _remember_turn(state, event)
    _remember_seen(state, event)
    _remember_proof(state, event, before)


def _rollback_failed(state: PositionState, event: e.RollbackFailed, before: Holding, orders: Orders) -> None:
    del orders
    state.promised_qty = ZERO
    _remember_stated_quantity(state, event)
    _remember_seen(state, event)
    state.exits = state.exits.with_closing(before, event.holding)
    state.since = state.since.then(event, event.holding, state.orders, state.untold)


def _position_adopted(state: PositionState, event: e.PositionAdopted, before: Holding, orders: Orders) -> None:
    del before, orders
    state.stated_at = state.adjusted_at = event.said_at
    _remember_seen(state, event)
    state.since = Stand.at_opening(event, event.holding, state.orders)
    if event.trade_id is not None:
        px, qty = event.holding.avg_px_open or ZERO, event.holding.quantity
        fill = FillOnRecord(event.request, None, is_exit=False, qty=qty, px=px, fee=None)
        state.fills[False, event.trade_id] = {None: fill}


def _position_imported(state: PositionState, event: e.PositionImported, before: Holding, orders: Orders) -> None:
    del before, orders
    state.exits = altered(state.exits, opening=event.holding)
    state.since = Stand.at_opening(event, event.holding, state.orders)


def _position_closed(state: PositionState, event: e.PositionClosed, before: Holding, orders: Orders) -> None:
    del orders
    _remember_turn(state, event)
    _remember_seen(state, event)
    state.closed_at = max(state.closed_at, event.said_at)
    state.exits = after_end(state.exits, event, before)


def _increase_requested(state: PositionState, event: e.IncreaseRequested, before: Holding, orders: Orders) -> None:
    del before, orders
    state.promises[event.order] = state.promises[f"entry {event.intent_id}"] = event.command_id


def _exit_requested(state: PositionState, event: e.ExitRequested, before: Holding, orders: Orders) -> None:
    del before, orders
    state.promises[event.order] = event.command_id
    if event.intent_id is not None:
        state.promises[f"exit {event.intent_id}"] = event.command_id


def _order_replaced(state: PositionState, event: e.OrderReplaced, before: Holding, orders: Orders) -> None:
    del before
    _joined(state, event)
    state.order_ids.identify(event.order, event.old_exchange_order_id)
    state.order_ids.identify(event.order, event.exchange_order_id)
    state.order_ids.leave(event.order, event.old_exchange_order_id)
    state.order_ids.leave(event.order, _id_of(orders, event.order))
    if event.quantity is not None:
        state.for_all.discard(event.order)


def _order_ended(state: PositionState, event: e.OrderEnded, before: Holding, orders: Orders) -> None:
    _joined(state, event)
    known = as_one(orders, event.order, event.same_as)
    _remember_entry(state, event, before, known)
    state.order_ids.identify(event.order, event.exchange_order_id)
    after = state.orders[event.order]
    if after.is_closing:
        state.order_ids.end(after, event.said_at)
    if event.filled_qty is None:
        return
    state.totals.state(orders.get(event.order), after, event.filled_qty, event.said_at)
    if not after.is_closing:
        return
    order = state.exits.order(event.order, known)
    grown = EXACT.subtract(after.filled_qty, order.filled_qty)
    state.exits, count = after_exit(state.exits, _change(state, before, orders), grown)
    if grown:
        _remember_exit(state, event, count)


def _stop_set(state: PositionState, event: e.StopLossSet | e.TakeProfitSet, before: Holding, orders: Orders) -> None:
    del before
    name = event.order or "stop.1"
    if event.quantity is None:
        state.for_all.add(name)
    else:
        state.for_all.discard(name)
    if event.exchange_order_id is not None:
        state.order_ids.identify(name, event.exchange_order_id)
        state.order_ids.leave(name, _id_of(orders, name))
        state.order_ids.ended_at.pop(event.exchange_order_id, None)


def _stop_lost(state: PositionState, event: e.StopLossLost | e.TakeProfitLost, before: Holding, orders: Orders) -> None:
    """Note when orders were said to be gone, if that was said, or that one ended, if the same command replaced it."""
    del before
    answer = state.answers.get(event.command_id)
    is_replaced = answer is not None and not _SETS.isdisjoint(answer.events)
    for lost in orders.live("stop") if event.order is None else [orders.get(event.order)]:
        if lost is None:
            continue
        if is_replaced:
            state.order_ids.end(lost, event.said_at)
        elif event.is_timed:
            state.order_ids.lose(lost, event.said_at)


def _cash_recorded(state: PositionState, event: e.CashRecorded, before: Holding, orders: Orders) -> None:
    del orders
    currency = state.other_currency(event.currency)
    state.cash[event.cash_id] = CashOnRecord(event.kind, event.amount, currency, event.trade_id)
    exits, entries = (state.fills.get((is_exit, event.trade_id or ""), {}) for is_exit in (True, False))
    known = exits if event.order in exits else entries  # of a self-trade both have one trade id
    if event.order in known:
        is_in_kind = state.holding.has_paid_in_kind(before)
        if is_in_kind:
            state.since = state.since.paying(EXACT.minus(event.amount))
        known[event.order] = known[event.order]._replace(
            fee=EXACT.minus(event.amount), fee_currency=event.currency, is_fee_in_kind=is_in_kind
        )


def _fill_corrected(state: PositionState, event: e.FillCorrected, before: Holding, orders: Orders) -> None:
    known = state.fills.get((event.is_exit, event.trade_id), {})
    if event.order in known:
        known[event.order] = _corrected(state, known[event.order], event, before, orders)
        if event.is_timed:
            state.corrected.add((event.is_exit, event.trade_id))


def _remember_stated_quantity(state: PositionState, event: e.PositionAdjusted | e.RollbackFailed) -> None:
    state.stated_at = state.adjusted_at = max(state.stated_at, event.said_at)
    state.adjusted_orders, state.totals.since = state.orders, {}


def _remember_seen(state: PositionState, event: e.PositionEvent) -> None:
    if event.is_timed:
        state.seen_at = max(state.seen_at, event.said_at)


def _remember_turn(state: PositionState, event: e.PositionClosed | e.RolledBack) -> None:
    """Note when a fill turned the position: its command closed the cycle as well."""
    if (answer := state.answers.get(event.command_id)) and "PositionReduced" in answer.events:
        state.turned_at = event.said_at


def _remember_proof(state: PositionState, event: e.RolledBack, before: Holding) -> None:
    new = {fill.trade_id: fill for fill in event.evidence.fills if (True, fill.trade_id) not in state.fills}
    state.exits = after_proof(state.exits, event, before, new.values())
    for fill in new.values():
        state.fills[True, fill.trade_id] = {None: FillOnRecord.of_proof(fill, before, event.originator_version)}


def _joined(state: PositionState, event: e.EntryPlaced | e.OrderReplaced | e.OrderEnded) -> None:
    """Move what is known under the name `same_as`, if there is one, to the order of ours that it turned out to be."""
    name, same_as = event.order, event.same_as
    if same_as is None:
        return
    state.totals.join(name, same_as)
    state.order_ids.join(name, same_as)
    for by_order in state.fills.values():
        if same_as in by_order:
            by_order[name] = by_order.pop(same_as)._replace(order=name)


def _remember_entry(
    state: PositionState, event: e.EntryPlaced | e.EntryFilled | e.OrderEnded, before: Holding, orders: Orders
) -> None:
    """Note what an event tells of an order that may be an entry; `orders` are those before, merged with `same_as`."""
    known = orders.get(event.order) or Order(name=event.order)
    _remember_absorbed(state, event, known)
    _remember_counted(state, event, known)
    state.exits = state.exits.with_released(before, state.holding, ZERO)


def _remember_absorbed(
    state: PositionState, event: e.EntryPlaced | e.EntryFilled | e.OrderEnded, before: Order
) -> None:
    """Note that an adjustment, or the opening, had counted a part of what is now known of an entry order."""
    absorbed, is_seen = event.absorbed_qty, type(event) is e.EntryFilled and event.is_seen
    if not absorbed and not is_seen:
        return
    if type(event) is e.EntryFilled and not is_seen and event.is_timed:
        state.since = state.since.believing(absorbed)
    state.since = state.since.knowing(before, state.orders[event.order], absorbed, event.said_at, is_seen=is_seen)


def _remember_counted(state: PositionState, event: e.EntryPlaced | e.EntryFilled | e.OrderEnded, before: Order) -> None:
    """Note what totals tell of an entry order since the last adjustment, and what fills tell of that."""
    if state.adjusted_at == EPOCH or role_of(event.order) != "entry":
        return
    grown = EXACT.subtract(state.orders[event.order].filled_qty, before.filled_qty)
    if type(event) is e.EntryFilled:
        told = EXACT.subtract(event.last_qty, grown)
        state.totals.tell(event.order, told, event.withdrawn_qty if event.is_seen else None)
    else:
        state.totals.grow(event.order, event.absorbed_qty, EXACT.subtract(grown, event.absorbed_qty))


def _remember_fill(
    state: PositionState, event: e.EntryFilled | e.PositionReduced, before: Holding, orders: Orders
) -> None:
    is_exit = type(event) is e.PositionReduced
    is_in_kind = bool(event.fee) and state.holding.has_paid_in_kind(before)
    if event.fee is not None and is_in_kind:
        state.since = state.since.paying(event.fee)
    count, said, is_of_dust = ExitCount(), ZERO, False
    if type(event) is e.PositionReduced:
        change = _change(state, before, orders, event.fee if is_in_kind else None)
        currency = state.other_currency(event.fee_currency) if state.exits.qty else None  # else no fee was stated
        state.exits, count, said = after_fill(state.exits, event, change, currency)
        is_of_dust = event.residual_qty is not None
        if not is_of_dust:
            _remember_exit(state, event, count)
    fill = FillOnRecord(
        event.request,
        event.order,
        is_exit,
        event.last_qty,
        event.last_px,
        event.fee,
        event.fee_currency,
        is_in_kind,
        count,
        is_of_dust,
        at=event.said_at if event.is_timed else None,
        fee_said=said,
        reason=event.reason if type(event) is e.PositionReduced else None,
        version=event.originator_version,
        is_seen=type(event) is e.EntryFilled and _was_all_counted(state, event, orders),
    )
    state.fills.setdefault((is_exit, event.trade_id), {})[event.order] = fill


def _was_all_counted(state: PositionState, event: e.EntryFilled, orders: Orders) -> bool:
    """Whether an adjustment had counted all of an entry fill; `orders` are those before it."""
    if event.is_seen or not event.absorbed_qty:
        return event.is_seen
    before = orders.get(event.order) or Order(name=event.order)
    return EXACT.add(before.filled_qty, event.absorbed_qty) == state.orders[event.order].filled_qty


def _remember_exit(state: PositionState, event: e.PositionReduced | e.OrderEnded, count: ExitCount) -> None:
    """Note when an exit happened, and what that says of the last adjustment.

    An exit from after the adjustment puts it in doubt, if it closed more than was held. An exit from before the
    adjustment that is counted now removes as much of that doubt.
    """
    state.last_exit_at = max(state.last_exit_at, event.said_at)
    if not count.gone and not state.since.doubted:
        return
    is_promised = event.order is not None and state.promised_since(event.order)
    if is_promised or not event.is_timed or event.ts_event > state.adjusted_at:
        state.since = state.since.doubting(count.gone)
    elif count.gone or count.closed or count.explained > state.since.untold:
        state.since = state.since.believing(EXACT.add(count.closed, count.explained))


def _answer(state: PositionState, event: e.PositionEvent) -> None:
    order_id = None if state.row is None else state.row.client_order_id
    before = state.answers.get(event.command_id)
    state.answers[event.command_id] = answered(before, event, state.status, state.holding.quantity, order_id)


def _change(state: PositionState, before: Holding, orders: Orders, paid: Decimal | None = None) -> Change:
    return Change(before, state.holding, orders, state.orders, paid or ZERO)


def _corrected(
    state: PositionState, fill: FillOnRecord, event: e.FillCorrected, before: Holding, orders: Orders
) -> FillOnRecord:
    """A fill after its correction."""
    fee, given_back, counted = fill.fee if event.last_qty else None, ZERO, fill.counted
    if fee is None and fill.fee is not None and fill.is_fee_in_kind:
        given_back = EXACT.minus(fill.fee)
        state.since = state.since.paying(given_back)
    if fill.is_exit:
        change, currency = _change(state, before, orders, given_back), state.other_currency(fill.fee_currency)
        state.exits, counted = after_correction(state.exits, event, fill, change, currency)
    return fill.corrected(event, fee, counted)


_SETS: Final = {"StopLossSet", "TakeProfitSet"}
"""The names of the events that set a stop or take profit; one that is lost by the same command was replaced."""


def _id_of(orders: Orders, name: str) -> str | None:
    order = orders.get(name)
    return None if order is None else order.exchange_order_id


_REMEMBERED: Final[dict[type[e.PositionEvent], Callable[[PositionState, Any, Holding, Orders], None]]] = {
    e.EntryRequested: _entry_requested,
    e.EntryPlaced: _entry_placed,
    e.EntryFilled: _entry_filled,
    e.PositionReduced: _position_reduced,
    e.PositionAdjusted: _position_adjusted,
    e.RollbackStarted: _rollback_started,
    e.RolledBack: _rolled_back,
    e.RollbackFailed: _rollback_failed,
    e.PositionAdopted: _position_adopted,
    e.PositionImported: _position_imported,
    e.PositionClosed: _position_closed,
    e.IncreaseRequested: _increase_requested,
    e.ExitRequested: _exit_requested,
    e.OrderReplaced: _order_replaced,
    e.OrderEnded: _order_ended,
    e.StopLossSet: _stop_set,
    e.TakeProfitSet: _stop_set,
    e.StopLossLost: _stop_lost,
    e.TakeProfitLost: _stop_lost,
    e.CashRecorded: _cash_recorded,
    e.FillCorrected: _fill_corrected,
}
"""What is remembered beside the row of each kind of event that says something of it."""
