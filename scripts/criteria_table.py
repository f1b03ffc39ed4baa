"""The success criteria as a table, the same for `stats`, for `report` and on the page of `report`."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from domain.values import plain
from projections.formatting import listed
from projections.metrics.objectives import Criterion
from scripts.output import Table

VERDICTS: Final = {True: "met", False: "MISSED", None: "not known"}


def criteria_table(criteria: Iterable[Criterion]) -> Table:
    """A row for each criterion: its value, its bar, the verdict, and what it says."""
    return Table(
        "Criteria",
        ("criterion", "value", "bar", "verdict", "what"),
        [_cells(each) for each in criteria],
        frozenset({"value"}),
    )


def _cells(each: Criterion) -> tuple[object, ...]:
    value = plain(each.value) if isinstance(each.value, Decimal) else each.value
    offenders = f": {listed(list(each.offenders))}" if each.offenders and not each.ok else ""
    return each.name, value, each.bar, VERDICTS[each.ok], each.says + offenders
