"""The command that records a payment in a cycle."""

from __future__ import annotations

from datetime import datetime

from domain.aggregate.position import Position
from domain.commands.order_requests import RecordCash
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.values import Source
from infrastructure.transfer.statements.intake.command_ids import cash_id_of
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_report import StatementTally


def record_cash(position: Position, cash: StatementCash, recorded_at: datetime, tally: StatementTally) -> None:
    """Record a payment in the cycle of a position; what the ledger refuses is a finding."""
    version, command_id = position.version, cash_id_of(cash)
    try:
        command = RecordCash.of(
            position_id=position.position_id,
            kind=cash.kind,
            amount=cash.amount,
            currency=cash.currency,
            cash_id=cash.cash_id,
            trade_id=cash.trade_id,
            at=cash.time,
            source=Source.IMPORT,
            command_id=command_id,
        )
        position.decide(command, CommandContext(command_id, cash.time, recorded_at))
    except CommandRefused as refused:
        tally.found(f"{position.position_id}: payment {cash.cash_id} is not recorded: {refused.message}")
    if position.version != version:
        tally.take_cash(cash)
