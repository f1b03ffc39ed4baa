"""Whether nothing is held any more: the account says so twice, with time enough between to show what was filled."""

from __future__ import annotations

from typing import Any, Final

from domain.values import Leg
from infrastructure.trading.effects import Flow
from infrastructure.trading.flow_context import FlowContext
from projections.positions import PositionRow

READS: Final = 2
"""How often the account has to show nothing, until nothing is taken for the truth."""


def nothing_shown(ctx: FlowContext, row: PositionRow) -> Flow[dict[str, Any] | None]:
    """Whether the account shows, twice, that nothing of the leg is held; a list with doubts shows nothing.

    Between the two it has time to show what was filled a moment ago.
    """
    market = yield from ctx.market(row.symbol)
    for read in range(READS):
        if read:
            yield from ctx.wait(max(market.shown_seconds, ctx.rules.poll_seconds))
        seen = yield from ctx.snapshot()
        if seen.positions is None or seen.doubts or seen.hides(row.symbol):
            return None
        same = [held for held in seen.positions if held.key.symbol == row.symbol and held.quantity]
        if any(row.leg is Leg.BOTH or held.key.leg in (row.leg, Leg.BOTH) for held in same):
            return None
    return {"position_quantity": "0"}
