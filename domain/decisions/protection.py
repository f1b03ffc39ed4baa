"""Deciding about stops, and about when a position is done with its entry."""

from __future__ import annotations

from decimal import Decimal

from domain import events as e
from domain.aggregate.state import CommandResult
from domain.commands import requests as c
from domain.decisions.decision import Decision
from domain.errors import AlreadyActive, NotFilled, NotProtected, WrongSideStop, WrongStatus
from domain.stop import Stop, is_losing_side
from domain.values import Side, Status, plain


def set_stop_loss(decision: Decision, command: c.SetStopLoss) -> CommandResult | None:
    """Note a stop that the exchange confirmed, and with `activate` that the entry is done.

    Shape:   -> pending_sl; active stays active, rolling_back stays too. With `activate` two events in one append.
    Refuses: WrongSideStop against the average entry (or else the signal price); what `activate` refuses.
    """
    state = decision.state
    row = decision.needs_open()
    if state.status is Status.PENDING_ENTRY and not state.holding.filled_qty:
        raise decision.refused(WrongStatus, "has no entry at the exchange yet; record the entry first")
    locks = command.locks_profit and state.status is Status.ACTIVE
    if not locks:
        reference = state.holding.avg_px_open or row.signal_price
        needs_right_side(row.side, command.stop_price, reference, "entry")
    stop = Stop(command.stop_price, command.quantity, command.exchange_order_id, locks)
    if command.activate and state.status is not Status.ACTIVE:
        _needs_cover(decision, row.side, stop)
    elif stop == state.stop:
        return decision.no_news()
    decision.record(
        e.StopLossSet(
            **decision.envelope(),
            stop_price=stop.price,
            quantity=stop.quantity,
            exchange_order_id=command.exchange_order_id,
            locks_profit=locks,
        )
    )
    if command.activate and state.status is not Status.ACTIVE:
        decision.record(e.Activated(**decision.envelope()))
    return None


def _needs_cover(decision: Decision, side: Side, stop: Stop | None) -> None:
    state = decision.state
    held = state.holding
    if state.status is Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, "is rolling_back: its entry is being undone")
    if not held.quantity or held.avg_px_open is None:
        known = f"{plain(held.quantity)} filled at a price that is not known" if held.quantity else "no fill on record"
        raise decision.refused(NotFilled, f"has {known}; record the fill (or adjust) before it is activated")
    if stop is None:
        raise decision.refused(NotProtected, "has no confirmed stop; set one before it is activated")
    needs_right_side(side, stop.price, held.avg_px_open, "average entry")
    if not stop.protects(side, held.quantity, held.avg_px_open):
        assert stop.quantity is not None, "on the right side, so too small"
        raise decision.refused(
            NotProtected, f"holds {plain(held.quantity)}, of which its stop covers only {plain(stop.quantity)}"
        )


def lose_stop_loss(decision: Decision, command: c.LoseStopLoss) -> CommandResult | None:
    """Note that the stop is gone: unprotected from now on. Without a stop on record that is no news."""
    state = decision.state
    decision.needs_open()
    if state.stop is None:
        return decision.no_news()
    decision.record(e.StopLossLost(**decision.envelope(), reason=command.reason))
    return None


def needs_right_side(side: Side, stop_price: Decimal, reference: Decimal | None, what: str) -> None:
    """Refuse a stop that would trigger at once.

    Refuses: WrongSideStop.
    """
    if reference is not None and not is_losing_side(side, stop_price, reference):
        wanted = "below" if side is Side.LONG else "above"
        raise WrongSideStop(
            f"a stop at {plain(stop_price)} would trigger at once: that of a {side.value} stands {wanted} its "
            f"{what} of {plain(reference)}"
            + (", unless it locks in profit (locks_profit) on an active position" if what == "entry" else ""),
            stop_price=plain(stop_price),
            reference=plain(reference),
            side=side.value,
        )


def activate(decision: Decision, _: c.Activate) -> None:
    """Call the entry done.

    Shape:   -> active. Refuses: AlreadyActive, NotFilled, NotProtected, WrongSideStop, WrongStatus.
    """
    state = decision.state
    row = decision.needs_open()
    if state.status is Status.ACTIVE:
        raise decision.refused(AlreadyActive, "is active already; there is nothing left to activate")
    _needs_cover(decision, row.side, state.stop)
    decision.record(e.Activated(**decision.envelope()))
