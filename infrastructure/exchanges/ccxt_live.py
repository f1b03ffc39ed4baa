"""Taking a snapshot from the exchange itself through ccxt: only reading, with keys that are never shown."""

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
from infrastructure.exchanges.ccxt_answers import snapshot_document
from infrastructure.exchanges.client_calls import UNREADABLE
from infrastructure.ledger_clock import now
from infrastructure.loopback import is_this_machine
from infrastructure.secret_words import masked

CLASSES: Final = {
    "binance": "binanceusdm",
    "bybit": "bybit",
    "okx": "okx",
    "krakenfutures": "krakenfutures",
    "hyperliquid": "hyperliquid",
}
"""The exchanges that can be asked, with ccxt's names: for Binance USD-M futures, for Bybit linear contracts."""

_KEYS: Final = {
    "okx": {"API_KEY": "apiKey", "SECRET": "secret", "PASSPHRASE": "password"},
    "hyperliquid": {"WALLET": "walletAddress"},
}
_USUAL_KEYS: Final = {"API_KEY": "apiKey", "SECRET": "secret"}
"""The names of an exchange's keys in environment variables, and ccxt's names for them."""

TIMEOUT_MS: Final = 10_000

OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "binance": {"leverageBrackets": {}, "fetchOpenOrders": {"warnWithoutSymbol": False}},
    "bybit": {"fetchMarkets": {"types": ["linear"]}, "defaultType": "swap", "defaultSubType": "linear"},
}
"""Options that keep ccxt from calls that are not needed here."""


_QUERY = re.compile(r"\?\S+")


class ExchangeUnavailable(LedgerError):
    """The exchange did not answer, or not as expected; that says nothing about positions."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The exchange to ask, and the account and keys to use.

    `url` replaces the exchange's own address, for a test network.
    """

    exchange: str
    account: str | None
    keys: Mapping[str, str] = field(repr=False)
    """The keys by ccxt's names."""
    url: str | None = None

    @classmethod
    def of(cls, exchange: str, account: str | None, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the keys from the environment: LEDGER_BINANCE_API_KEY, LEDGER_BINANCE_SECRET, LEDGER_BINANCE_URL.

        Refuses: ValueError for an exchange that cannot be asked, a missing key, an address without encryption.
        """
        url = _address(exchange, environment, "--snapshot")
        prefix = f"LEDGER_{exchange.upper()}"
        names = {f"{prefix}_{name}": called for name, called in _KEYS.get(exchange, _USUAL_KEYS).items()}
        if missing := [name for name in names if not environment.get(name, "").strip()]:
            raise ValueError(f"to ask {exchange}, set {' and '.join(missing)}; a key that may only read is enough")
        return cls(exchange, account, {called: environment[name].strip() for name, called in names.items()}, url)

    @classmethod
    def by_nobody(cls, exchange: str) -> Self:
        """For public calls, without keys. Refuses: ValueError as `of`."""
        return cls(exchange, None, {}, _address(exchange, os.environ, "--from"))

    def clean(self, words: str) -> str:
        """A message of ccxt without keys, and without URL queries, which hold signatures."""
        return _QUERY.sub("?…", masked(words, self.keys.values(), "…"))


def _address(exchange: str, environment: Mapping[str, str], instead: str) -> str | None:
    if exchange not in CLASSES:
        *others, last = CLASSES
        known = f"{', '.join(others)} and {last}"
        raise ValueError(f"only {known} can be asked, not {exchange}; name a file with {instead}")
    name = f"LEDGER_{exchange.upper()}_URL"
    url = environment.get(name) or None
    if url is not None and urlsplit(url).scheme != "https" and not is_this_machine(urlsplit(url).hostname or ""):
        raise ValueError(f"{name} is not an https address, and keys are not sent in the clear")
    return url


def fetch_document(asked: Asked, *, with_balances: bool = False) -> bytes:
    """Ask for all positions and all resting orders, page by page: a snapshot in the format of a file.

    Shape:   its time is that of the first call, so that no answer is older.
    Refuses: ExchangeUnavailable when any of the answers is missing; ValueError when ccxt is not installed.
    """
    taken_at = now()
    return _answered(
        asked,
        lambda client: snapshot_document(
            client,
            exchange=asked.exchange,
            account=asked.account,
            with_balances=with_balances,
            taken_at=taken_at,
        ),
    )


def fetch_markets(asked: Asked) -> bytes:
    """Ask for the list of markets, as the JSON of ccxt's `load_markets()`. Refuses as `fetch_document` does."""
    return _answered(asked, lambda client: json.dumps(client.load_markets(), default=str).encode())


def _answered(asked: Asked, ask: Callable[[Any], bytes]) -> bytes:
    try:
        ccxt = import_module("ccxt")  # an optional extra, and slow to import
    except ImportError:
        raise ValueError("to ask an exchange, ccxt is needed: pip install ccxt") from None
    try:
        return ask(_client(ccxt, asked))
    except (ccxt.BaseError, *UNREADABLE) as wrong:
        words = asked.clean(f"{type(wrong).__name__}: {wrong}")
        raise ExchangeUnavailable(f"{asked.exchange} could not be asked, so nothing is known: {words[:500]}") from None


def _client(ccxt: Any, asked: Asked) -> Any:
    client = getattr(ccxt, CLASSES[asked.exchange])(
        {
            **asked.keys,
            "timeout": TIMEOUT_MS,
            "enableRateLimit": False,  # there are few calls; if the exchange refuses them, nothing is lost
            "options": OPTIONS.get(asked.exchange, {}),
        }
    )
    client.number = str  # as the exchange wrote it, never through a float
    client.has["fetchCurrencies"] = False
    if asked.url is not None:
        base = asked.url.rstrip("/")
        client.urls["api"] = {name: base + urlsplit(url).path for name, url in client.urls["api"].items()}
    return client
