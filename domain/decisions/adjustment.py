"""Deciding about adjustments to what the exchange shows, and which fills an adjustment has counted already."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from domain import events as e
from domain.aggregate.command_result import CommandResult
from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.state import PositionState
from domain.alteration import altered
from domain.commands import requests as c
from domain.decisions.counting import EntryCount, settled
from domain.decisions.decision import Decision
from domain.errors import NotFilled, StaleEvidence
from domain.holding import Holding
from domain.orders.order import CLOCKS_APART, Order
from domain.values import EXACT, ZERO, plain, timestamp_text


def adjust(decision: Decision, command: c.Adjust) -> CommandResult | None:
    """Set quantity or average price to what the exchange shows; without a difference nothing is recorded.

    Refuses: StaleEvidence for a quantity from before fills or a sighting on record, or from before a cycle opened that
             is not the first, unless the same adjustment was recorded then.
    """
    row, state = decision.needs_open(), decision.state
    held = state.holding
    is_dated = command.quantity is not None and command.at is not None
    if is_dated and (later := known_after(decision, within=CLOCKS_APART)):
        if decision.was_answered:
            return decision.no_news()
        raise decision.refused(
            StaleEvidence,
            f"has on record what is later than the {plain(command.quantity or ZERO)} that were held by then: "
            f"{', '.join(later)}. Send what is held now, with the time at which the exchange said so",
        )
    quantity = held.quantity if command.quantity is None else command.quantity
    avg_px = held.avg_px_open if command.avg_px_open is None else command.avg_px_open
    if not quantity:
        raise decision.refused(NotFilled, "has no quantity on record; send it with the price")
    decision.needs_price("avg_px_open", command.avg_px_open, row.terms)
    if quantity == held.quantity and avg_px == held.avg_px_open and not row.outcome_unknown:
        return decision.no_news()
    adjusted = e.PositionAdjusted(
        **decision.envelope(),
        old_quantity=held.quantity,
        new_quantity=quantity,
        old_avg_px_open=held.avg_px_open,
        new_avg_px_open=avg_px,
        reason=command.reason,
        holding=held.corrected(quantity, avg_px, row.terms),
        price_only=command.quantity is None,
    )
    since = state.since.then(adjusted, adjusted.holding, row.orders, state.untold)
    now = settled(adjusted.holding, row.side, row.terms, row.orders, since)
    decision.record(altered(adjusted, holding=now))
    return None


def known_after(decision: Decision, *, within: timedelta) -> list[str]:
    """What is recorded of the cycle that was after the command: trades, the last sighting, and its opening.

    What was seen before it opened may be of the cycle before it, so the opening of the first one is left out. What
    happened no more than `within` after the command may have happened before it, by another clock.
    """
    row, seen_at = decision.state.row, decision.state.seen_at
    assert row is not None, "a cycle"
    known = [
        trade_id
        for (_, trade_id), by_order in decision.state.fills.items()
        if any(fill.at is not None and decision.is_older_than(fill.at, within=within) for fill in by_order.values())
    ]
    if decision.is_older_than(seen_at, within=within):
        known.append(f"what was seen at {timestamp_text(seen_at)}")
    if row.cycle > 1 and decision.is_older_than(row.opened_at, within=within):
        known.append(f"its opening at {timestamp_text(row.opened_at)}")
    return known


def is_counted_in_adjustment(decision: Decision, order: Order) -> bool:
    """Whether the command reports what happened to an order before the last adjustment, which has counted it."""
    state, command = decision.state, decision.command
    is_of_later = order.opened_at is not None and order.opened_at > state.adjusted_at and order.name in state.orders
    if is_of_later and order.may_have_been_filled_at(command.at):
        return False
    is_timed_fill = type(command) is c.RecordEntryFill and command.at is not None
    return decision.is_adjusted_for(order, within=CLOCKS_APART if is_timed_fill else timedelta())


def entered_by_total(decision: Decision, before: Order, after: Order, same_as: str | None) -> tuple[Holding, Decimal]:
    """The totals after the exchange stated a total of an entry order, and how much of it an adjustment had counted.

    `same_as` is the name under which fills of the order were recorded before.
    """
    is_seen = is_counted_in_adjustment(decision, before)
    absorbed = EXACT.subtract(after.filled_qty, before.filled_qty) if is_seen else absorbed_of(decision, before, after)
    count = EntryCount.of(
        decision.state, before, after, absorbed=absorbed, is_seen=is_seen, same_as=same_as, at=decision.said_at
    )
    return decision.as_turned(count.by_statement(), is_entry=True), absorbed


def exit_count(decision: Decision, order: Order | None, grown: Decimal) -> ExitCount | None:
    """How to count what a closing order (or a fill of none) filled in addition; None if it is more than there is.

    What happened before the last adjustment was counted by that: it had been closed without a fill, or was seen gone.
    If less was ever entered than would be closed then, it was closed without a fill after the adjustment. What happened
    before the end of a cycle that was opened again was closed by that end.
    """
    state = decision.state
    assert state.row is not None, "a cycle"
    held, untold = state.holding, state.untold
    if grown and decision.is_adjusted_for(order):
        is_entered = EXACT.add(held.closed_qty, grown) <= state.entered_at_most
        if grown <= (state.since.may_explain(untold) if is_entered else untold):
            return ExitCount(explained=grown)
        if not state.row.stray:
            return _seen_gone(state, grown)
    gone = state.gone if grown > EXACT.add(held.quantity, untold) else ZERO
    return ExitCount.of(grown, held, untold, gone, state.terms, is_by_end=decision.is_part_of(state.closed_at))


def _seen_gone(state: PositionState, grown: Decimal) -> ExitCount:
    """Count an exit that the last adjustment saw gone.

    A later exit may have been counted in its place (`doubted`). As much of this one tells of what was closed without a
    fill, or closes what is held.
    """
    held, untold = state.holding, state.untold
    replaced = min(state.since.doubted, max(ZERO, EXACT.subtract(grown, state.gone)))
    told = min(replaced, untold)
    closed = min(EXACT.subtract(replaced, told), held.quantity)
    gone = EXACT.subtract(EXACT.subtract(grown, told), closed)
    return ExitCount(explained=told).closing(closed, held).seen_gone(gone, held, state.terms)


def absorbed_of(decision: Decision, before: Order, after: Order) -> Decimal:
    """The part of an order's growth that an adjustment has counted: as much as no order accounted for."""
    state, grown = decision.state, EXACT.subtract(after.filled_qty, before.filled_qty)
    is_of_later = before.opened_at is not None and before.opened_at > state.adjusted_at and bool(state.orders)
    return min(grown, state.unheard(before.opened_at) if is_of_later else state.unattributed)
