"""What cycles earned as a table: a row a currency, for nothing of two currencies is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from domain.values import plain
from projections.formatting import money, number
from projections.metrics.profit import Profit
from scripts.output import Table


def profit_table(found: Sequence[Profit]) -> Table:
    """The money of cycles, for people."""
    return Table(
        "Earned by cycles that were over in this time",
        ("currency", "cycles", "profit", "fees", "other fees", "cash", "net", "not known"),
        [_cells(each) for each in found],
        frozenset({"cycles", "profit", "fees", "net", "not known"}),
    )


def _cells(each: Profit) -> tuple[object, ...]:
    return (
        each.currency or "not stated",
        each.cycles,
        plain(each.realized_pnl),
        plain(each.fees),
        ", ".join(money(amount, other) for other, amount in each.fees_other.items()),
        _cash(each.cash),
        number(each.net_pnl),
        each.unknown,
    )


def _cash(cash: Mapping[str, Decimal]) -> str:
    named = [(*name.partition(" "), amount) for name, amount in cash.items()]
    return ", ".join(f"{kind} {money(amount, other or None)}" for kind, _, other, amount in named)
