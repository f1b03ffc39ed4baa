"""The profit of cycles in groups: by day, month and symbol, reason …; amounts of two currencies are never added."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from domain.json_object import JsonObject
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.cycle_results import JudgedBy, ended_at
from projections.metrics.profit import Profit, by_currency, earning
from projections.metrics.statistics import MeasuredWindow
from projections.positions import PositionRow
from projections.readable_text import on_one_line

_PREFIX: Final = re.compile(r"[^:/]*(?=[:/])|\D*")
"""The text up to the first `:` or `/`; without one, up to the first digit."""


class PnlBy(StrEnum):
    """The property by which cycles are grouped."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    SYMBOL = "symbol"
    EXCHANGE = "exchange"
    ACCOUNT = "account"
    SIDE = "side"
    REASON = "reason"
    INTENT = "intent"

    @property
    def without(self) -> str:
        """The words for a group whose cycles lack the property."""
        return {PnlBy.ACCOUNT: "no account", PnlBy.REASON: "not stated", PnlBy.INTENT: "no intent"}[self]

    def group(self, row: PositionRow) -> str | None:
        """The group of a cycle that is over, None for what it lacks; its day … year is that of its end, in UTC."""
        match self:
            case PnlBy.DAY:
                return f"{ended_at(row):%Y-%m-%d}"
            case PnlBy.WEEK:
                return f"{ended_at(row):%G-W%V}"
            case PnlBy.MONTH:
                return f"{ended_at(row):%Y-%m}"
            case PnlBy.YEAR:
                return f"{ended_at(row):%Y}"
            case PnlBy.SYMBOL:
                return row.symbol
            case PnlBy.EXCHANGE:
                return row.exchange
            case PnlBy.ACCOUNT:
                return row.account
            case PnlBy.SIDE:
                return row.side.value
            case PnlBy.REASON:
                return on_one_line(row.exit_reason or "") or None
            case PnlBy.INTENT:
                return intent_prefix(row.intent_id)


def intent_prefix(intent_id: str | None) -> str | None:
    """What a strategy's intents begin with: `grid` for `grid-17`, `s2` for `s2:mean:7`; `no prefix` for a number."""
    if intent_id is None:
        return None
    found = _PREFIX.match(intent_id)
    return on_one_line(found[0] if found else "").strip(" -_.#") or "no prefix"


@dataclass(frozen=True)
class PnlGroup(JsonObject):
    """The profit of one group in one currency; `names` has one a property, None where its cycles lack it."""

    by: tuple[PnlBy, ...]
    names: tuple[str | None, ...]
    profit: Profit

    json_keys: ClassVar = (("group", lambda group: ", ".join(group.words)), "names", "**profit")

    @property
    def words(self) -> tuple[str, ...]:
        """Its names, with words for what its cycles lack."""
        return tuple(each.without if name is None else name for each, name in zip(self.by, self.names, strict=True))


@dataclass(frozen=True, kw_only=True)
class Pnl(JsonObject):
    """The profit of the cycles that ended in a window: by group and currency, and by currency alone.

    `imported` counts the cycles of the legacy table that ended in it; they are left out unless `with_imported`.
    """

    window: MeasuredWindow
    by: tuple[PnlBy, ...]
    groups: tuple[PnlGroup, ...]
    total: tuple[Profit, ...]
    imported: int
    with_imported: bool

    json_keys: ClassVar = (
        ("since", "window.since"),
        ("until", "window.until"),
        ("by", lambda found: ",".join(found.by)),
        "total",
        "groups",
        "imported",
        "with_imported",
    )

    @classmethod
    def of(
        cls,
        facts: Iterable[CycleFacts],
        window: MeasuredWindow,
        by: tuple[PnlBy, ...],
        judged_by: JudgedBy = JudgedBy.NET,
        *,
        with_imported: bool = False,
    ) -> Pnl:
        """Sum up cycles, as the statistics do.

        Shape: `facts` of all cycles that ended in the window or later; others are ignored. Cycles of one group are
               alike in everything that `by` has.
        """
        known = list(facts)
        imported = earning((cycle for cycle in known if cycle.is_imported), window)
        rows = earning((cycle for cycle in known if not cycle.is_imported), window) + imported * with_imported
        of_group: defaultdict[tuple[str | None, ...], list[PositionRow]] = defaultdict(list)
        for row in rows:
            of_group[tuple(each.group(row) for each in by)].append(row)
        return cls(
            window=window,
            by=by,
            groups=tuple(
                PnlGroup(by, names, profit)
                for names, of_it in sorted(of_group.items(), key=_by_name)
                for profit in by_currency(of_it, judged_by)
            ),
            total=by_currency(rows, judged_by),
            imported=len(imported),
            with_imported=with_imported,
        )


def _by_name(group: tuple[tuple[str | None, ...], list[PositionRow]]) -> list[tuple[bool, str]]:
    """Groups by name, those that lack one last."""
    return [(name is None, name or "") for name in group[0]]
