"""The tables of statistics: earnings and results by currency, because currencies are never added; success criteria."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from domain.values import plain
from projections.formatting import for_eyes, length, listed
from projections.metrics.objectives import Criterion
from projections.metrics.profit import Profit
from scripts.output import Table

VERDICTS: Final = {True: "met", False: "MISSED", None: "not known"}
EARNED: Final = "Earned by cycles that were over in this time"
RESULTS: Final = "How these cycles came out"
_FIGURES: Final = (
    "won",
    "lost",
    "not judged",
    "won share",
    "average win",
    "average loss",
    "factor",
    "drawdown",
    "held",
)


def profit_table(found: Sequence[Profit]) -> Table:
    """The earnings of cycles, for people."""
    return Table(
        EARNED,
        ("currency", "cycles", "profit", "fees", "other fees", "cash", "net", "not known"),
        [_money_cells(each) for each in found],
        frozenset({"cycles", "profit", "fees", "net", "not known"}),
    )


def results_table(found: Sequence[Profit]) -> Table:
    """Wins, losses and holding times, for people; `won share` counts only cycles whose profit is known."""
    return Table(RESULTS, ("currency", *_FIGURES), [_result_cells(each) for each in found], frozenset(_FIGURES))


def _money_cells(each: Profit) -> tuple[object, ...]:
    return (
        each.currency or "not stated",
        each.cycles,
        "unknown" if each.unknown == each.cycles else for_eyes(each.realized_pnl),
        for_eyes(each.fees),
        ", ".join(f"{for_eyes(amount)} {other}" for other, amount in each.fees_other.items()),
        _cash(each.cash),
        "unknown" if each.net_pnl is None else for_eyes(each.net_pnl),
        each.unknown,
    )


def _result_cells(each: Profit) -> tuple[object, ...]:
    results = each.results
    return (
        each.currency or "not stated",
        results.won,
        results.lost,
        results.unknown,
        "" if results.win_rate is None else f"{plain(round(results.win_rate * 100, 1))} %",
        _or_nothing(results.average_win),
        _or_nothing(results.average_loss),
        _or_nothing(results.profit_factor),
        "" if results.unknown == each.cycles else for_eyes(results.drawdown),
        "" if each.held.p50 is None else length(each.held.p50),
    )


def _or_nothing(value: Decimal | None) -> str:
    return "" if value is None else for_eyes(value)


def _cash(cash: Mapping[str, Decimal]) -> str:
    named = [(*name.partition(" "), amount) for name, amount in cash.items()]
    return ", ".join(f"{kind} {for_eyes(amount)}{' ' * bool(other)}{other}" for kind, _, other, amount in named)


def criteria_table(criteria: Iterable[Criterion]) -> Table:
    """A row for each criterion: its value, its bar, the verdict, and what it says."""
    return Table(
        "Criteria",
        ("criterion", "value", "bar", "verdict", "what"),
        [_criterion_cells(each) for each in criteria],
        frozenset({"value"}),
    )


def _criterion_cells(each: Criterion) -> tuple[object, ...]:
    value = plain(each.value) if isinstance(each.value, Decimal) else each.value
    offenders = f": {listed(list(each.offenders))}" if each.offenders and not each.ok else ""
    return each.name, value, each.bar, VERDICTS[each.ok], each.says + offenders
