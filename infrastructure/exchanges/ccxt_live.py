"""A snapshot from the exchange itself, through ccxt: reading only, with keys that are never shown."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Self
from urllib.parse import urlsplit

from domain.errors import LedgerError
from domain.values import timestamp_text
from infrastructure.ledger.ledger import now

CLASSES: Final = {"binance": "binanceusdm", "bybit": "bybit"}
"""The exchanges that can be asked, and what ccxt calls them: USD-M futures, and linear contracts of v5."""

SETTLE_COINS: Final = ("USDT", "USDC")
PAGES_MAX: Final = 100
TIMEOUT_MS: Final = 10_000

_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "binance": {"leverageBrackets": {}, "fetchOpenOrders": {"warnWithoutSymbol": False}},
    "bybit": {"fetchMarkets": {"types": ["linear"]}, "defaultType": "swap", "defaultSubType": "linear"},
}
"""What keeps ccxt from asking for what is not needed here."""

_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ccxt runs into when an answer is not shaped as it should be."""

_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
_QUERY = re.compile(r"\?\S+")

Json = dict[str, Any]


class ExchangeUnavailable(LedgerError):
    """The exchange did not answer, or not with what was asked for: that says nothing about positions."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which exchange to ask, and as whom.

    `url` takes the place of the exchange's own address, for a test network.
    """

    exchange: str
    account: str | None
    key: str = field(repr=False)
    secret: str = field(repr=False)
    url: str | None = None

    @classmethod
    def of(cls, exchange: str, account: str | None, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the keys from the environment: LEDGER_BINANCE_API_KEY, LEDGER_BINANCE_SECRET, LEDGER_BINANCE_URL.

        Refuses: ValueError for an exchange that cannot be asked, a missing key, an address without encryption.
        """
        if exchange not in CLASSES:
            raise ValueError(f"only {' and '.join(CLASSES)} can be asked, not {exchange}; name a file with --snapshot")
        prefix = f"LEDGER_{exchange.upper()}"
        names = [f"{prefix}_API_KEY", f"{prefix}_SECRET"]
        if missing := [name for name in names if not environment.get(name)]:
            raise ValueError(f"to ask {exchange}, set {' and '.join(missing)}; a key that may only read is enough")
        key, secret = (environment[name].strip() for name in names)
        url = environment.get(f"{prefix}_URL") or None
        if url is not None and urlsplit(url).scheme != "https" and urlsplit(url).hostname not in _LOOPBACK:
            raise ValueError(f"{prefix}_URL is not an https address, and keys are not sent in the clear")
        return cls(exchange, account, key, secret, url)

    def clean(self, words: str) -> str:
        """Words of ccxt without what must not be shown: keys, and queries with their signatures."""
        for private in (self.key, self.secret):
            words = words.replace(private, "…")
        return _QUERY.sub("?…", words)


def fetch_document(asked: Asked) -> bytes:
    """Ask for all positions and all orders that rest, page by page: a snapshot as a file has it.

    Shape:   taken when the first question was sent: it can only be younger than it says.
    Refuses: ExchangeUnavailable when any of the answers is missing; ValueError when ccxt is not installed.
    """
    try:
        ccxt = import_module("ccxt")  # an optional extra, and slow to import
    except ImportError:
        raise ValueError("to ask an exchange, ccxt is needed: pip install ccxt") from None
    client = _client(ccxt, asked)
    taken_at = now()
    try:
        positions, orders, conditional = _ASK[asked.exchange](client)
    except (ccxt.BaseError, *_UNREADABLE) as wrong:
        words = asked.clean(f"{type(wrong).__name__}: {wrong}")
        raise ExchangeUnavailable(f"{asked.exchange} could not be asked, so nothing is known: {words[:500]}") from None
    document = {
        "exchange": asked.exchange,
        "timestamp": timestamp_text(taken_at),
        "positions": positions,
        "orders": orders,
        "conditional_orders": conditional,
    }
    return json.dumps(document).encode()


def _client(ccxt: Any, asked: Asked) -> Any:
    client = getattr(ccxt, CLASSES[asked.exchange])(
        {
            "apiKey": asked.key,
            "secret": asked.secret,
            "timeout": TIMEOUT_MS,
            "enableRateLimit": False,  # a handful of calls; an exchange that minds says so, and nothing is lost
            "options": _OPTIONS[asked.exchange],
        }
    )
    client.number = str  # as the exchange wrote it, never through a float
    client.has["fetchCurrencies"] = False
    client.enableLastJsonResponse = True
    if asked.url is not None:
        base = asked.url.rstrip("/")
        client.urls["api"] = {name: base + urlsplit(url).path for name, url in client.urls["api"].items()}
    return client


def _ask_binance(client: Any) -> tuple[list[Json], list[Json], list[Json]]:
    """Stops are conditional orders, which Binance keeps apart from the others."""

    def listed(answer: list[Json]) -> list[Json]:
        return _listed(answer, client.last_json_response)

    positions = listed(client.fetch_positions())
    orders = listed(client.fetch_open_orders())
    return positions, orders, listed(client.fetch_open_orders(params={"trigger": True}))


def _ask_bybit(client: Any) -> tuple[list[Json], list[Json], list[Json]]:
    """Every settle coin by itself; stops come with the other orders."""
    positions: list[Json] = []
    orders: list[Json] = []
    for coin in SETTLE_COINS:
        positions += _pages(client, client.fetch_positions, {"settleCoin": coin, "limit": 200})
        orders += _pages(client, client.fetch_open_orders, {"settleCoin": coin, "limit": 50})
    return positions, orders, []


def _pages(client: Any, fetch: Callable[..., list[Json]], params: Json) -> list[Json]:
    """All pages of an answer; ccxt's own way of turning them needs a time to begin with, which there is not."""
    found: list[Json] = []
    cursor = None
    for _ in range(PAGES_MAX):
        page = fetch(params=params if cursor is None else {**params, "cursor": cursor})
        found += _listed(page, client.last_json_response["result"]["list"])
        cursor = next((entry["info"]["nextPageCursor"] for entry in page if entry["info"].get("nextPageCursor")), None)
        if cursor is None:
            return found
    raise ValueError(f"there is no end after {PAGES_MAX} pages")


def _listed(answer: list[Json], said: object) -> list[Json]:
    """What ccxt made of an answer, if that was a list: of anything else it makes an empty one, which would be I-29."""
    if not isinstance(said, list):
        raise ValueError(f"it answered {str(said)[:80]}, which is no list")
    return answer


_ASK: Final = {"binance": _ask_binance, "bybit": _ask_bybit}
