"""How a flow ends: by how its position stands, or by what was in its way."""

from __future__ import annotations

from domain.errors import CommandRefused
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import ExchangeError
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind, kind_of


def refused(ctx: FlowContext, refusal: CommandRefused, position_id: str | None = None) -> Flow[Outcome]:
    """The ledger refused what was asked, and nothing was sent."""
    yield from ctx.note(f"refused: {refusal.message}")
    row = None if position_id is None else (yield from ctx.row(position_id))
    return Outcome(OutcomeKind.REFUSED, row, tuple(ctx.story), refusal, refusal.message)


def overtaken(ctx: FlowContext, refusal: CommandRefused, position_id: str) -> Flow[Outcome]:
    """Somebody else brought the position further meanwhile, so that the ledger refused what was learned here."""
    yield from ctx.note(f"somebody else was at work: {refusal.message}")
    row = yield from ctx.row(position_id)
    return Outcome(kind_of(row), row, tuple(ctx.story), refusal, refusal.message)


def unresolved(ctx: FlowContext, error: ExchangeError, position_id: str) -> Flow[Outcome]:
    """The exchange does not say what became of it."""
    yield from ctx.note(f"not known yet: {error}")
    row = yield from ctx.row(position_id)
    return Outcome(OutcomeKind.UNRESOLVED, row, tuple(ctx.story), reason=str(error))
