"""Binance USD-M futures."""

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


def _params(ticket: OrderTicket) -> Json:
    """Binance refuses `reduceOnly` in hedge mode, where the leg says what is reduced, and beside `closePosition`."""
    params: Json = {"clientOrderId": ticket.client_order_id}
    if ticket.leg in (Leg.LONG, Leg.SHORT):
        params["positionSide"] = ticket.leg.value
    if ticket.close_position:
        params["closePosition"] = True
    elif ticket.reduce_only and ticket.leg not in (Leg.LONG, Leg.SHORT):
        params["reduceOnly"] = True
    return params


BINANCE: Final = TradingConventions(
    exchange="binance",
    source="USDⓈ-M Futures: General Info, Error Code, New Order, New Algo Order, Query Order",
    has_unique_ids=False,
    shown_seconds=20.0,
    shown_because="an order is accepted up to `recvWindow` (5 s, in ccxt 10 s) after signing, and a query may lag",
    ended_shown="90 days, 3 days where nothing of it was filled",
    client_id=re.compile(r"[.A-Z:/a-z0-9_-]{1,36}"),
    attaches_stops=False,
    closes_position=True,
    conditional="in a separate list, as algo orders; a triggered one names the order that it became",
    by_id=(
        OrderQuestion(method="fetch_order", params={}, client_id="origClientOrderId"),
        OrderQuestion(method="fetch_order", params=_TRIGGER, client_id="clientAlgoId", is_conditional=True),
    ),
    lists=(
        OrderQuestion(method="fetch_open_orders", params={}),
        OrderQuestion(method="fetch_open_orders", params=_TRIGGER, is_conditional=True),
        OrderQuestion(method="fetch_orders", params={}),
        OrderQuestion(method="fetch_orders", params=_TRIGGER, is_conditional=True),
    ),
    cancels_conditional=_TRIGGER,
    fills_of="orderId",
    fills_by_client_id=None,
    fills_max=1000,
    params=_params,
    code=re.compile(r'"code":\s*"?(-?\d+)'),
    codes={
        Meaning.REFUSED: codes(
            "-1002 -1013 -1014 -1016 -1020 -1021 -1022 -1100 -1101 -1102 -1106 -1111 -1115 -1116 -1117 -1121"
            " -2010 -2014 -2015 -2018 -2019 -2020 -2021 -2023 -2024 -2025 -2026 -2027 -2028"
            " -4001 -4003 -4005 -4006 -4013 -4014 -4015 -4016 -4023 -4024 -4045 -4061 -4087 -4088 -4104 -4108 -4118"
            " -4130 -4131 -4140 -4164 -4183 -4192 -5021 -5022"
        ),
        Meaning.NOTHING_TO_REDUCE: codes("-2022"),
        Meaning.RATE_LIMITED: codes("-1003 -1008 -1015"),
        Meaning.NO_ANSWER: codes("-1000 -1001 -1006 -1007"),
        Meaning.TAKEN: codes("-4116"),
        Meaning.ABSENT: codes("-2011 -2013"),
    },
    words=(
        ("Unknown error, please check your request", Meaning.NO_ANSWER),
        ("Duplicate order sent", Meaning.TAKEN),
        ('"Service Unavailable."', Meaning.REFUSED),
    ),
    triggered_id="actualOrderId",
)
