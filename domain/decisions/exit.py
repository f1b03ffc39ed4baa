"""Deciding about exits and corrections: fills that close, what the exchange says is left, the end of a cycle."""

from __future__ import annotations

from domain import events as e
from domain.aggregate.state import CommandResult
from domain.commands import requests as c
from domain.decisions.decision import Decision
from domain.errors import NotFilled, NothingToClose, ReduceExceedsPosition, WrongStatus
from domain.holding import ZERO
from domain.values import Status, plain


def reduce(decision: Decision, command: c.Reduce) -> CommandResult | None:
    """Count one exit fill, and the profit that it realises.

    Shape:   status unchanged; at zero the cycle waits for `close` (or `roll_back`) to say why it ended.
    Refuses: NothingToClose, ReduceExceedsPosition; a known `trade_id` is no news.
    """
    state = decision.state
    if command.cycle == state.cycle and (known := decision.known_trade(command)):
        return known
    row = decision.needs_open()
    held = state.holding
    is_past = decision.is_part_of(state.adjusted_at)
    if not held.quantity:
        raise decision.refused(NothingToClose, "holds nothing that could be reduced")
    if command.last_qty > held.quantity and not is_past:
        raise decision.refused(
            ReduceExceedsPosition,
            f"holds {plain(held.quantity)}, less than the {plain(command.last_qty)} to be closed; if the exchange "
            "says so, adjust first",
        )
    entered = max(state.entered_qty, row.requested_qty or ZERO)
    if is_past and held.closed_qty + command.last_qty > entered:
        raise decision.refused(
            ReduceExceedsPosition,
            f"never held more than {plain(entered)}, of which {plain(held.closed_qty)} are closed: less than the "
            f"{plain(command.last_qty)} that are to be closed",
        )
    reduce = held.with_past_exit if is_past else held.with_exit
    reduced = reduce(row.side, command.last_qty, command.last_px)
    decision.record(
        e.PositionReduced(
            **decision.envelope(),
            trade_id=command.trade_id,
            last_qty=command.last_qty,
            last_px=command.last_px,
            fee=command.fee,
            fee_currency=command.fee_currency,
            pnl=reduced.gained_since(held),
            holding=reduced.with_fee(command.fee, decision.other_currency(command.fee_currency)),
        )
    )
    return None


def adjust(decision: Decision, command: c.Adjust) -> CommandResult | None:
    """Take the exchange's word for quantity or average price; without a difference it is no news."""
    state = decision.state
    row = decision.needs_open()
    held = state.holding
    quantity = held.quantity if command.quantity is None else command.quantity
    avg_px = held.avg_px_open if command.avg_px_open is None else command.avg_px_open
    if not quantity:
        raise decision.refused(NotFilled, "has no quantity on record; send it with the price")
    if quantity == held.quantity and avg_px == held.avg_px_open and not row.outcome_unknown:
        return decision.no_news()
    decision.record(
        e.PositionAdjusted(
            **decision.envelope(),
            old_quantity=held.quantity,
            new_quantity=quantity,
            old_avg_px_open=held.avg_px_open,
            new_avg_px_open=avg_px,
            reason=command.reason,
            holding=held.corrected(quantity, avg_px),
        )
    )
    return None


def close(decision: Decision, command: c.Close) -> None:
    """End a cycle whose position is gone.

    Shape:   -> closed, one PositionClosed. What was still open was closed at `avg_px_close`; without that price
             the profit of the cycle is not known, and said to be so.
    Refuses: NothingToClose when nothing was ever held, WrongStatus during a rollback.
    """
    state = decision.state
    row = decision.needs_open()
    held = state.holding
    if not held.filled_qty and state.status is not Status.ACTIVE:
        raise decision.refused(NothingToClose, "holds nothing and never did; fail_entry ends an entry without fills")
    if state.status is Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, "is rolling_back; roll_back ends it, with the proof")
    if held.quantity:
        held = held.with_exit(row.side, held.quantity, command.avg_px_close)
    held = held.with_fee(command.fee, decision.other_currency(command.fee_currency))
    decision.record(
        e.PositionClosed(
            **decision.envelope(),
            exit_reason=command.exit_reason,
            avg_px_close=held.avg_px_close,
            realized_pnl=held.realized_pnl,
            fees=held.fees,
            holding=held,
        )
    )
