"""What a statement says was earned by a fill that it does not show itself; it is compared, and never recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.identifiers import PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementProfit:
    """Profit before fees of what was closed; `trade_id` is the fill that closed it, None where it is not said."""

    line: int
    time: datetime
    key: PositionKey
    profit: Decimal
    currency: str | None
    trade_id: str | None
