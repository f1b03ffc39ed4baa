"""Bybit v5, linear contracts."""

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

_INDEX: Final = {Leg.LONG: 1, Leg.SHORT: 2}


def _params(ticket: OrderTicket) -> Json:
    """With `closeOnTrigger` a stop frees the margin that it needs, which reduce-only alone does not do."""
    params: Json = {"clientOrderId": ticket.client_order_id, "positionIdx": _INDEX.get(ticket.leg, 0)}
    if ticket.reduce_only:
        params["reduceOnly"] = True
        if ticket.trigger_price is not None:
            params["closeOnTrigger"] = True
    if ticket.attached_stop is not None:
        params["stopLoss"] = {"triggerPrice": str(ticket.attached_stop)}
    return params


BYBIT: Final = TradingConventions(
    exchange="bybit",
    source="V5 API: Error Codes, Place Order, Get Open & Closed Orders, Get Order History, Get Trade History",
    has_unique_ids=True,
    shown_seconds=20.0,
    shown_because="an order is acknowledged before it is made, and accepted up to `recv_window` (5 s) after signing",
    ended_shown="7 days, 24 hours where nothing of it was filled",
    client_id=re.compile(r"[A-Za-z0-9_-]{1,36}"),
    attaches_stops=True,
    closes_position=False,
    conditional="with the others, as `Untriggered`; a triggered one keeps its id",
    by_id=(
        OrderQuestion(method="fetch_open_orders", params={}, client_id="orderLinkId", order_id="orderId"),
        OrderQuestion(
            method="fetch_canceled_and_closed_orders", params={}, client_id="orderLinkId", order_id="orderId"
        ),
    ),
    lists=(
        OrderQuestion(method="fetch_open_orders", params={"limit": 50}),
        OrderQuestion(method="fetch_canceled_and_closed_orders", params={"limit": 50}),
    ),
    cancels_conditional={},
    fills_of="orderId",
    fills_by_client_id="orderLinkId",
    fills_max=100,
    params=_params,
    code=re.compile(r'"(?:retCode|ret_code)":\s*"?(-?\d+)'),
    codes={
        Meaning.REFUSED: codes(
            "-1 10001 10002 10003 10004 10005 10007 10008 10009 10010 10017 10024 10027 10028 10029 10032"
            " 30208 30209 33004 110003 110004 110005 110006 110007 110009 110011 110012 110013 110014 110015"
            " 110018 110020 110021 110022 110023 110024 110032 110040 110043 110044 110045 110046 110047 110049 110055"
            " 110059 110061 110062 110063 110064 110066 110073 110090 110092 110093 110094 110095 110096 110097"
        ),
        Meaning.NOTHING_TO_REDUCE: codes("110017"),
        Meaning.RATE_LIMITED: codes("429 10006 10018 10429"),
        Meaning.NO_ANSWER: codes("10000 10014 10016 10019 110079 170007"),
        Meaning.TAKEN: codes("110030 110072 170141"),
        Meaning.ABSENT: codes("110001 110008 110010"),
    },
)
