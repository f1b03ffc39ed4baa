"""The earnings of ended cycles, day by day and as a running sum; amounts of two currencies are never added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import groupby
from typing import Self

from domain.values import EXACT, ZERO, total_of
from projections.audit.money_text import brought
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.cycle_results import ended_at
from projections.metrics.profit import earning
from projections.metrics.statistics import MeasuredWindow
from projections.positions import PositionRow


@dataclass(frozen=True)
class EndedCycle:
    """A cycle that is over: its net profit, and what it brought in words; None where that is not known."""

    position_id: str
    ended_at: datetime
    net: Decimal | None
    brought: str | None

    @classmethod
    def of(cls, row: PositionRow) -> Self:
        """Take the profit of a row, and leave out its orders, to save memory."""
        return cls(row.position_id, ended_at(row), row.net_pnl, brought(row))


@dataclass(frozen=True)
class EarnedSum:
    """The sum of some cycles: the net profit of all but the `unknown` ones."""

    cycles: int
    net: Decimal
    unknown: int

    @classmethod
    def of(cls, cycles: Iterable[EndedCycle]) -> Self:
        """Add up cycles of one currency."""
        known = list(cycles)
        nets = [cycle.net for cycle in known if cycle.net is not None]
        return cls(len(known), total_of(nets), len(known) - len(nets))


@dataclass(frozen=True)
class Earnings:
    """The cycles of one currency that ended in a window, in that order; `currency` is None where none was stated."""

    currency: str | None
    window: MeasuredWindow
    cycles: tuple[EndedCycle, ...]

    @classmethod
    def of(cls, facts: Iterable[CycleFacts], window: MeasuredWindow) -> list[Self]:
        """Group cycles by currency; cycles of the legacy table, which this ledger did not decide, are left out."""
        of_currency: dict[str | None, list[EndedCycle]] = {}
        for cycle in facts:
            if not cycle.is_imported and earning([cycle], window):
                of_currency.setdefault(cycle.position.settle_currency, []).append(EndedCycle.of(cycle.position))
        return [
            cls(currency, window, tuple(sorted(cycles, key=lambda each: (each.ended_at, each.position_id))))
            for currency, cycles in sorted(of_currency.items(), key=lambda item: item[0] or "")
        ]

    def since(self, start: datetime) -> EarnedSum:
        """The sum of the cycles that ended at a moment or later."""
        return EarnedSum.of(cycle for cycle in self.cycles if cycle.ended_at >= start)

    def days(self) -> list[tuple[date, EarnedSum]]:
        """Every day of the window in UTC, also those without a cycle."""
        by_day = {day: tuple(cycles) for day, cycles in groupby(self.cycles, lambda cycle: cycle.ended_at.date())}
        return [(day, EarnedSum.of(by_day.get(day, ()))) for day in days_of(self.window)]

    def curve(self) -> list[tuple[datetime, Decimal]]:
        """The running sum, from zero; cycles whose net profit is not known are left out."""
        points = [(self.window.since, ZERO)]
        with localcontext(EXACT):
            for cycle in self.cycles:
                if cycle.net is not None:
                    points.append((cycle.ended_at, points[-1][1] + cycle.net))
        return points


def days_of(window: MeasuredWindow) -> Iterator[date]:
    """The days in UTC that overlap a window."""
    day = window.since.date()
    while day <= window.until.date():
        yield day
        day += timedelta(days=1)


def weeks(days: Sequence[tuple[date, EarnedSum]]) -> list[list[tuple[date, EarnedSum] | None]]:
    """Days as lines of a calendar, from Monday to Sunday; None stands for days before the first and after the last."""
    padded: list[tuple[date, EarnedSum] | None] = [*[None] * days[0][0].weekday(), *days]
    padded += [None] * (-len(padded) % 7)
    return [padded[at : at + 7] for at in range(0, len(padded), 7)]
