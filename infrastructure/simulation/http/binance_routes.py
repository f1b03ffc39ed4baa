"""The routes of Binance USD-M futures that its ccxt client calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any, Final

from domain.values import Leg, plain
from infrastructure.simulation.books.exchange_codes import IdTaken, Reason, refused
from infrastructure.simulation.books.kept_order import KeptOrder
from infrastructure.simulation.http.loopback_server import HttpAnswer, Json
from infrastructure.simulation.shown_account import milliseconds
from infrastructure.simulation.simulated_venue import SimulatedVenue
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import OrderState, OrderTicket, TicketKind, TradedMarket

_KINDS: Final = {"MARKET": TicketKind.MARKET, "LIMIT": TicketKind.LIMIT}
_ALGO_KINDS: Final = {"STOP_MARKET": TicketKind.STOP, "TAKE_PROFIT_MARKET": TicketKind.TARGET}
_WORDS: Final = {kind: word for word, kind in (_KINDS | _ALGO_KINDS).items()}
_TRIGGERED: Final = 10**9
"""A triggered conditional order gets another id: its own plus this."""


class BinanceRoutes:
    """Answers as the documentation of the exchange says, numbers as text; each request calls the simulated exchange."""

    def __init__(self, venue: SimulatedVenue, seed: int) -> None:
        self._venue = venue
        self._numbers = Random(seed)  # noqa: S311  # repeatable tests need a seed; it is no secret
        self._unnamed = count(1)
        self._routes: dict[str, Callable[[Json], Any]] = {
            "GET /fapi/v1/ping": lambda _: {},
            "GET /fapi/v1/time": lambda _: {"serverTime": self._now()},
            "GET /fapi/v1/exchangeInfo": self._info,
            "POST /fapi/v1/order": self._place,
            "GET /fapi/v1/order": lambda params: self._order(self._one(params)),
            "DELETE /fapi/v1/order": self._cancel,
            "GET /fapi/v1/openOrder": lambda params: self._order(self._one(params)),
            "GET /fapi/v1/openOrders": lambda params: [
                self._order(each) for each in self._open(params, is_apart=False)
            ],
            "GET /fapi/v1/allOrders": lambda params: [self._order(each) for each in self._plain(params)],
            "GET /fapi/v1/userTrades": self._trades,
            "POST /fapi/v1/algoOrder": self._place_algo,
            "GET /fapi/v1/algoOrder": lambda params: self._algo(self._one_algo(params)),
            "DELETE /fapi/v1/algoOrder": self._cancel_algo,
            "GET /fapi/v1/openAlgoOrders": lambda params: [
                self._algo(each) for each in self._open(params, is_apart=True)
            ],
            "GET /fapi/v1/allAlgoOrders": lambda params: [self._algo(each) for each in self._apart(params)],
            "GET /fapi/v3/positionRisk": self._positions,
            "GET /fapi/v2/positionRisk": self._positions,
            "GET /fapi/v2/balance": lambda _: self._assets(),
            "GET /fapi/v3/balance": lambda _: self._assets(),
            "GET /fapi/v2/account": lambda _: {"assets": self._assets(), "positions": []},
            "GET /fapi/v3/account": lambda _: {"assets": self._assets(), "positions": []},
            "GET /fapi/v1/positionSide/dual": lambda _: {"dualSidePosition": self._venue.hedge},
            "POST /fapi/v1/positionSide/dual": self._set_mode,
            "POST /fapi/v1/leverage": lambda params: {**params, "maxNotionalValue": "1000000"},
            "GET /fapi/v1/leverageBracket": self._brackets,
            "POST /fapi/v1/marginType": lambda _: {"code": 200, "msg": "success"},
        }

    def __call__(self, method: str, path: str, params: Json) -> HttpAnswer:
        """Answer a request; an error is an answer with the code of the exchange."""
        route = self._routes.get(f"{method} {path}")
        if route is None:
            return _error("-5000", f"Path {path}, Method {method} is invalid", 404)
        try:
            return HttpAnswer(route(params))
        except RateLimited as wrong:
            seconds = {"Retry-After": str(int(wrong.retry_seconds or 1))}
            return HttpAnswer({"code": int(wrong.code or -1003), "msg": wrong.text}, 429, seconds)
        except IdTaken as wrong:
            return _error(wrong.code, "ClientOrderId is duplicated")
        except Refused as wrong:
            return _error(wrong.code or "-1000", wrong.text)
        except (KeyError, ArithmeticError, ValueError) as wrong:
            return _error("-1102", f"A mandatory parameter was not sent, or is malformed: {wrong!s:.60}")
        except NoAnswer:
            return self._numbers.choice(
                (
                    HttpAnswer(None),
                    _error("-1007", "Timeout waiting for response from backend server.", 408),
                    HttpAnswer({"msg": "Unknown error, please check your request or try again later."}, 503),
                )
            )

    def _now(self) -> int:
        return milliseconds(self._venue.clock())

    def _info(self, _: Json) -> Json:
        markets = [_market(market) for market in self._venue.shown_markets() if not market.inverse]
        return {"timezone": "UTC", "serverTime": self._now(), "rateLimits": [], "assets": [], "symbols": markets}

    # -- orders -------------------------------------------------------------------------------------------------

    def _place(self, params: Json) -> Json:
        kind = _KINDS.get(params["type"])
        if kind is None:
            raise Refused("-4120", "Order type not supported for this endpoint. Use the Algo Order API.")
        name = params.get("newClientOrderId") or f"web_{next(self._unnamed)}"
        return self._order(self._placed(_ticket(params, kind, name)))

    def _place_algo(self, params: Json) -> Json:
        name = params.get("clientAlgoId") or f"web_{next(self._unnamed)}"
        return self._algo(self._placed(_ticket(params, _ALGO_KINDS[params["type"]], name)))

    def _placed(self, ticket: OrderTicket) -> KeptOrder:
        placed = self._venue.place(ticket)
        return next(order for order in self._venue.audit.orders() if order.order_id == placed.order_id)

    def _cancel(self, params: Json) -> Json:
        return self._order(self._cancelled(self._one(params)))

    def _cancel_algo(self, params: Json) -> Json:
        order = self._cancelled(self._one_algo(params))
        client_id = order.ticket.client_order_id
        return {"algoId": int(order.order_id), "clientAlgoId": client_id, "code": "200", "msg": "success"}

    def _cancelled(self, order: KeptOrder) -> KeptOrder:
        if self._venue.cancel(order.ticket.symbol, order.stated()) is None:
            raise refused("binance", Reason.NOT_CANCELLED, "Unknown order sent.")
        return order

    def _one(self, params: Json) -> KeptOrder:
        wanted = (params.get("orderId"), params.get("origClientOrderId"))
        return _last([each for each in self._plain(params) if _matches(_plain_id(each), each, *wanted)])

    def _one_algo(self, params: Json) -> KeptOrder:
        wanted = (params.get("algoId"), params.get("clientAlgoId"))
        return _last([each for each in self._apart(params) if _matches(each.order_id, each, *wanted)])

    def _plain(self, params: Json) -> list[KeptOrder]:
        """Plain orders, and those that triggered conditional orders became."""
        return [each for each in self._venue.shown_orders(params.get("symbol")) if not each.is_apart or each.fills]

    def _apart(self, params: Json) -> list[KeptOrder]:
        return [each for each in self._venue.shown_orders(params.get("symbol")) if each.is_apart]

    def _open(self, params: Json, *, is_apart: bool) -> list[KeptOrder]:
        return [
            each
            for each in self._venue.shown_orders(params.get("symbol"))
            if each.is_apart == is_apart and (each.is_open or each.is_behind)
        ]

    def _order(self, order: KeptOrder) -> Json:
        stated, ticket = order.stated(), order.ticket
        at = milliseconds(stated.stated_at or order.placed_at)
        average = "0.00" if stated.avg_px is None else plain(stated.avg_px)
        word = "MARKET" if order.is_conditional else _WORDS[ticket.kind]
        answer: Json = {
            "orderId": int(_plain_id(order)),
            "symbol": ticket.symbol,
            "status": _state(stated.state, stated.filled_qty),
            "clientOrderId": ticket.client_order_id,
            "price": plain(ticket.price or Decimal(0)),
            "avgPrice": average,
            "origQty": plain(order.quantity),
            "executedQty": plain(stated.filled_qty),
            "cumQuote": plain(stated.filled_qty * (stated.avg_px or 0)),
            "timeInForce": "GTC",
            "type": word,
            "reduceOnly": ticket.reduce_only,
            "closePosition": ticket.close_position,
            "positionSide": ticket.leg.value,
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": word,
            "time": milliseconds(order.placed_at),
            "updateTime": at,
        }
        return answer if stated.side is None else answer | {"side": stated.side.upper()}

    def _algo(self, order: KeptOrder) -> Json:
        ticket = order.ticket
        state = {OrderState.OPEN: "NEW", OrderState.FILLED: "FINISHED"}.get(order.state, order.state.value.upper())
        at = milliseconds(order.placed_at)
        return {
            "algoId": int(order.order_id),
            "clientAlgoId": ticket.client_order_id,
            "algoType": "CONDITIONAL",
            "orderType": _WORDS[ticket.kind],
            "symbol": ticket.symbol,
            "side": ticket.side.upper(),
            "positionSide": ticket.leg.value,
            "timeInForce": "GTC",
            "quantity": plain(ticket.quantity or Decimal(0)),
            "algoStatus": "FINISHED" if order.fills else state,
            "actualOrderId": _plain_id(order) if order.fills else "",
            "actualPrice": "0.00000" if not order.fills else plain(order.fills[-1].price),
            "triggerPrice": plain(ticket.trigger_price or Decimal(0)),
            "price": "0.0000",
            "selfTradePreventionMode": "NONE",
            "workingType": "CONTRACT_PRICE",
            "priceMatch": "NONE",
            "closePosition": ticket.close_position,
            "priceProtect": False,
            "reduceOnly": order.reduces,
            "createTime": at,
            "updateTime": at,
            "triggerTime": 0,
            "goodTillDate": 0,
        }

    def _trades(self, params: Json) -> Sequence[Json]:
        wanted = params.get("orderId")
        return [
            {
                "id": int(fill.trade_id),
                "orderId": int(_plain_id(order)),
                "symbol": order.ticket.symbol,
                "side": order.ticket.side.upper(),
                "positionSide": order.ticket.leg.value,
                "price": plain(fill.price),
                "qty": plain(fill.quantity),
                "quoteQty": plain(fill.price * fill.quantity),
                "realizedPnl": "0",
                "commission": plain(fill.fee or Decimal(0)),
                "commissionAsset": fill.fee_currency,
                "buyer": order.ticket.side == "buy",
                "maker": False,
                "time": milliseconds(fill.at),
            }
            for order in self._plain(params)
            if wanted in (None, _plain_id(order))
            for fill in self._venue.audit.fills(order)
        ]

    # -- the account --------------------------------------------------------------------------------------------

    def _positions(self, params: Json) -> list[Json]:
        found = [_position(each, self._now()) for each in self._venue.shown_positions()]
        return [each for each in found if params.get("symbol") in (None, each["symbol"])]

    def _assets(self) -> list[Json]:
        amounts = ("balance", "walletBalance", "marginBalance", "crossWalletBalance", "availableBalance")
        nothing = ("unrealizedProfit", "crossUnPnl", "initialMargin", "maintMargin")
        amount = dict.fromkeys(amounts, "100000") | dict.fromkeys(nothing, "0")
        return [{"asset": "USDT", "maxWithdrawAmount": "100000", "updateTime": self._now(), **amount}]

    def _brackets(self, _: Json) -> list[Json]:
        one = {"bracket": 1, "initialLeverage": 20, "notionalCap": 10**9, "notionalFloor": 0, "maintMarginRatio": 0.01}
        return [{"symbol": each.symbol, "brackets": [{**one, "cum": 0.0}]} for each in self._venue.shown_markets()]

    def _set_mode(self, params: Json) -> Json:
        if (str(params.get("dualSidePosition")).lower() == "true") == self._venue.hedge:
            raise Refused("-4059", "No need to change position side.")
        raise Refused("-4067", "Position side cannot be changed if there exists open orders.")


def _ticket(params: Json, kind: TicketKind, client_order_id: str) -> OrderTicket:
    def number(name: str) -> Decimal | None:
        return Decimal(params[name]) if name in params else None

    return OrderTicket(
        symbol=params["symbol"],
        side="buy" if params["side"] == "BUY" else "sell",
        kind=kind,
        client_order_id=client_order_id,
        quantity=number("quantity"),
        price=number("price") if kind is TicketKind.LIMIT else None,
        trigger_price=number("triggerPrice"),
        reduce_only=str(params.get("reduceOnly", "")).lower() == "true",
        close_position=str(params.get("closePosition", "")).lower() == "true",
        leg=Leg(params.get("positionSide", "BOTH")),
    )


def _market(market: TradedMarket) -> Json:
    assert market.price_tick is not None and market.quantity_step is not None, "a listed market has both"
    return {
        "symbol": f"{market.base}{market.quote}",
        "pair": f"{market.base}{market.quote}",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1666254000000,
        "status": "TRADING",
        "baseAsset": market.base,
        "quoteAsset": market.quote,
        "marginAsset": market.settle,
        "pricePrecision": 8,
        "quantityPrecision": 8,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0",
                "maxPrice": "1000000",
                "tickSize": plain(market.price_tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": plain(market.min_quantity or market.quantity_step),
                "maxQty": "1000000000",
                "stepSize": plain(market.quantity_step),
            },
            {"filterType": "MIN_NOTIONAL", "notional": plain(market.min_cost or Decimal(0))},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _position(shown: Json, at: int) -> Json:
    base, _, rest = shown["symbol"].partition("/")
    sign = "-" if shown["side"] == "short" else ""
    worth = plain(Decimal(shown["contracts"]) * Decimal(shown["markPrice"]))
    nothing = ("unRealizedProfit", "liquidationPrice", "isolatedMargin", "isolatedWallet", "maintMargin")
    return {
        "symbol": base + rest.partition(":")[0],
        "positionSide": shown["info"]["positionSide"],
        "positionAmt": sign + shown["contracts"],
        "entryPrice": shown["entryPrice"],
        "breakEvenPrice": shown["entryPrice"],
        "markPrice": shown["markPrice"],
        "notional": sign + worth,
        "marginAsset": rest.partition(":")[2],
        "initialMargin": worth,
        "positionInitialMargin": worth,
        "openOrderInitialMargin": "0",
        "adl": "1",
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": at,
        **dict.fromkeys(nothing, "0"),
    }


def _plain_id(order: KeptOrder) -> str:
    """The id of a plain order, or of the one that a triggered conditional order became."""
    return str(int(order.order_id) + _TRIGGERED) if order.is_apart else order.order_id


def _matches(order_id: str, order: KeptOrder, wanted_id: str | None, client_id: str | None) -> bool:
    return order_id == wanted_id if wanted_id is not None else order.ticket.client_order_id == client_id


def _last(found: Sequence[KeptOrder]) -> KeptOrder:
    """The open one of some orders, which may have had one id after the other. Refuses: Refused for none."""
    if not found:
        raise refused("binance", Reason.ABSENT, "Order does not exist.")
    return max(found, key=lambda each: each.is_open)


def _state(state: OrderState, filled: Decimal) -> str:
    if state is OrderState.OPEN:
        return "PARTIALLY_FILLED" if filled else "NEW"
    return state.value.upper()


def _error(code: str, text: str, status: int = 400) -> HttpAnswer:
    return HttpAnswer({"code": int(code), "msg": text}, status)
