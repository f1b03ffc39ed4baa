"""The routes of Bybit v5 that its ccxt client calls for linear contracts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from random import Random
from typing import Final

from domain.values import Leg, OrderSide, plain
from infrastructure.simulation.books.exchange_codes import IdTaken, Reason, refused
from infrastructure.simulation.books.kept_order import KeptOrder
from infrastructure.simulation.http.loopback_server import HttpAnswer, Json
from infrastructure.simulation.shown_account import milliseconds
from infrastructure.simulation.simulated_venue import SimulatedVenue
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.exchange_orders import OrderState, OrderTicket, TicketKind, TradedMarket

_LEGS: Final = {"0": Leg.BOTH, "1": Leg.LONG, "2": Leg.SHORT}
_INDEX: Final = {leg.value: int(index) for index, leg in _LEGS.items()}
_SIDES: Final = {"long": "Buy", "short": "Sell", "buy": "Buy", "sell": "Sell"}


class BybitRoutes:
    """Answers as the documentation of the exchange says, numbers as text; each request calls the simulated exchange."""

    def __init__(self, venue: SimulatedVenue, seed: int) -> None:
        self._venue = venue
        self._numbers = Random(seed)  # noqa: S311  # repeatable tests need a seed; it is no secret
        self._unnamed = count(1)
        self._routes: dict[str, Callable[[Json], Json]] = {
            "GET /v5/market/time": lambda _: {"timeNano": str(self._now() * 10**6)},
            "GET /v5/market/instruments-info": self._info,
            "GET /v5/user/query-api": lambda _: {"unified": 0, "uta": 1},
            "GET /v5/account/info": lambda _: {"unifiedMarginStatus": 5, "marginMode": "REGULAR_MARGIN"},
            "GET /v5/account/wallet-balance": lambda _: {"list": [_wallet()]},
            "GET /v5/position/list": self._positions,
            "POST /v5/position/set-leverage": lambda _: {},
            "POST /v5/position/switch-mode": self._set_mode,
            "POST /v5/order/create": self._place,
            "POST /v5/order/cancel": self._cancel,
            "GET /v5/order/realtime": lambda params: self._orders(params, is_open=True),
            "GET /v5/order/history": lambda params: self._orders(params, is_open=False),
            "GET /v5/execution/list": self._fills,
        }

    def __call__(self, method: str, path: str, params: Json) -> HttpAnswer:
        """Answer a request; an error is an answer with status 200 and the code of the exchange."""
        route = self._routes.get(f"{method} {path}")
        if route is None:
            return HttpAnswer({"retCode": 10404, "retMsg": f"Request path not found: {method} {path}"}, 404)
        try:
            return self._answer(route(params))
        except IdTaken as wrong:
            return self._answer({}, wrong.code, "OrderLinkedID is duplicate")
        except Refused as wrong:
            return self._answer({}, wrong.code or "10001", wrong.text)
        except (KeyError, ArithmeticError, ValueError) as wrong:
            return self._answer({}, "10001", f"Request parameter error: {wrong!s:.60}")
        except NoAnswer:
            silence = self._answer({}, "10016", "Server error.")
            return self._numbers.choice((HttpAnswer(None), silence, HttpAnswer("Bad Gateway", 502)))

    def _now(self) -> int:
        return milliseconds(self._venue.clock())

    def _answer(self, result: Json, code: str = "0", text: str = "OK") -> HttpAnswer:
        return HttpAnswer(
            {"retCode": int(code), "retMsg": text, "result": result, "retExtInfo": {}, "time": self._now()}
        )

    def _info(self, params: Json) -> Json:
        is_linear = params.get("category") == "linear"
        markets = [each for each in self._venue.shown_markets() if is_linear and not each.inverse]
        return {"category": params.get("category"), "list": [_market(each) for each in markets], "nextPageCursor": ""}

    # -- orders -------------------------------------------------------------------------------------------------

    def _place(self, params: Json) -> Json:
        placed = self._venue.place(_ticket(params, params.get("orderLinkId") or f"web-{next(self._unnamed)}"))
        return {"orderId": placed.order_id, "orderLinkId": placed.client_order_id}

    def _cancel(self, params: Json) -> Json:
        found = [each for each in self._venue.shown_orders(params["symbol"]) if _matches(each, params) and each.is_open]
        if not found or self._venue.cancel(params["symbol"], found[0].stated()) is None:
            raise refused("bybit", Reason.NOT_CANCELLED, "order not exists or too late to cancel")
        return {"orderId": found[0].order_id, "orderLinkId": found[0].ticket.client_order_id}

    def _orders(self, params: Json, *, is_open: bool) -> Json:
        """One page of the open or of the ended orders, newest first."""
        shown = [
            self._order(each)
            for each in self._venue.shown_orders(params.get("symbol"))
            if _matches(each, params) and (each.is_open or each.is_behind) == is_open and _is_settled(each, params)
        ]
        return _page(shown[::-1], params)

    def _order(self, order: KeptOrder) -> Json:
        stated, ticket = order.stated(), order.ticket
        left = Decimal(0) if stated.state is not OrderState.OPEN else order.quantity - stated.filled_qty
        kind = {TicketKind.STOP: "StopLoss", TicketKind.TARGET: "TakeProfit"}.get(ticket.kind, "")
        answer: Json = {
            "symbol": ticket.symbol,
            "orderId": order.order_id,
            "orderLinkId": ticket.client_order_id,
            "orderType": "Limit" if ticket.kind is TicketKind.LIMIT else "Market",
            "qty": plain(order.quantity),
            "price": plain(ticket.price or Decimal(0)),
            "orderStatus": _state(order, stated.state, stated.filled_qty),
            "stopOrderType": kind and (kind if ticket.close_position else "Stop"),
            "triggerPrice": "" if ticket.trigger_price is None else plain(ticket.trigger_price),
            "triggerDirection": _direction(ticket),
            "reduceOnly": order.reduces,
            "closeOnTrigger": bool(kind) and order.reduces,
            "positionIdx": _INDEX[ticket.leg.value],
            "avgPrice": "" if stated.avg_px is None else plain(stated.avg_px),
            "cumExecQty": plain(stated.filled_qty),
            "cumExecValue": plain(stated.filled_qty * (stated.avg_px or 0)),
            "cumExecFee": "0",
            "leavesQty": plain(left),
            "timeInForce": "GTC" if ticket.kind is TicketKind.LIMIT else "IOC",
            "takeProfit": "",
            "stopLoss": "" if ticket.attached_stop is None else plain(ticket.attached_stop),
            "tpslMode": "Full",
            "createType": "CreateByUser",
            "createdTime": str(milliseconds(order.placed_at)),
            "updatedTime": str(milliseconds(stated.stated_at or order.placed_at)),
        }
        return answer if stated.side is None else answer | {"side": _SIDES[stated.side]}

    def _fills(self, params: Json) -> Json:
        shown = [
            {
                "symbol": order.ticket.symbol,
                "orderId": order.order_id,
                "orderLinkId": order.ticket.client_order_id,
                "side": _SIDES[order.ticket.side],
                "execId": f"exec-{fill.trade_id}",
                "execPrice": plain(fill.price),
                "execQty": plain(fill.quantity),
                "execValue": plain(fill.price * fill.quantity),
                "execFee": plain(fill.fee or Decimal(0)),
                "feeCurrency": fill.fee_currency,
                "feeRate": "0.0005",
                "execType": "Trade",
                "execTime": str(milliseconds(fill.at)),
                "orderType": "Market",
                "orderQty": plain(order.quantity),
                "leavesQty": "0",
                "isMaker": False,
            }
            for order in self._venue.shown_orders(params.get("symbol"))
            if _matches(order, params)
            for fill in self._venue.audit.fills(order)
        ]
        return _page(shown[::-1], params)

    # -- the account --------------------------------------------------------------------------------------------

    def _positions(self, params: Json) -> Json:
        shown = [_position(each, self._now()) for each in self._venue.shown_positions()]
        coin = params.get("settleCoin")
        return _page([each for each in shown if _is_asked(each, params) and coin in (None, "", "USDT")], params)

    def _set_mode(self, params: Json) -> Json:
        if (str(params.get("mode")) == "3") == self._venue.hedge:
            raise Refused("110025", "Position mode is not modified")
        raise Refused("110028", "Position mode cannot be changed while orders or positions are open")


def _ticket(params: Json, client_order_id: str) -> OrderTicket:
    side: OrderSide = "buy" if params["side"] == "Buy" else "sell"
    trigger = Decimal(params["triggerPrice"]) if params.get("triggerPrice") else None
    kind = TicketKind.LIMIT if params["orderType"] == "Limit" else TicketKind.MARKET
    if trigger is not None:
        kind = TicketKind.STOP if (str(params["triggerDirection"]) == "1") == (side == "buy") else TicketKind.TARGET
    return OrderTicket(
        symbol=params["symbol"],
        side=side,
        kind=kind,
        client_order_id=client_order_id,
        quantity=Decimal(params["qty"]),
        price=Decimal(params["price"]) if kind is TicketKind.LIMIT else None,
        trigger_price=trigger,
        reduce_only=str(params.get("reduceOnly", "")).lower() == "true",
        leg=_LEGS[str(params.get("positionIdx", 0))],
        attached_stop=Decimal(params["stopLoss"]) if params.get("stopLoss") else None,
    )


def _state(order: KeptOrder, state: OrderState, filled: Decimal) -> str:
    if state is OrderState.OPEN:
        if order.is_conditional:
            return "Untriggered"
        return "PartiallyFilled" if filled else "New"
    if state is OrderState.FILLED:
        return "Filled"
    if order.is_conditional and not filled:
        return "Deactivated"
    return "PartiallyFilledCanceled" if filled else "Cancelled"


def _direction(ticket: OrderTicket) -> int:
    """1 for a trigger above the price, 2 for one below, 0 without a trigger."""
    if ticket.trigger_price is None:
        return 0
    return 1 if (ticket.side == "buy") == (ticket.kind is TicketKind.STOP) else 2


def _market(market: TradedMarket) -> Json:
    assert market.price_tick is not None and market.quantity_step is not None, "a listed market has both"
    tick, step = plain(market.price_tick), plain(market.quantity_step)
    least = plain(market.min_quantity or market.quantity_step)
    return {
        "symbol": f"{market.base}{market.quote}",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "settleCoin": market.settle,
        "launchTime": "1584230400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "4",
        "fundingInterval": 480,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "50", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1000000",
            "minOrderQty": least,
            "qtyStep": step,
            "minNotionalValue": plain(market.min_cost or Decimal(0)),
        },
    }


def _position(shown: Json, at: int) -> Json:
    base, _, rest = shown["symbol"].partition("/")
    worth = plain(Decimal(shown["contracts"]) * Decimal(shown["entryPrice"]))
    return {
        "positionIdx": _INDEX[shown["info"]["positionSide"]],
        "symbol": base + rest.partition(":")[0],
        "side": _SIDES[shown["side"]],
        "size": shown["contracts"],
        "avgPrice": shown["entryPrice"],
        "positionValue": worth,
        "tradeMode": 0,
        "positionStatus": "Normal",
        "leverage": "10",
        "markPrice": shown["markPrice"],
        "liqPrice": "",
        "positionIM": worth,
        "positionMM": "0",
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": "0",
        "cumRealisedPnl": "0",
        "createdTime": str(at),
        "updatedTime": str(at),
    }


def _wallet() -> Json:
    coin = {"coin": "USDT", "walletBalance": "100000", "equity": "100000", "locked": "0", "totalOrderIM": "0"}
    return {"accountType": "UNIFIED", "totalEquity": "100000", "coin": [coin | {"availableToWithdraw": "100000"}]}


def _matches(order: KeptOrder, params: Json) -> bool:
    ids = (("orderId", order.order_id), ("orderLinkId", order.ticket.client_order_id))
    return all(params.get(name) in (None, "", each) for name, each in ids)


def _is_settled(order: KeptOrder, params: Json) -> bool:
    return params.get("settleCoin") in (None, "", order.terms.settle)


def _is_asked(row: Json, params: Json) -> bool:
    return params.get("symbol") in (None, "", row["symbol"])


def _page(found: list[Json], params: Json) -> Json:
    """One page of the results, with the cursor of the next page."""
    first, size = int(params.get("cursor") or 0), int(params.get("limit") or 20)
    rest = str(first + size) if len(found) > first + size else ""
    return {"category": "linear", "list": found[first : first + size], "nextPageCursor": rest}
