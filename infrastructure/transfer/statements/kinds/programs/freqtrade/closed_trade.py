"""The fills of a closed trade of freqtrade: its amounts are floats, whose sum is seldom exactly zero."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from domain.values import EXACT
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFill

_FLOAT: Final = Decimal("1e-9")
"""By which share of what was entered amounts may differ that freqtrade takes for equal."""
_FORCED: Final = "liquidation"


def closed_trade(
    trade: StatementRow, fills: Sequence[StatementFill], entered: Decimal, left: Decimal, *, is_alone: bool = True
) -> list[StatementFill]:
    """The same fills; the last one is corrected by what the arithmetic of floats left open or closed too much.

    Shape:   where a trade `is_alone`, nothing else of its pair is held, so that what it leaves on spot is dust.
    """
    *others, last = fills
    if left.copy_abs() <= EXACT.multiply(entered, _FLOAT):
        last = replace(last, quantity=EXACT.add(last.quantity, left))
    is_forced = _FORCED in trade.word("exit_reason", "sell_reason")
    return [*others, replace(last, is_last=is_alone, reason=_FORCED if is_forced else None)]
