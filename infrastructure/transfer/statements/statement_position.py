"""What was held at a moment, as a statement of an exchange or a program says it: it is compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.identifiers import PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPosition:
    """What one key held after all that happened until `time`: plus is long, minus is short, zero is flat.

    Shape: where one `begins` and nothing else tells of its key, it is what the first cycle begins with; nothing is
           recorded of any other.
    """

    line: int
    time: datetime
    key: PositionKey
    quantity: Decimal
    avg_px: Decimal | None
    begins: bool = False
