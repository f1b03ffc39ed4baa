"""Payments of cycles that are over in the ledger: they come after what happened since, and change nothing of that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from domain.aggregate.position import Position
from domain.events import PositionEvent
from infrastructure.ledger.aggregate_cache import AggregateCache, CachedPosition
from infrastructure.transfer.statements.intake.cash_commands import record_cash
from infrastructure.transfer.statements.intake.decided_events import DecidedEvents
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_report import StatementTally


class PastCash:
    """Of one key, whose stream stands at `held`."""

    def __init__(
        self,
        cache: AggregateCache,
        held: CachedPosition,
        recorded_at: datetime,
        tally: StatementTally,
        decided: DecidedEvents,
    ) -> None:
        """Load no cycle yet."""
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
