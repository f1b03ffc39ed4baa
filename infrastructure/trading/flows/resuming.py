"""Taking up unfinished cycles after a crash: this owner's at once, and others' when they are overdue."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from domain.errors import CommandRefused
from domain.values import Status, is_yet_to_come
from infrastructure.trading.conclusions import cut_short
from infrastructure.trading.effects import Flow, Read
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.entering import carried_on
from infrastructure.trading.flows.exiting import exit_position, exit_taken_up
from infrastructure.trading.steps.order_fills import live_fills_told
from infrastructure.trading.steps.stop_news import closed_when_empty, stops_heard
from infrastructure.trading.trade_outcome import Outcome, kind_of
from projections.positions import PositionRow


def resume(ctx: FlowContext, ours: Collection[str] = ()) -> Flow[list[Outcome]]:
    """Bring every open cycle of this account as far as possible: this owner's at once, others' when overdue.

    The cycles in `ours` count as this owner's: this trader adopted them, or found that they lost their stop, a moment
    ago.
    Shape: an outcome for each cycle that was taken up; one that another process changed meanwhile is no error.
    """
    rows: Sequence[PositionRow] = yield Read("positions", (), {"open": True})
    outcomes: list[Outcome] = []
    for row in rows:
        is_of_account = (row.exchange, row.account) == (ctx.exchange, ctx.account)
        is_known = row.position_id in ours or is_at_rest(row)
        if is_of_account and (is_known or (yield from _may_be_taken(ctx, row))):
            alone = FlowContext(ctx.rules, ctx.exchange, ctx.account, ctx.owner)
            outcomes.append((yield from _taken_up(alone, row)))
    return outcomes


def is_at_rest(row: PositionRow) -> bool:
    """Whether nothing is under way: the position is active and protected as its rules say, without a promised order."""
    is_covered = row.protected or row.protection == "bot"
    return row.status is Status.ACTIVE and is_covered and not row.orders.live("entry") and not row.orders.live("exit")


def _may_be_taken(ctx: FlowContext, row: PositionRow) -> Flow[bool]:
    """Whether this owner began a cycle, or nothing has changed in it for so long that no other process works on it.

    A change that is yet to come was stamped by a wrong clock, and says nothing of how long ago it was; what is left
    alone then might stand without a stop until that time has come.
    """
    now = yield from ctx.now()
    idle = now - row.updated_at
    if idle.total_seconds() >= ctx.rules.others_seconds or is_yet_to_come(row.updated_at, now):
        return True
    events = yield from ctx.history(row.position_id)
    owners = {(entry.event.metadata or {}).get("owner") for entry in events}
    return ctx.owner is not None and ctx.owner in owners


def _taken_up(ctx: FlowContext, row: PositionRow) -> Flow[Outcome]:
    position_id = row.position_id
    if row.stray:  # no bot wants it any more, and the ledger takes no stop for it
        return (yield from exit_position(ctx, position_id, reason="stray"))
    try:
        yield from live_fills_told(ctx, row, "entry")  # before those of stops: what a stop closed had been entered
        row = yield from stops_heard(ctx, position_id)
        for ours in row.orders.live("exit"):
            if ours.client_order_id is not None and row.status is not Status.ROLLING_BACK:
                yield from exit_taken_up(ctx, position_id, ours)
        row = yield from closed_when_empty(ctx, position_id)
        if not row.status.is_open or is_at_rest(row):
            return Outcome(kind_of(row), row, tuple(ctx.story))
    except (CommandRefused, Refused, NoAnswer) as error:
        return (yield from cut_short(ctx, error, position_id))
    return (yield from carried_on(ctx, position_id))
