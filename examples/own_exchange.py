"""An adapter of your own: linear contracts of Bybit in one-way mode, with nothing but Python's standard library.

    trader = Trader(ledger, OwnExchange("https://api.bybit.com", key="…", secret="…"), owner="bot-1")

It has the calls of the port of `position_ledger.trading`, which docs/exchanges.md explains, and no more than a Trader
needs. For Bybit itself take `CcxtExchange`; this shows what an exchange needs that ccxt does not have.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from position_ledger import AccountSnapshot, read_snapshot
from position_ledger.trading import (
    ExchangeFill,
    ExchangeOrder,
    NoAnswer,
    NothingToReduce,
    OrderState,
    OrderTicket,
    RateLimited,
    Refused,
    TicketKind,
    TradedMarket,
)

STATES: Final = {
    "New": OrderState.OPEN,
    "Untriggered": OrderState.OPEN,
    "Triggered": OrderState.OPEN,
    "PartiallyFilled": OrderState.OPEN,
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELED,
    "PartiallyFilledCanceled": OrderState.CANCELED,
    "Deactivated": OrderState.CANCELED,
    "Rejected": OrderState.REJECTED,
}
ABSENT, NOTHING_TO_REDUCE = 110001, 110017
NO_ANSWER: Final = (10000, 10016, 110072)
"""Nobody knows, or the client order id was used before: then its order is there, and `find` finds it."""
RATE_LIMITED: Final = (10006, 10018)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The time, which a test replaces by its own."""
    return datetime.now(UTC)


class OwnExchange:
    """One account."""

    name: Final = "bybit"
    account_name: str | None = None

    def __init__(self, url: str, *, key: str, secret: str, clock: Callable[[], datetime] = now) -> None:
        self._url, self._key, self._secret, self._clock = url, key, secret, clock

    def market(self, symbol: str) -> TradedMarket:
        """The steps and the least quantity of a contract."""
        listed = self._first("market/instruments-info", symbol=symbol)
        if listed is None:
            raise Refused(None, f"{symbol} is not listed")
        lot = listed["lotSizeFilter"]
        return TradedMarket(
            symbol=symbol,
            price_tick=Decimal(listed["priceFilter"]["tickSize"]),
            quantity_step=Decimal(lot["qtyStep"]),
            min_quantity=Decimal(lot["minOrderQty"]),
            base=listed["baseCoin"],
            quote=listed["quoteCoin"],
            settle=listed["settleCoin"],
            has_unique_ids=True,
        )

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        """Send an order once. What its acknowledgement does not say, a Trader asks for by its id."""
        trigger: dict[str, Any] = {}
        if ticket.trigger_price is not None:
            is_above = (ticket.side == "buy") == (ticket.kind is TicketKind.STOP)
            trigger = {"triggerPrice": f"{ticket.trigger_price:f}", "triggerDirection": 1 if is_above else 2}
        said = self._asked(
            "POST",
            "order/create",
            symbol=ticket.symbol,
            side=ticket.side.capitalize(),
            orderType="Market",
            qty=f"{ticket.quantity:f}",
            orderLinkId=ticket.client_order_id,
            reduceOnly=ticket.reduce_only,
            **trigger,
        )
        return ExchangeOrder(
            symbol=ticket.symbol,
            order_id=said["orderId"],
            client_order_id=ticket.client_order_id,
            state=OrderState.OPEN,
            filled_qty=Decimal(0),
            side=ticket.side,
            quantity=ticket.quantity,
            trigger_price=ticket.trigger_price,
            reduce_only=ticket.reduce_only,
        )

    def cancel(self, symbol: str, order: ExchangeOrder) -> ExchangeOrder | None:
        """Cancel what is left of an order, and say how it stands; None where there was nothing to cancel."""
        try:
            self._asked("POST", "order/cancel", symbol=symbol, orderId=order.order_id)
        except Refused as refusal:
            if refusal.code != str(ABSENT):
                raise
            return None
        return self.find(symbol, exchange_order_id=order.order_id)

    def find(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> ExchangeOrder | None:
        """An order among the open ones and among those that have ended; None only when it is in neither."""
        for path in ("order/realtime", "order/history"):
            said = self._first(path, symbol=symbol, orderLinkId=client_order_id, orderId=exchange_order_id)
            if said is not None:
                return _order(symbol, said)
        return None

    def fills(self, symbol: str, order: ExchangeOrder) -> list[ExchangeFill]:
        """The fills of an order that are shown so far."""
        shown = self._asked("GET", "execution/list", symbol=symbol, orderId=order.order_id, limit=100)["list"]
        return [
            ExchangeFill(
                order_id=each["orderId"],
                trade_id=each["execId"],
                quantity=Decimal(each["execQty"]),
                price=Decimal(each["execPrice"]),
                at=EPOCH + timedelta(milliseconds=int(each["execTime"])),
                fee=Decimal(each["execFee"]),
                fee_currency=each["feeCurrency"],
            )
            for each in reversed(shown)
        ]

    def account(self) -> AccountSnapshot:
        """All positions and all orders, as of a moment before they were asked for."""
        at = self._clock()
        return read_snapshot(
            {
                "exchange": self.name,
                "timestamp": at.isoformat(),
                "positions": self._all("position/list", limit=200),
                "orders": self._all("order/realtime", limit=50),
            }
        )

    def _first(self, path: str, **params: Any) -> dict[str, Any] | None:
        found = self._asked("GET", path, **params)["list"]
        return found[0] if found else None

    def _all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Every page of a list."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self._asked("GET", path, settleCoin="USDT", cursor=cursor, **params)
            found += page["list"]
            if not (cursor := page.get("nextPageCursor", "")):
                return found

    def _asked(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        """The result of a call. Raises: Refused or RateLimited, nothing was done; NoAnswer, nobody knows."""
        said = {"category": "linear"} | {name: value for name, value in params.items() if value not in (None, "")}
        text = urlencode(said) if method == "GET" else json.dumps(said)
        url = f"{self._url}/v5/{path}" + (f"?{text}" if method == "GET" else "")
        body = None if method == "GET" else text.encode()
        request = Request(url, body, self._signed(text), method=method)  # noqa: S310 - the address of the exchange
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
                told = json.load(answer)
            code, words, result = told["retCode"], told["retMsg"], dict(told["result"])
        except (OSError, HTTPException, ValueError, TypeError, LookupError) as wrong:
            raise NoAnswer(f"{path}: {wrong}") from wrong
        if code == 0:
            return result
        if code in RATE_LIMITED:
            raise RateLimited(str(code), words)
        if code in NO_ANSWER:
            raise NoAnswer(f"{code}: {words}")
        raise (NothingToReduce if code == NOTHING_TO_REDUCE else Refused)(str(code), words)

    def _signed(self, text: str) -> dict[str, str]:
        at, window = str((now() - EPOCH) // timedelta(milliseconds=1)), "5000"
        signature = hmac.new(self._secret.encode(), f"{at}{self._key}{window}{text}".encode(), hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "X-BAPI-API-KEY": self._key,
            "X-BAPI-TIMESTAMP": at,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": signature.hexdigest(),
        }


def _order(symbol: str, said: dict[str, Any]) -> ExchangeOrder:
    return ExchangeOrder(
        symbol=symbol,
        order_id=said["orderId"],
        client_order_id=said["orderLinkId"] or None,
        state=STATES[said["orderStatus"]],
        filled_qty=Decimal(said["cumExecQty"]),
        avg_px=Decimal(said["avgPrice"]) if said["avgPrice"] else None,
        quantity=Decimal(said["qty"]),
        trigger_price=Decimal(said["triggerPrice"]) if said["triggerPrice"] else None,
        reduce_only=said["reduceOnly"],
    )
