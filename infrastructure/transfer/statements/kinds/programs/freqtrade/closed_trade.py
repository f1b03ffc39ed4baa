"""The fills of a trade of freqtrade that is over: its amounts are floats, which seldom come to nothing exactly."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from domain.values import EXACT
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_fill import StatementFill

_FLOAT: Final = Decimal("1e-9")
"""The share of what was entered by which amounts differ that freqtrade takes for the same."""
_FORCED: Final = "liquidation"


def closed_trade(
    trade: StatementRow, fills: Sequence[StatementFill], entered: Decimal, left: Decimal, *, is_alone: bool = True
) -> list[StatementFill]:
    """The same fills; the last closes what arithmetic left of what was entered, or took of it too much.

    Shape:   where a trade `is_alone`, nothing else of its pair is held, so that what it leaves of spot is dust.
    """
    *others, last = fills
    if left.copy_abs() <= EXACT.multiply(entered, _FLOAT):
        last = replace(last, quantity=EXACT.add(last.quantity, left))
    is_forced = _FORCED in trade.word("exit_reason", "sell_reason")
    return [*others, replace(last, is_last=is_alone, reason=_FORCED if is_forced else None)]
