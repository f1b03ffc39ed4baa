"""Deciding about the end of a cycle, and about what is left as dust."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain import events as e
from domain.aggregate.command_result import CommandResult
from domain.aggregate.row import PositionRow
from domain.alteration import altered
from domain.commands import requests as c
from domain.decisions.counting import settled
from domain.decisions.decision import Decision
from domain.errors import InvalidCommand, NothingToClose, StaleEvidence, WrongStatus
from domain.holding import Holding
from domain.values import EXACT, ZERO, Leg, Status, plain, timestamp_text

DUST_SHARE_MAX: Final = Decimal("0.01")
"""Of all that was entered: so little of a spot position is taken for dust, unless it is said."""


def close(decision: Decision, command: c.Close) -> CommandResult | None:
    """End a cycle whose position is closed.

    Shape:   -> closed, one PositionClosed. What was still open was closed at `avg_px_close`; without that price the
             profit of the cycle is not known until exit fills explain it. With `dust` what is open was not sold, and
             stays at its cost. A stray is closed beside the cycle that has its slot. If a late fill opened the cycle
             again, the same command as before that is a duplicate, and records nothing.
    Refuses: NothingToClose if nothing was ever held, WrongStatus during a rollback; StaleEvidence for the same command
             again, after a late fill and without a time.
    """
    row, held = decision.needs_holding(), decision.state.holding
    if not held.filled_qty and row.status is not Status.ACTIVE:
        raise decision.refused(NothingToClose, "holds nothing and never did; fail_entry ends an entry without fills")
    if row.status is Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, "is rolling_back; roll_back ends it, with the proof")
    if held.quantity and _was_of_before(decision):
        return decision.no_news()
    decision.needs_price("avg_px_close", command.avg_px_close, row.terms)
    residual = held.quantity if _is_dust(decision, command, held) else ZERO
    if residual:
        held = altered(held, quantity=ZERO, filled_qty=EXACT.subtract(held.filled_qty, residual), cost=ZERO)
    elif held.quantity:
        price = command.avg_px_close
        brought = None if price is None else row.terms.worth(held.quantity, price)
        held = held.with_exit(row.side, held.quantity, brought, row.terms)
        held = settled(held, row.side, row.terms, row.orders, decision.state.since)
    known = held.with_fee(command.fee, decision.state.other_currency(command.fee_currency))
    is_lost = decision.state.holding.quantity and decision.state.holding.proceeds is None
    rest_px = command.avg_px_close if is_lost else None
    record_closed(decision, command.exit_reason, known, row, residual=residual, rest_px=rest_px)
    return None


def _was_of_before(decision: Decision) -> bool:
    """Whether this is the same command again that ended the cycle before a late fill opened it again.

    Refuses: StaleEvidence if the command has no time, so that it is not known which end is meant.
    """
    at, closed_at = decision.command.at, decision.state.closed_at
    if not decision.was_answered:
        return False
    if at is None:
        raise decision.refused(
            StaleEvidence,
            f"was closed so by {timestamp_text(closed_at)}, and holds {plain(decision.state.holding.quantity)} by a "
            "fill that came late. If that is closed as well, say so with the time at which it was (at), which is later",
        )
    return at <= closed_at


def record_closed(
    decision: Decision,
    reason: str,
    held: Holding,
    row: PositionRow,
    *,
    residual: Decimal = ZERO,
    rest_px: Decimal | None = None,
) -> None:
    """Record the end of a cycle, with its profit."""
    decision.record(
        e.PositionClosed(
            **decision.envelope(),
            exit_reason=reason,
            avg_px_close=held.avg_px_close(row.terms),
            realized_pnl=held.realized_pnl,
            fees=held.fees,
            holding=held,
            residual_qty=residual or None,
            late=not row.status.is_open,
            rest_px=rest_px,
        )
    )


def _is_dust(decision: Decision, command: c.Close, held: Holding) -> bool:
    """Whether what is still open was not sold, and stays as dust."""
    if command.dust is not None or not held.quantity:
        if command.dust and command.avg_px_close is not None and held.quantity:
            raise InvalidCommand(
                f"{command.verb}: {plain(held.quantity)} cannot have been closed at {plain(command.avg_px_close)} and "
                "be left as dust; leave out one of the two",
                command=command.verb,
            )
        return bool(command.dust and held.quantity)
    if decision.key.leg is not Leg.SPOT or command.avg_px_close is not None or not held.closed_qty:
        return False
    return held.quantity <= EXACT.multiply(held.filled_qty, DUST_SHARE_MAX)
