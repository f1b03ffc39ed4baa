"""What was understood of a statement, and what an import of it did, or would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.json_object import JsonObject
from domain.values import plain
from projections.positions import PositionRow

_UNIT: Final = Decimal("0.00000001")
"""Files round the profit of each fill to eight decimals."""


@dataclass(kw_only=True)
class StatementReport(JsonObject):
    """What the fills of a file come to: `profit_ledger` and `profit_file` are before fees, by currency."""

    kind: str
    confirmed: bool
    fills: int
    fills_before: int
    """How many of them the ledger has from a statement already; what follows is of the others."""
    orders: int
    cycles: int
    open: int
    first: datetime | None
    last: datetime | None
    profit_ledger: dict[str, Decimal]
    profit_file: dict[str, Decimal]
    fees: dict[str, Decimal]
    findings: list[str]


@dataclass
class ProfitComparison:
    """What cycles earned by their fills, beside what the file says of it."""

    by_ledger: dict[str, Decimal] = field(default_factory=dict)
    by_file: dict[str, Decimal] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def take(self, row: PositionRow, before: PositionRow | None, said: Decimal | None, fills: int) -> None:
        """Compare one cycle, as it was and as it is; `said` is None where the file says nothing of it."""
        currency = row.settle_currency or "unknown"
        earned = row.realized_pnl
        if earned is not None and before is not None:
            earned = None if before.realized_pnl is None else earned - before.realized_pnl
        if earned is not None:
            self.by_ledger[currency] = self.by_ledger.get(currency, Decimal(0)) + earned
        if said is None:
            return
        self.by_file[currency] = self.by_file.get(currency, Decimal(0)) + said
        if earned is None or abs(earned - said) > _UNIT * (fills + 1):
            known = "what is not known" if earned is None else plain(earned)
            self.findings.append(
                f"{row.position_id}: the file says a profit of {plain(said)}, its fills come to {known}"
            )
