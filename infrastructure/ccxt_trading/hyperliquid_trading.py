"""Hyperliquid, perpetuals."""

from __future__ import annotations

import re
from inspect import iscoroutinefunction
from typing import Any, Final

from domain.identifiers import hex_order_id
from domain.values import Leg
from infrastructure.ccxt_trading.trading_conventions import (
    Json,
    Meaning,
    OrderQuestion,
    TradingConventions,
)
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.exchange_orders import OrderTicket

_MARKET_BOUND: Final = "0.05"
_TRIGGERED_BOUND: Final = "0.1"
_ACTIONS: Final = frozenset({"order", "cancel", "cancelByCloid"})
"""The actions that may be signed and sent; ccxt would add others on its own account."""


def _params(ticket: OrderTicket) -> Json:
    """Refuses: Refused for a leg, because Hyperliquid has one position for each contract."""
    if ticket.leg in (Leg.LONG, Leg.SHORT):
        raise Refused(None, f"nothing was sent: hyperliquid holds one position of a contract, and no leg {ticket.leg}")
    params: Json = {
        "clientOrderId": hex_order_id(ticket.client_order_id),
        "slippage": _MARKET_BOUND if ticket.trigger_price is None else _TRIGGERED_BOUND,
    }
    if ticket.reduce_only:
        params["reduceOnly"] = True
    return params


def _prepare(client: Any) -> None:
    """Make the client send nothing but orders and cancellations.

    Before its first order ccxt approves a builder's fee and sets a referrer, and then it names the builder in every
    order, even if the fee is zero; the user has not asked for that.
    """
    client.options |= {"builderFee": False, "approvedBuilderFee": False, "refSet": True}
    sign = client.sign

    async def nothing_awaited() -> bool:
        return True

    def guarded(path: str, api: Any = "public", method: str = "GET", params: Any = None, *rest: Any) -> Any:
        action = (params or {}).get("action")
        if action is not None and (action.get("type") not in _ACTIONS or "builder" in action):
            raise Refused(None, f"nothing was sent: {action.get('type')} with {', '.join(action)} was not asked for")
        return sign(path, api, method, params or {}, *rest)

    client.sign = guarded
    if hasattr(client, "initialize_client"):
        is_awaited = iscoroutinefunction(client.initialize_client)
        client.initialize_client = nothing_awaited if is_awaited else lambda: True


HYPERLIQUID: Final = TradingConventions(
    exchange="hyperliquid",
    source="API: Exchange endpoint, Info endpoint, Error responses; My TP/SL did not execute correctly",
    has_unique_ids=False,
    shown_seconds=20.0,
    shown_because="only the connection limits how late an order is accepted (`expiresAfter` is not sent)",
    ended_shown="as long as it is among the latest 2000; how long by its id is not documented",
    client_id=re.compile(r"p[a-z2-7]{26}"),
    attaches_stops=False,
    closes_position=False,
    conditional="with the others; a triggered one keeps its id; the mark price triggers",
    by_id=(OrderQuestion(method="fetch_order", params={}, client_id="clientOrderId"),),
    lists=(
        OrderQuestion(method="fetch_open_orders", params={}),
        OrderQuestion(method="fetch_canceled_and_closed_orders", params={}),
    ),
    cancels_conditional={},
    fills_of=None,
    fills_by_client_id=None,
    fills_max=2000,
    params=_params,
    code=None,
    codes={},
    words=tuple(
        (text, meaning)
        for meaning, texts in {
            Meaning.REFUSED: (
                "Price must be divisible by tick size",
                "Order must have minimum value",
                "Insufficient margin to place order",
                "Post only order would have immediately matched",
                "Order could not immediately match against any resting orders",
                "Invalid TP/SL price",
                "No liquidity available for market order",
                "Order would increase open interest",
                "price more aggressive than oracle",
                "Order price too far from oracle",
                "Order would cause position to exceed margin tier limit",
            ),
            Meaning.NOTHING_TO_REDUCE: ("Reduce only order would increase position",),
            Meaning.RATE_LIMITED: ("Too many cumulative requests sent",),
            Meaning.ABSENT: ("Order was never placed, already canceled, or filled", '"unknownOid"'),
        }.items()
        for text in texts
    ),
    spelled_id=hex_order_id,
    bound="5 % from the mark price; a stop or a target 10 % from its trigger",
    prepare=_prepare,
)
