"""Payments are recorded in the cycle that they belong to, also in one that is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from domain.aggregate.position import Position
from domain.commands.order_requests import RecordCash
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.events import PositionEvent
from domain.values import Source
from infrastructure.ledger.aggregate_cache import AggregateCache, CachedPosition
from infrastructure.transfer.statements.intake.command_ids import cash_id_of
from infrastructure.transfer.statements.intake.decided_events import DecidedEvents
from infrastructure.transfer.statements.statement_facts import StatementCash
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


class PastCash:
    """Payments of cycles of one key that are over: they come after what happened since, and change nothing of that."""

    def __init__(
        self,
        cache: AggregateCache,
        held: CachedPosition,
        recorded_at: datetime,
        tally: StatementTally,
        decided: DecidedEvents,
    ) -> None:
        """Load no cycle yet; the stream stands at `held`."""
        self._cache, self._held, self._recorded_at = cache, held, recorded_at
        self._tally, self._decided = tally, decided
        self._over: Position | None = None

    def take(self, cash: StatementCash, cycle: int) -> None:
        """Record a payment in a cycle; nothing else is pending of the stream."""
        current = self._held.position
        if self._over is None or self._over.cycle != cycle:
            self._over = self._cache.load_cycle(current.id, cycle).position
        over, before = self._over, self._over.row
        over.stand_at(current)
        record_cash(over, cash, self._recorded_at, self._tally)
        events = cast("Sequence[PositionEvent]", over.collect_events())
        current.version, current.modified_on = over.version, over.modified_on
        assert over.row is not None, "a cycle"
        self._decided.add(events, [over.row], before, self._held.head)
