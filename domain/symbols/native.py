"""The table of exchange spellings, each with ccxt's symbol for it; the first line that matches counts.

A line is a pattern and its meaning. In a pattern `~` is one of `-`, `_` and `.`; `{base}` and `{quote}` are assets,
`{coin}` is an asset without a quote, `{stable}` a quote that the contract is also settled in, `{money}` a base that is
a currency itself, `{dollar}` a quote that ends in USD and cannot be taken for the end of a coin's name before it,
`{perp}` a word for a perpetual, `{date}` an expiry, `{option}` a strike with C or P. Small letters in a pattern match
small letters only.
"""

from __future__ import annotations

from typing import Final

Lines = tuple[tuple[str, str], ...]

_COIN_MARGINED: Final[Lines] = (
    ("{base}~?USD~{perp}", "{base}/USD:{base}"),
    ("{base}~?USD~?{date}{option}?", "{base}/USD:{base}-{date}{option}"),
)
_COIN_MARGINED_ALWAYS: Final[Lines] = (
    *_COIN_MARGINED,
    ("{base}{dollar}", "{base}/{quote}"),
    ("{money}~?USD", "{base}/USD"),
    ("{base}~?USD", "{base}/USD:{base}"),
)
"""Where what is quoted in plain dollars is settled in its base, unless it is on the spot leg."""
_IN_DOLLARS: Final[Lines] = (
    ("{base}~?USD~{perp}", "{base}/USD:USD"),
    ("{base}~?USD~{date}{option}?", "{base}/USD:USD-{date}{option}"),
)
_OF_BINANCE: Final[Lines] = (*_COIN_MARGINED, ("{coin}-{date}{option}", "{base}/USDT:USDT-{date}{option}"))
_OF_BYBIT: Final[Lines] = (
    ("{coin}PERP", "{base}/USDC:USDC"),
    ("{coin}-{date}{option}-{stable}", "{base}/{quote}:{quote}-{date}{option}"),
    ("{coin}-{date}{option}?", "{base}/USDC:USDC-{date}{option}"),
    *_COIN_MARGINED_ALWAYS,
)
_OF_DERIBIT: Final[Lines] = (
    ("{coin}-PERPETUAL", "{base}/USD:{base}"),
    ("{coin}-{date}{option}?", "{base}/USD:{base}-{date}{option}"),
)
_OF_KRAKEN: Final[Lines] = (
    ("PF_{base}USD", "{base}/USD:USD"),
    ("PI_{base}USD", "{base}/USD:{base}"),
    ("FF_{base}USD_{date}", "{base}/USD:USD-{date}"),
    ("FI_{base}USD_{date}", "{base}/USD:{base}-{date}"),
    ("X(?P<base>[A-Z]{3})[XZ](?P<quote>[A-Z]{3})", "{base}/{quote}"),
    ("(?P<base>XBT|XDG){quote}", "{base}/{quote}"),
    ("{base}XBT", "{base}/XBT"),
)
_OF_USDC: Final[Lines] = (
    ("{coin}~{perp}", "{base}/USDC:USDC"),
    ("{coin}~USD(?:~{perp})?", "{base}/USDC:USDC"),
    ("{coin}-{date}{option}", "{base}/USDC:USDC-{date}{option}"),
)
"""Contracts that are settled in USDC, and name their quote USD or not at all."""
COLLATERAL: Final = {"XYZ": "USDC", "HYNA": "USDE", "CASH": "USDT0", **dict.fromkeys(("FLX", "KM", "VNTL"), "USDH")}
"""What the markets of other deployers at Hyperliquid are settled in, which their names, `xyz:TSLA`, do not say."""
_QUOTE_FIRST: Final[Lines] = (("{quote}-{base}", "{base}/{quote}"),)

NATIVE: Final[dict[str, Lines]] = {
    **dict.fromkeys(("binance", "binanceus", "aster"), _OF_BINANCE),
    **dict.fromkeys(("bingx", "coinex", "gate", "gateeu", "mexc", "xt"), _COIN_MARGINED_ALWAYS),
    "bitbns": (("{coin}", "{base}/INR"),),
    "bitfinex": (
        ("t{base}F0:(?:UST|USDT)F0", "{base}/USDT:USDT"),
        ("t{base}:?UST", "{base}/USDT"),
        ("t{base}:?{quote}", "{base}/{quote}"),
    ),
    "bitflyer": (("FX_{base}_{quote}", "{base}/{quote}:{quote}"), ("{base}JPY{date}", "{base}/JPY:JPY-{date}")),
    "bitget": (
        ("{coin}PERP(?:_CMCBL)?", "{base}/USDC:USDC"),
        ("{base}USD_DMCBL", "{base}/USD:{base}"),
        ("{base}{stable}_(?:UMCBL|SPBL)", "{base}/{quote}"),
        *_COIN_MARGINED_ALWAYS,
    ),
    "bithumb": _QUOTE_FIRST,
    "bitmex": (
        ("XBT{stable}", "XBT/{quote}:{quote}"),
        ("{base}{stable}{date}", "{base}/{quote}:{quote}-{date}"),
        ("XBT~?USD(?:~{perp})?", "XBT/USD:XBT"),
        ("{base}USD_(?P<quote>[A-Z]+)", "{base}/USD:{quote}"),
        ("{base}USD(?:~{perp})?", "{base}/USD:XBT"),
        ("{base}USD{date}", "{base}/USD:XBT-{date}"),
        ("XBT{date}", "XBT/USD:XBT-{date}"),
        ("{coin}{date}", "{base}/XBT:XBT-{date}"),
    ),
    "bitrue": (("H-{base}-{stable}", "{base}/{quote}:{quote}"),),
    **dict.fromkeys(("bybit", "bybiteu", "bybitid"), _OF_BYBIT),
    "bitstamp": (("{base}/USD-PERP", "{base}/USD:USD"), *_IN_DOLLARS),
    "coinbase": (("{coin}-PERP-INTX", "{base}/USDC:USDC"), ("BIT-{date}-CDE", "BTC/USD:USD-{date}")),
    "coinbaseinternational": (("{coin}-PERP", "{base}/USDC:USDC"), *_OF_DERIBIT),
    "cryptocom": (
        *_IN_DOLLARS,
        (r"{base}USD-{date}-(?P<kind>[CP])W(?P<strike>\d+)", "{base}/USD:USD-{date}-{strike}-{kind}"),
    ),
    "delta": _IN_DOLLARS,
    "deribit": _OF_DERIBIT,
    "derive": _OF_USDC,
    "digifinex": (("{base}{stable}PERP", "{base}/{quote}:{quote}"),),
    **dict.fromkeys(("dydx", "extended"), _OF_USDC),
    "gemini": (("{base}{stable}PERP", "{base}/{quote}:{quote}"),),
    "htx": (("{coin}{date}", "{base}/USD:{base}-{date}"), *_COIN_MARGINED_ALWAYS),
    "hyperliquid": (
        *((f"{dex}:{{base}}", f"{dex}-{{base}}/{token}:{token}") for dex, token in COLLATERAL.items()),
        ("{coin}", "{base}/USDC:USDC"),
        *_OF_USDC,
    ),
    **dict.fromkeys(("kraken", "krakenfutures"), _OF_KRAKEN),
    "kucoin": (
        ("{base}{stable}M", "{base}/{quote}:{quote}"),
        ("{base}USDM", "{base}/USD:{base}"),
        ("{coin}M{date}", "{base}/USD:{base}-{date}"),
        *_COIN_MARGINED,
    ),
    "luno": (("{base}XBT", "{base}/XBT"), ("XBT{quote}", "XBT/{quote}")),
    "mercado": (("BRL{base}", "{base}/BRL"),),
    **dict.fromkeys(("okx", "okxus", "myokx", "blofin", "deepcoin"), _COIN_MARGINED),
    "pacifica": (("{coin}", "{base}/USDC:USDC"), *_OF_USDC),
    "paradex": (
        ("{base}-USD-PERP", "{base}/USD:USDC"),
        ("{base}-USD{option}", "{base}/USD:USDC{option}"),
    ),
    "phemex": (
        ("c{base}USD", "{base}/USD:{base}"),
        ("[su]{base}{quote}", "{base}/{quote}"),
        ("BTCUSD", "BTC/USD:BTC"),
    ),
    "upbit": _QUOTE_FIRST,
    "vertex": _OF_USDC,
    "whitebit": (("{coin}_PERP", "{base}/USDT:USDT"),),
}
"""Spellings that depend on the exchange; `OF_ALL` has those that are the same everywhere."""

OF_ALL: Final[Lines] = (
    ("{base}[~/]?{stable}~{perp}", "{base}/{quote}:{quote}"),
    ("{base}~{perp}~{stable}", "{base}/{quote}:{quote}"),
    ("PERP_{base}_{stable}", "{base}/{quote}:{quote}"),
    ("{base}~{stable}~{date}{option}?", "{base}/{quote}:{quote}-{date}{option}"),
    ("{base}~{date}{option}?~{stable}", "{base}/{quote}:{quote}-{date}{option}"),
    ("(?:SPOT_)?{base}~{quote}", "{base}/{quote}"),
)

ASSETS: Final[dict[str, dict[str, str]]] = {"kraken": {"XDG": "DOGE"}, "bitfinex": {"UST": "USDT"}}
"""Assets that an exchange has its own name for; XBT is BTC everywhere."""
