"""The quantity that is claimed: what was asked for, as far as it can be ordered at its market."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from domain.values import ZERO, plain
from infrastructure.trading.conclusions import CameToNothing
from infrastructure.trading.exchange_orders import TradedMarket, on_step
from infrastructure.trading.flow_context import FlowContext


def opening_quantity(ctx: FlowContext, wanted: Decimal, market: TradedMarket) -> Decimal:
    """The quantity of an entry, rounded down to the step. Raises: CameToNothing below the exchange's minimum."""
    return _claimed(ctx, wanted, market, max(market.min_quantity or ZERO, market.quantity_step or ZERO))


def closing_quantity(ctx: FlowContext, wanted: Decimal, market: TradedMarket) -> Decimal:
    """The quantity of a partial exit; a reduce-only order needs no minimum but the step. Raises: CameToNothing."""
    return _claimed(ctx, wanted, market, market.quantity_step or ZERO)


def _claimed(ctx: FlowContext, wanted: Decimal, market: TradedMarket, least: Decimal) -> Decimal:
    quantity = on_step(wanted, market.quantity_step, ROUND_FLOOR)
    if quantity < least:
        raise CameToNothing(
            f"{plain(wanted)} is less than the {plain(least)} that {ctx.exchange} lets anybody order of {market.symbol}"
        )
    return quantity
