"""The canonical spelling of a symbol."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final, Self

from domain.symbols.letter_case import capitals
from domain.symbols.market import ASSET, Market, fits, market_of, name_of, readings
from domain.symbols.native import COLLATERAL
from domain.symbols.venues import known_venue, normalized_exchange
from domain.values import Leg

_OWN = re.compile(rf"@?{ASSET}{{1,30}}(?:[-._]{ASSET}{{1,30}}){{0,5}}", re.ASCII)
"""The name of an instrument that is not a pair: BRK.B."""
_BEFORE = re.compile(r"(?P<venue>[A-Za-z][A-Za-z0-9_]*):(?P<symbol>[^/:]+)", re.ASCII)
_BEHIND = re.compile(r"(?P<symbol>[^/:]+)\.(?P<venue>[A-Za-z][A-Za-z0-9_]*)", re.ASCII)
_OF_DEPLOYERS: Final = "hyperliquid"
_DEPLOYED = re.compile(r"[A-Za-z0-9]{1,10}:[A-Za-z0-9]{1,30}", re.ASCII)
"""The name of a market of another deployer at Hyperliquid."""
_SPELLINGS_MAX: Final = 10_000


class Symbol(str):
    """A symbol in its canonical spelling, with the quote that it was written with, if it was written as a pair."""

    quote: str | None

    def __new__(cls, name: str, quote: str | None = None) -> Self:
        """Keep both."""
        self = super().__new__(cls, name)
        self.quote = quote
        return self


def normalized_symbol(symbol: object, exchange: str | None = None, leg: Leg = Leg.BOTH) -> Symbol:
    """Convert a symbol to its canonical spelling on a leg.

    Shape:   `FXSUSDT` for `FXS/USDT:USDT`, `fxs/usdt`, `FXSUSDT` and the exchange's own spellings; an expiry or strike
             is appended (`BTCUSDT-251226`). ccxt's form is kept for a settle currency other than the quote
             (`BTC/USD:BTC`), and for a pair whose short form means another one (`BTC/USD` where `BTCUSD` is settled in
             BTC). On the spot leg it is a pair, whatever it is settled in elsewhere. A name that is not a pair for
             certain is kept, in capitals.
    Refuses: ValueError for anything else, and for a symbol that names another exchange.
    """
    if not isinstance(symbol, str):
        raise ValueError(f"symbol {symbol!r} is not text")
    return symbol if isinstance(symbol, Symbol) else _one_spelling(symbol, exchange, leg is Leg.SPOT)


def written_symbol(symbol: object) -> str:
    """Refuse what is no symbol at any exchange; what it stands for depends on the exchange. Refuses: ValueError."""
    normalized_symbol(symbol)
    assert isinstance(symbol, str), "else it is refused"
    return symbol


def means(written: str, symbol: str, exchange: str, leg: Leg) -> bool:
    """Whether a spelling stands for this symbol on a leg at an exchange; a canonical symbol also stands for itself."""
    return symbol in (normalized_symbol(written, normalized_exchange(exchange), leg), capitals(written.strip()))


def inverse_once(symbol: str, exchange: str, leg: Leg) -> str | None:
    """The inverse contract that earlier versions took a symbol for, which is read as a pair today; None for any other.

    Shape: it was read by the end of its name alone: `XRPRL/USD:XRPRL` for `XRPRLUSD`, and `BTC/USD:BTC` for `BTCUSD` on
           the spot leg.
    """
    text = _without_venue(symbol.strip(), exchange)
    there = [market for market in readings(text, exchange) if not market.terms]
    is_pair = leg is Leg.SPOT or (bool(there) and there[0].is_plain)
    return next((market.unified for market in there if is_pair and market.settle == market.base), None)


@lru_cache(maxsize=_SPELLINGS_MAX)
def _one_spelling(symbol: str, exchange: str | None, is_spot: bool) -> Symbol:  # noqa: FBT001 - part of the key of the cache
    text = _without_venue(symbol.strip(), exchange)
    if market := market_of(text, exchange):
        if is_spot and not market.terms:
            market = replace(market, settle=None)
        return Symbol(_short(market, exchange), market.quote)
    name = name_of(text) or (capitals(text) if fits(_OWN, capitals(text)) else None)
    if name is None and exchange in (None, _OF_DEPLOYERS) and _DEPLOYED.fullmatch(text):
        deployer, _, base = capitals(text).partition(":")
        settle, where = COLLATERAL.get(deployer, "USDC"), "" if deployer in COLLATERAL else " where that is USDC"
        raise ValueError(
            f"symbol {symbol[:80]!r} does not say what it is settled in; if it is one of Hyperliquid, write it as ccxt "
            f"does, {deployer}-{base}/{settle}:{settle}{where}"
        )
    if name is None:
        raise ValueError(
            f"symbol {symbol[:80]!r} is not a symbol; write it as the exchange does (FXSUSDT) or as ccxt does "
            "(FXS/USDT:USDT)"
        )
    return Symbol(name)


def _short(market: Market, exchange: str | None) -> str:
    """The form without a slash, if that cannot be taken for another market."""
    glued = market.glued
    if glued is None:
        return market.unified
    return glued if all(each.is_plain and each.glued == glued for each in readings(glued, exchange)) else market.unified


def _without_venue(text: str, exchange: str | None) -> str:
    """Strip the exchange that charts put before a symbol, and frameworks after it: BYBIT:BTCUSDT, BTCUSDT.BYBIT."""
    match = _BEFORE.fullmatch(text) or _BEHIND.fullmatch(text)
    venue = match and known_venue(match["venue"])
    if not match or not venue:
        return text
    if exchange is not None and venue != exchange:
        raise ValueError(f"symbol {text[:80]!r} is one of {venue}, not of {exchange}; name the exchange that it is of")
    return match["symbol"]
