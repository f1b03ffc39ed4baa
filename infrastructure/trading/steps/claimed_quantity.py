"""How much of what was asked for is claimed: as much as can be ordered at its market."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Final

from domain.values import plain
from infrastructure.trading.conclusions import CameToNothing
from infrastructure.trading.exchange_orders import TradedMarket, on_step
from infrastructure.trading.flow_context import FlowContext

_NONE: Final = Decimal(0)


def opening_quantity(ctx: FlowContext, wanted: Decimal, market: TradedMarket) -> Decimal:
    """What an entry asks for, rounded down to the step. Raises: CameToNothing for less than the exchange takes."""
    return _claimed(ctx, wanted, market, max(market.min_quantity or _NONE, market.quantity_step or _NONE))


def closing_quantity(ctx: FlowContext, wanted: Decimal, market: TradedMarket) -> Decimal:
    """The part that an exit asks for; an order that only reduces is held to the step alone. Raises: CameToNothing."""
    return _claimed(ctx, wanted, market, market.quantity_step or _NONE)


def _claimed(ctx: FlowContext, wanted: Decimal, market: TradedMarket, least: Decimal) -> Decimal:
    quantity = on_step(wanted, market.quantity_step, ROUND_FLOOR)
    if quantity < least:
        raise CameToNothing(
            f"{plain(wanted)} is less than the {plain(least)} that {ctx.exchange} lets anybody order of {market.symbol}"
        )
    return quantity
