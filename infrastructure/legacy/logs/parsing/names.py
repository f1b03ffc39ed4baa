"""Symbols and exchanges as messages write them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from domain.symbols.spelling import normalized_symbol
from domain.symbols.venues import normalized_exchange

_QUOTES: Final = ("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USD")
_QUOTED: Final = "|".join(_QUOTES)
SYMBOL: Final = r"[0-9A-Za-z\u4e00-\u9fff]{1,30}(?:[/_-][0-9A-Za-z]{1,15}(?::[0-9A-Za-z]{1,15})?)?(?:-\d{6})?"
"""A symbol within the pattern of a message: PERPUSDT, ORBS/USDT:USDT."""

_MENTIONED: Final = re.compile(
    rf"(?<![0-9A-Za-z/])([0-9A-Z\u4e00-\u9fff]{{1,30}}/[A-Z]{{3,5}}(?::[A-Z]{{3,5}})?|"
    rf"[0-9A-Z\u4e00-\u9fff]{{1,30}}(?:{_QUOTED}))(?![0-9A-Za-z/])"
)
_EXCHANGE_NAMED: Final = re.compile(r"\bexchange['\"]?\s*[:=]\s*['\"]?([A-Za-z][\w-]{1,39})", re.IGNORECASE)
_EXCHANGES: Final = re.compile(
    r"\b(binance|bybit|okx|bitget|kucoin|gateio|mexc|htx|kraken|bingx|hyperliquid)\b", re.IGNORECASE
)


@lru_cache(4096)
def symbol(written: str | None) -> str | None:
    """A symbol in its normal spelling; None for what is none."""
    try:
        return normalized_symbol((written or "").strip(" .,:;!()'\"").replace("_", "/"))
    except ValueError:
        return None


@lru_cache(256)
def exchange(written: str | None) -> str | None:
    """The name of an exchange in its normal spelling; None for what is none."""
    try:
        return normalized_exchange((written or "").strip(" .,:;!()'\""))
    except ValueError:
        return None


def mentioned_symbol(text: str) -> str | None:
    """The first word of a message that looks like a symbol quoted in dollars."""
    return next((known for found in _MENTIONED.findall(text) if (known := symbol(found))), None)


def mentioned_exchange(text: str) -> str | None:
    """The exchange that a message names; None when it names none, or several."""
    if named := _EXCHANGE_NAMED.search(text):
        return exchange(named[1])
    found = {exchange(name) for name in _EXCHANGES.findall(text)}
    return found.pop() if len(found) == 1 else None


@lru_cache(512)
def mentions(known: str) -> re.Pattern[bytes]:
    """The pattern that finds a symbol in a line, in any spelling."""
    quote = next((quote for quote in _QUOTES if known.endswith(quote) and known != quote), "")
    base = known.removesuffix(quote) if quote else known
    return re.compile(
        b"(?<![0-9A-Za-z])%b[/_-]?%b(?![0-9A-Za-z])" % (re.escape(base.encode()), re.escape(quote.encode()))
    )
