"""The canonical name of an exchange, for the several that libraries, frameworks and charts use."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from domain.symbols.letter_case import small_letters

EXCHANGE = re.compile("[a-z][a-z0-9_-]{0,39}")
_FRAMEWORK = re.compile("(.+?)[_-](?:perpetual|futures|spot|linear|inverse|usdm|coinm)")
_WORDS = re.compile("[a-z0-9.]+(?:[_-][a-z0-9.]+)*")
_BETWEEN_WORDS = re.compile("[_-]")
_NAMES_MAX: Final = 1_000

_ALIASES: Final = {
    **dict.fromkeys(("binanceusdm", "binancecoinm"), "binance"),
    **dict.fromkeys(("huobi", "huobipro"), "htx"),
    **dict.fromkeys(("okex", "okex5"), "okx"),
    **dict.fromkeys(("coinbaseadvanced", "coinbaseadvancedtrade"), "coinbase"),
    **dict.fromkeys(("gateio", "gate.io"), "gate"),
    "crypto.com": "cryptocom",
    "kucoinfutures": "kucoin",
    "dydxv4": "dydx",
    "bitfinex2": "bitfinex",
    "interactivebrokers": "ibkr",
}
"""Other names of venues, written without separators."""

_NAMES: Final = """
alpaca apex arkham ascendex aster backpack bequant bigone binance binanceus bingx bit2c bitbank bitbns bitfinex
bitflyer bitget bithumb bitmart bitmex bitopro bitrue bitso bitstamp bitteam bittrade bitvavo blockchaincom blofin
btcalpha btcbox btcmarkets btcturk btse bullish bybit bybiteu bybitid bydfi cex coinbase coinbaseexchange
coinbaseinternational coincatch coincheck coinex coinmate coinmetro coinone coinsph coinspot cryptocom cryptomus
deepcoin defx delta deribit derive digifinex drift dydx exmo extended fmfwio foxbit gate gateeu gemini grvt hashkey
hibachi hitbtc hollaex htx hyperliquid ibkr independentreserve indodax kalshi kraken krakenfutures kucoin kucoineu
latoken lbank lighter luno mercado mexc modetrade mudrex myokx nado ndax novadax oanda okx okxus onetrading oxfun p2b
pacifica paradex paymium phemex poloniex polymarket probit revolutx timex tokocrypto toobit upbit vertex wavesexchange
weex whitebit woo woofipro xt yobit zaif zebpay zonda
"""
KNOWN: Final = frozenset(_NAMES.split())
"""Exchanges that are known by name; any other name is accepted, too."""


@lru_cache(maxsize=_NAMES_MAX)
def _one_name(written: str) -> str | None:
    text = small_letters(written.strip())
    match = _FRAMEWORK.fullmatch(text)
    venue = _venue(text) or (_venue(match[1]) if match else None)
    return venue or (text if EXCHANGE.fullmatch(text) else None)


def _venue(text: str) -> str | None:
    """The known venue of a name, with or without separators: frameworks write `binance_us` for `binanceus`."""
    if _WORDS.fullmatch(text) is None:
        return None
    name = _BETWEEN_WORDS.sub("", text)
    name = _ALIASES.get(name, name)
    return name if name in KNOWN else None


def normalized_exchange(exchange: object) -> str:
    """Convert the name of an exchange to its canonical form: `binance` for `binanceusdm`, `gate` for `GATE.IO`.

    Refuses: ValueError for anything that is not a name of letters, digits, `_` and `-`.
    """
    name = _one_name(exchange) if isinstance(exchange, str) else None
    if name is None:
        raise ValueError(f"exchange {exchange!r:.80} is not a name like 'binance'")
    return name


def known_venue(written: str) -> str | None:
    """The known venue that a word names; None for any other word."""
    name = _one_name(written)
    return name if name in KNOWN else None
