"""The proof that nothing is held any more: two reads of the account, with enough time between to show a fill."""

from __future__ import annotations

from typing import Any, Final

from domain.values import Leg
from infrastructure.trading.effects import Flow
from infrastructure.trading.flow_context import FlowContext
from projections.positions import PositionRow

READS: Final = 2
"""How many reads of the account have to show no position, before it is believed."""


def nothing_shown(ctx: FlowContext, row: PositionRow) -> Flow[dict[str, Any] | None]:
    """The evidence that nothing of the leg is held: two reads of the account show no position; else None.

    A list that is incomplete or in doubt proves nothing. Between the two reads a recent fill has time to appear.
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
