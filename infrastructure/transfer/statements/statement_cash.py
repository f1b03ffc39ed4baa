"""A payment without a fill, as a statement has it, for every kind of file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.identifiers import PositionKey

CashKind = Literal["funding", "interest", "commission", "rebate", "insurance", "correction"]
"""The kinds of `record_cash`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCash:
    """What an account received (above zero) or paid (below zero).

    Shape:   `key` is None where the file names no symbol, and its leg is BOTH where the file names no leg. `cash_id`
             is the same in every file of its kind that has the line. `trade_id` is the fill whose commission it is,
             where the file states it; that fill may have its fee as well, in the same file or in another. `is_apart` is
             a commission that was paid in addition to the fee of a fill, and that no fill has.
    """

    line: int
    time: datetime
    key: PositionKey | None
    amount: Decimal
    currency: str | None
    kind: CashKind
    cash_id: str
    trade_id: str | None = None
    is_apart: bool = False

    @property
    def may_be_fee_of_fill(self) -> bool:
        """Whether fills may say it as their fees, so that it must not be counted with them."""
        return self.kind == "commission" and not self.is_apart
