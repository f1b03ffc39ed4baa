"""A position at a moment, as a statement has it; it is compared with what the fills come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.identifiers import PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPosition:
    """The position of one key after everything until `time`: above zero is long, below zero is short, zero is flat.

    Shape: one that `begins` becomes the beginning of the first cycle of its key, if there is nothing else of the key;
           any other is not recorded.
    """

    line: int
    time: datetime
    key: PositionKey
    quantity: Decimal
    avg_px: Decimal | None
    begins: bool = False
