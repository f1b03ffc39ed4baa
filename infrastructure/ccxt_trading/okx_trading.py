"""OKX v5, swaps and futures; orders are counted in contracts."""

from __future__ import annotations

import re
from typing import Final

from domain.values import Leg
from infrastructure.ccxt_trading.trading_conventions import (
    Json,
    Meaning,
    OrderQuestion,
    TradingConventions,
    codes,
)
from infrastructure.trading.exchange_orders import OrderTicket

_TRIGGER: Final = {"trigger": True}
_CONDITIONAL: Final = {"ordType": "conditional"}


def _params(ticket: OrderTicket) -> Json:
    """An algo order has its client order id under another name, which ccxt does not fill in."""
    params: Json = {"clientOrderId": ticket.client_order_id}
    if ticket.trigger_price is not None:
        params["algoClOrdId"] = ticket.client_order_id
    if ticket.leg in (Leg.LONG, Leg.SHORT):
        params["positionSide"] = ticket.leg.value.lower()
    if ticket.reduce_only or ticket.close_position:
        params["reduceOnly"] = True
    if ticket.close_position:
        params["closeFraction"] = "1"
    if ticket.attached_stop is not None:
        params["stopLoss"] = {"triggerPrice": str(ticket.attached_stop)}
    return params


OKX: Final = TradingConventions(
    exchange="okx",
    source="API v5: Error Code, Place order, Place algo order, Order details, Order list, Transaction details",
    has_unique_ids=False,
    shown_seconds=20.0,
    shown_because="only the connection limits how late an order is accepted (`expTime` is not sent); a query may lag",
    ended_shown="7 days, 2 hours where nothing of it was filled",
    client_id=re.compile(r"[A-Za-z0-9]{1,32}"),
    attaches_stops=True,
    closes_position=True,
    conditional="in a separate list, as algo orders; a triggered one names the order that it became",
    by_id=(
        OrderQuestion(method="fetch_order", params={}, client_id="clOrdId"),
        OrderQuestion(method="fetch_order", params=_TRIGGER, client_id="clOrdId", is_conditional=True),
    ),
    lists=(
        OrderQuestion(method="fetch_open_orders", params={}),
        OrderQuestion(method="fetch_open_orders", params=_CONDITIONAL, is_conditional=True),
        OrderQuestion(method="fetch_closed_orders", params={}),
        OrderQuestion(method="fetch_canceled_orders", params={}),
        OrderQuestion(method="fetch_closed_orders", params=_CONDITIONAL, is_conditional=True),
        OrderQuestion(method="fetch_canceled_orders", params=_CONDITIONAL, is_conditional=True),
    ),
    cancels_conditional=_TRIGGER,
    fills_of="ordId",
    fills_by_client_id=None,
    fills_max=100,
    params=_params,
    code=re.compile(r'(?s)^(?:(?=.*"sCode":\s*"[1-9]).*?"sCode":\s*"|.*?"code":\s*")(\d+)'),
    codes={
        Meaning.REFUSED: codes(
            "50000 50002 50005 50006 50012 50014 50016 50021 50030 50100 50101 50102 50103 50104 50105 50110 50111"
            " 50112 50113 50114 50115 51000 51001 51002 51003 51004 51005 51006 51008 51010 51020 51021 51022"
            " 51024 51028 51046 51047 51048 51049 51050 51051 51052 51053 51054 51087 51094 51108 51112 51119 51121"
            " 51127 51131 51148 51170 51202 51203 51205 51250 51277 51278 51279 51280 51302 51303 59200 59300"
        ),
        Meaning.NOTHING_TO_REDUCE: codes("51023 51169"),
        Meaning.RATE_LIMITED: codes("50011 50040 50061"),
        Meaning.NO_ANSWER: codes("50001 50004 50013 50026 51149"),
        Meaning.TAKEN: codes("51016 51065"),
        Meaning.ABSENT: codes("51400 51401 51402 51503 51603"),
    },
    triggered_id="ordId",
)
