"""Taking a snapshot of an account with a ccxt client: positions, plain and conditional orders, balances."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from domain.identifiers import normalized_account
from domain.symbols.venues import normalized_exchange
from domain.values import timestamp_text
from infrastructure.exchanges.client_calls import Asking, ClientCall, answered
from infrastructure.ledger_clock import now
from projections.reconciliation.snapshot_trust import LISTS_CONDITIONAL_APART

SETTLE_COINS: Final = ("USDT", "USDC")
PAGES_MAX: Final = 100

_OKX_PAGE: Final = 100
_OKX_KINDS: Final = ("conditional", "oco", "trigger", "move_order_stop")
_CONDITIONAL: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "bitget": tuple({"trigger": True, "planType": kind} for kind in ("normal_plan", "profit_loss", "track_plan")),
    "htx": ({"trigger": True}, {"stopLossTakeProfit": True}, {"trailing": True}),
}
"""The calls that list conditional orders, where one call does not list all of them."""

_BALANCES: Final[dict[str, dict[str, Any]]] = {
    "binance": {"type": "spot", "subType": "spot"},
    "hyperliquid": {"type": "spot"},
}
"""The parameters that ask for the spot wallet, where derivatives have another one."""

Json = dict[str, Any]
Lists = tuple[list[Json], list[Json], list[Json]]
"""Positions, plain orders, conditional orders."""


def snapshot_document(
    client: Any,
    *,
    exchange: str,
    account: str | None = None,
    with_balances: bool = True,
    taken_at: datetime | None = None,
) -> bytes:
    """Take a snapshot: the document that `reconcile`, `recover` and `diagnose` read.

    Shape:   `client` is a ccxt client with its keys; only reading calls are made. `taken_at` is by default the time
             before the first call, so that no answer is older than it.
    Refuses: any error of the client passes through, because half a snapshot is none; ValueError for an answer that is
             no list.
    """
    name = normalized_exchange(exchange)
    at = taken_at or now()
    client.enableLastJsonResponse = True  # shows whether ccxt made an empty list of an answer that was no list
    return answered(snapshot_calls(name, account, at, with_balances=with_balances), client)


def snapshot_calls(name: str, account: str | None, taken_at: datetime, *, with_balances: bool) -> Asking[bytes]:
    """The calls for a snapshot, and the document that is made from their answers."""
    positions, orders, conditional = yield from _ASK.get(name, _ask)(name)
    document: Json = {
        "exchange": name,
        **({} if account is None else {"account": normalized_account(account)}),
        "timestamp": timestamp_text(taken_at),
        "positions": positions,
        "orders": orders,
        "conditional_orders": conditional,
    }
    if with_balances:
        balances = yield ClientCall("fetch_balance", (dict(_BALANCES.get(name, {})),))
        document["balances"] = {"total": balances.value["total"]}
    return json.dumps(document, default=str).encode()


def _ask(exchange: str) -> Asking[Lists]:
    """Ask by ccxt's unified calls, and for conditional orders separately where the exchange lists them separately."""
    positions = yield from _list("fetch_positions")
    orders = yield from _list("fetch_open_orders")
    calls = _CONDITIONAL.get(exchange, ({"trigger": True},) if exchange in LISTS_CONDITIONAL_APART else ())
    conditional: list[Json] = []
    for params in calls:
        conditional += yield from _list("fetch_open_orders", params=dict(params))
    return positions, orders, conditional


def _list(method: str, **named: Any) -> Asking[list[Json]]:
    answer = yield ClientCall(method, (), named)
    return _checked_list(answer.value)


def _ask_binance(_: str) -> Asking[Lists]:
    """Ask Binance, which lists conditional orders, and stops are such, separately."""

    def checked(method: str, **named: Any) -> Asking[list[Json]]:
        answer = yield ClientCall(method, (), named)
        return _checked_list(answer.value, answer.said)

    positions = yield from checked("fetch_positions")
    orders = yield from checked("fetch_open_orders")
    conditional = yield from checked("fetch_open_orders", params={"trigger": True})
    return positions, orders, conditional


def _ask_bybit(_: str) -> Asking[Lists]:
    """Ask Bybit for every settle coin; stops are in the list of the other orders."""
    positions: list[Json] = []
    orders: list[Json] = []
    for coin in SETTLE_COINS:
        positions += yield from bybit_pages("fetch_positions", {"settleCoin": coin, "limit": 200})
        orders += yield from bybit_pages("fetch_open_orders", {"settleCoin": coin, "limit": 50})
    return positions, orders, []


def _ask_okx(_: str) -> Asking[Lists]:
    """Ask OKX for every kind of conditional order, and for further pages of a list until a page is not full."""

    def all_pages(params: Json) -> Asking[list[Json]]:
        found: list[Json] = []
        for _ in range(PAGES_MAX):
            after = {"after": found[-1]["id"]} if found else {}
            page = yield from _list("fetch_open_orders", limit=_OKX_PAGE, params=params | after)
            found += page
            if len(page) < _OKX_PAGE:
                return found
        raise ValueError(f"the list of orders has no end after {PAGES_MAX} pages")

    conditional: list[Json] = []
    for kind in _OKX_KINDS:
        conditional += yield from all_pages({"ordType": kind})
    positions = yield from _list("fetch_positions")
    orders = yield from all_pages({})
    return positions, orders, conditional


def bybit_pages(method: str, params: Json, symbol: str | None = None) -> Asking[list[Json]]:
    """All pages of an answer of Bybit; ccxt's own pagination needs a start time, and there is none."""
    found: list[Json] = []
    cursor = None
    for _ in range(PAGES_MAX):
        asked = params if cursor is None else {**params, "cursor": cursor}
        answer = yield ClientCall(method, (), {"params": asked} | ({} if symbol is None else {"symbol": symbol}))
        page = answer.value
        found += _checked_list(page, answer.said["result"]["list"])
        cursor = next((entry["info"]["nextPageCursor"] for entry in page if entry["info"].get("nextPageCursor")), None)
        if cursor is None:
            return found
    raise ValueError(f"{method} has no end after {PAGES_MAX} pages")


def _checked_list(answer: Any, said: object = ()) -> list[Json]:
    """The list that ccxt returned, if the exchange's own answer (`said`) was a list as well.

    Of any other answer ccxt makes an empty list, which would look like an account without positions (I-29).
    Refuses: ValueError.
    """
    for each in (answer, said):
        if not isinstance(each, list | tuple):
            raise ValueError(f"it answered {str(each)[:80]}, which is no list")
    return list(answer)


_ASK: Final = {"binance": _ask_binance, "bybit": _ask_bybit, "okx": _ask_okx}
"""Exchanges that are asked in a way of their own."""
