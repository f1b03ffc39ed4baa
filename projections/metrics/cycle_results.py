"""The results of cycles of one currency: how many were won and lost, how much on average, and the drawdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum

from domain.json_object import JsonObject
from domain.values import EXACT, ZERO, rounded
from projections.positions import PositionRow


class JudgedBy(StrEnum):
    """The amount that decides whether a cycle was won."""

    NET = "net"
    """Profit with cash and less fees; not known where a fee was paid in another currency."""
    GROSS = "gross"
    """Profit before fees and cash."""

    def amount(self, row: PositionRow) -> Decimal | None:
        """This amount of a cycle; None where it is not known."""
        return row.net_pnl if self is JudgedBy.NET else row.realized_pnl


@dataclass(frozen=True, kw_only=True)
class CycleResults(JsonObject):
    """How cycles were won and lost; those whose amount is not known are counted in `unknown` and nowhere else.

    Quotients have 18 decimals, and are None where the divisor is zero.
    """

    judged_by: JudgedBy
    unknown: int
    won: int
    lost: int
    even: int
    win_rate: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    profit_factor: Decimal | None
    """The sum of all wins, divided by the sum of all losses."""
    drawdown: Decimal
    """The largest fall of the running sum below its earlier peak (or zero), in the order in which cycles ended."""

    @classmethod
    def of(cls, rows: Iterable[PositionRow], judged_by: JudgedBy) -> CycleResults:
        """Judge cycles of one currency."""
        ended = sorted(rows, key=lambda row: (ended_at(row), row.position_id))
        amounts = [judged_by.amount(row) for row in ended]
        known = [amount for amount in amounts if amount is not None]
        wins, losses = [each for each in known if each > 0], [each for each in known if each < 0]
        with localcontext(EXACT):
            won, lost = sum(wins, ZERO), sum(losses, ZERO)
            return cls(
                judged_by=judged_by,
                unknown=len(amounts) - len(known),
                won=len(wins),
                lost=len(losses),
                even=len(known) - len(wins) - len(losses),
                win_rate=_quotient(Decimal(len(wins)), Decimal(len(known))),
                average_win=_quotient(won, Decimal(len(wins))),
                average_loss=_quotient(lost, Decimal(len(losses))),
                profit_factor=_quotient(won, -lost),
                drawdown=_drawdown(known),
            )


def ended_at(row: PositionRow) -> datetime:
    """When a cycle that is over ended; its last change, where that is not known."""
    return row.closed_at or row.updated_at


def _drawdown(amounts: Sequence[Decimal]) -> Decimal:
    total = peak = deepest = ZERO
    for amount in amounts:
        total += amount
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest


def _quotient(part: Decimal, whole: Decimal) -> Decimal | None:
    return rounded(EXACT.divide(part, whole)) if whole else None
