"""A profit that a statement states for a fill that it does not have; it is compared, and never recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.identifiers import PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementProfit:
    """Profit before fees of what was closed; `trade_id` is that of the closing fill, None where it is not stated.

    Shape:   `profit_id` is the same in every line with the same profit, None where lines have no id.
    """

    line: int
    time: datetime
    key: PositionKey
    profit: Decimal
    currency: str | None
    trade_id: str | None
    profit_id: str | None = None
