"""The ways in which a flow ends, as outcomes: refused, not claimed, or cut short."""

from __future__ import annotations

from domain.errors import CommandRefused, InvalidCommand, UnknownPosition
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import ExchangeError
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind, kind_of


class CameToNothing(Exception):
    """The exchange did not accept an order, or nothing of it was filled; the message says why."""


class NothingThere(CameToNothing):
    """The exchange refused a closing order, because it holds nothing to close."""


def refused(ctx: FlowContext, refusal: CommandRefused, position_id: str | None = None) -> Flow[Outcome]:
    """The ledger refused the command, and nothing was sent. Raises: InvalidCommand, which is the fault of the call."""
    if isinstance(refusal, InvalidCommand):
        raise refusal
    yield from ctx.note(f"refused: {refusal.message}")
    if position_id is None or isinstance(refusal, UnknownPosition):
        return Outcome(OutcomeKind.REFUSED, None, tuple(ctx.story), refusal, refusal.message)
    row = yield from ctx.row(position_id)
    return Outcome(OutcomeKind.REFUSED, row, tuple(ctx.story), refusal, refusal.message)


def unclaimed(ctx: FlowContext, error: Exception, position_id: str | None = None) -> Flow[Outcome]:
    """The exchange does not accept such an order, or did not answer: nothing was claimed, and nothing sent."""
    yield from ctx.note(f"nothing was claimed: {error}")
    row = None if position_id is None else (yield from ctx.row(position_id))
    return Outcome(OutcomeKind.FAILED, row, tuple(ctx.story), reason=str(error))


def cut_short(ctx: FlowContext, error: CommandRefused | ExchangeError, position_id: str) -> Flow[Outcome]:
    """The ledger or the exchange said no in the middle of a flow, or did not answer; `resume` goes on from here."""
    if isinstance(error, CommandRefused):
        return (yield from _overtaken(ctx, error, position_id))
    return (yield from _unresolved(ctx, error, position_id))


def _overtaken(ctx: FlowContext, refusal: CommandRefused, position_id: str) -> Flow[Outcome]:
    """The ledger refused what this flow reported: another process changed the position, or a report is malformed."""
    is_malformed = isinstance(refusal, InvalidCommand)
    why = f"the ledger cannot take what {ctx.exchange} reports" if is_malformed else "somebody else was at work"
    yield from ctx.note(f"{why}: {refusal.message}")
    row = yield from ctx.row(position_id)
    return Outcome(kind_of(row), row, tuple(ctx.story), refusal, refusal.message)


def _unresolved(ctx: FlowContext, error: ExchangeError, position_id: str) -> Flow[Outcome]:
    """The exchange does not say what became of an order."""
    yield from ctx.note(f"not known yet: {error}")
    row = yield from ctx.row(position_id)
    return Outcome(OutcomeKind.UNRESOLVED, row, tuple(ctx.story), reason=str(error))
