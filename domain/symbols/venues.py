"""The one name of an exchange, where libraries, frameworks and charts have several for it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

EXCHANGE = re.compile("[a-z][a-z0-9_-]{0,39}")
_FRAMEWORK = re.compile("(.+?)[_-](?:perpetual|futures|spot|linear|inverse|usdm|coinm)")
_NAMES_MAX: Final = 1_000

_ALIASES: Final = {
    **dict.fromkeys(("binanceusdm", "binancecoinm"), "binance"),
    **dict.fromkeys(("gateio", "gate.io", "gate_io", "gate-io"), "gate"),
    **dict.fromkeys(("huobi", "huobipro"), "htx"),
    **dict.fromkeys(("okex", "okex5"), "okx"),
    **dict.fromkeys(("kucoinfutures", "kucoin_futures"), "kucoin"),
    **dict.fromkeys(("crypto.com", "crypto_com"), "cryptocom"),
    "coinbaseadvanced": "coinbase",
    "coinbase_international": "coinbaseinternational",
    "interactivebrokers": "ibkr",
}
"""Names that are another name of a venue."""

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
"""Exchanges that are known by name; any other name is taken too."""


@lru_cache(maxsize=_NAMES_MAX)
def _one_name(written: str) -> str | None:
    text = written.strip().lower()
    text = _ALIASES.get(text, text)
    if match := _FRAMEWORK.fullmatch(text):
        venue = _ALIASES.get(match[1], match[1])
        text = venue if venue in KNOWN else text
    return text if EXCHANGE.fullmatch(text) else None


def normalized_exchange(exchange: object) -> str:
    """Give an exchange its one name: trimmed, lower case, `binance` for `binanceusdm`, `gate` for `GATE.IO`.

    Refuses: ValueError for anything that is not such a name.
    """
    name = _one_name(exchange) if isinstance(exchange, str) else None
    if name is None:
        raise ValueError(f"exchange {exchange!r:.80} is not a name like 'binance'")
    return name


def known_venue(written: str) -> str | None:
    """The venue that a word names; None for a word that names none which is known."""
    name = _one_name(written)
    return name if name in KNOWN else None
