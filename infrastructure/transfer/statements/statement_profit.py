"""What a statement says was earned by a fill that it does not show itself; it is compared, and never recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.identifiers import PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementProfit:
    """Profit before fees of what was closed; `trade_id` is the fill that closed it, None where it is not said.

    Shape:   `profit_id` is the same in every line that says this again, None where a line has no such name.
    """

    line: int
    time: datetime
    key: PositionKey
    profit: Decimal
    currency: str | None
    trade_id: str | None
    profit_id: str | None = None
