"""The profit of cycles, by their settlement currency: amounts of two currencies are never added."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from itertools import groupby

from domain.json_object import JsonObject
from domain.values import EXACT, ZERO
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.cycle_results import CycleResults, JudgedBy, ended_at
from projections.metrics.durations import Durations
from projections.positions import PositionRow


@dataclass(frozen=True, kw_only=True)
class Profit(JsonObject):
    """The profit of cycles that are settled in one currency; `currency` is None where none was stated.

    `unknown` counts the cycles whose realised profit is not known; `realized_pnl` is that of the others. `fees_other`
    are fees in other currencies, `cash` is money that moved without a fill, by kind. `net_pnl` is not known if that of
    one cycle is not; `net_known` is the sum over all but the `net_unknown` cycles.
    """

    currency: str | None
    cycles: int
    unknown: int
    realized_pnl: Decimal
    fees: Decimal
    fees_other: dict[str, Decimal]
    cash: dict[str, Decimal]
    net_pnl: Decimal | None
    net_known: Decimal
    net_unknown: int
    results: CycleResults
    held: Durations
    """The durations of the cycles, from opening to end."""

    @classmethod
    def of(cls, currency: str | None, rows: Iterable[PositionRow], judged_by: JudgedBy = JudgedBy.NET) -> Profit:
        """Sum up cycles of one currency."""
        known = list(rows)
        with localcontext(EXACT):
            nets = [row.net_pnl for row in known]
            known_nets = sum((net for net in nets if net is not None), ZERO)
            return cls(
                currency=currency,
                cycles=len(known),
                unknown=sum(row.realized_pnl is None for row in known),
                realized_pnl=sum((row.realized_pnl for row in known if row.realized_pnl is not None), ZERO),
                fees=sum((row.fees for row in known), ZERO),
                fees_other=_by_name(row.fees_other for row in known),
                cash=_by_name(row.cash for row in known),
                net_pnl=None if None in nets else known_nets,
                net_known=known_nets,
                net_unknown=nets.count(None),
                results=CycleResults.of(known, judged_by),
                held=Durations.of(max(ended_at(row) - row.opened_at, timedelta()) for row in known),
            )


def by_currency(rows: Iterable[PositionRow], judged_by: JudgedBy = JudgedBy.NET) -> tuple[Profit, ...]:
    """The profit of cycles, currency by currency."""
    ordered = sorted(rows, key=lambda row: row.settle_currency or "")
    return tuple(
        Profit.of(currency, of_it, judged_by) for currency, of_it in groupby(ordered, lambda row: row.settle_currency)
    )


def earning(facts: Iterable[CycleFacts], window: Container[object]) -> list[PositionRow]:
    """The cycles whose profit counts in a window: those that moved money, and ended in it."""
    return [cycle.position for cycle in facts if cycle.moved_money and cycle.ended_at in window]


def _by_name(amounts: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for each in amounts:
        for name, amount in each.items():
            totals[name] = totals.get(name, ZERO) + amount
    return dict(sorted(totals.items()))
