"""What was open at a moment of the past, on either clock, with the status as of that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from domain.errors import InvalidCommand
from domain.values import utc
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.as_of import TimeAxis
from infrastructure.ledger.questions.history import HistoryEntry
from projections.formatting import date_and_time
from projections.health.checks import Section
from projections.health.ledger_status import LedgerStatus
from scripts.options.filters import Filter


@dataclass(frozen=True)
class PastStatus:
    """A moment, the clock that it is read on, and how everything stood."""

    at: datetime
    by: TimeAxis
    status: LedgerStatus
    is_past: bool
    """Whether the request named a moment."""

    @classmethod
    def read(
        cls,
        ledger: PositionLedger,
        wanted: Filter,
        age: timedelta,
        *,
        now: datetime,
        at: str | None,
        by: str | None,
        beside: Callable[[datetime], tuple[Section, ...]],
    ) -> Self:
        """Read a request; without `at` it is for now, with what is wrong `beside` single cycles.

        Refuses: InvalidCommand for what is no moment, or no clock, and for a moment that is yet to come.
        """
        try:
            moment = utc(at) if at else now
            axis = TimeAxis(by) if by else TimeAxis.RECORDED
        except ValueError as wrong:
            raise InvalidCommand(str(wrong)) from None
        if moment > now:
            raise InvalidCommand(f"at {at}: nobody knows yet what will be open then; it is {date_and_time(now)} UTC")
        with ledger.store.settled():
            rows = ledger.positions(open=True, as_of=moment, by=axis) if at or by else ledger.positions(open=True)
            elsewhere = () if at else beside(moment)
        status = LedgerStatus.of((row for row in rows if wanted.takes(row)), moment, age, elsewhere)
        return cls(moment, axis, status, bool(at))


def first_recorded(ledger: PositionLedger) -> datetime | None:
    """When the first event was recorded; None for a ledger without events."""
    with ledger.store.settled():
        return next((HistoryEntry.of(stored).event.ts_recorded for stored in ledger.store.log(limit=1)), None)
