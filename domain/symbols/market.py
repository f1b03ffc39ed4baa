"""What a spelling means: the parts of an instrument, read by ccxt's grammar or by the table of the exchanges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from domain.symbols.expiry import DATE, STRIKE, expiry_of, strike_of
from domain.symbols.native import ASSETS, NATIVE, OF_ALL

ASSET: Final = r"[^\x00-/:-@\[-\x7f]"
"""A letter of an asset, in a text that `fits` looks at: what is no ASCII is Chinese there, and need not be spelled out.

A range of all Chinese characters takes Python 3.11 a millisecond to compile, each time that it stands in a pattern.
"""
_WORD: Final = f"{ASSET}{{1,30}}"
_BASE = re.compile(_WORD, re.ASCII)
_TERMS: Final = rf"(?:-(?P<date>{DATE}))?(?:-(?P<strike>{STRIKE})-(?P<kind>[CP]))?"
_UNIFIED = re.compile(
    rf"(?P<base>{_WORD}(?:[-._]{_WORD})?)/(?P<quote>{_WORD})(?::(?P<settle>{_WORD}){_TERMS})?", re.ASCII
)
_GLUED = re.compile(rf"(?P<name>{_WORD})(?:[-_](?P<date>{DATE})(?:-(?P<strike>{STRIKE})-(?P<kind>[CP]))?)?", re.ASCII)
_STABLE: Final = "USDT|USDC|FDUSD|USDE|USD1|GUSD|EUR|JPY"
_QUOTE: Final = (
    f"{_STABLE}|USD|BUSD|TUSD|PYUSD|RLUSD|USDS|DAI|BTC|XBT|ETH|BNB|GBP|TRY|BRL|KRW|AUD|CAD|CHF|NZD|SGD|HKD|MXN|INR|IDR|"
    "TWD|THB|PHP|ZAR|PLN|RUB|UAH|NIS|ILS"
)
_COIN: Final = f"(?!{ASSET}+(?:USDT|USDC|USD)(?!{ASSET}))(?=[0-9]*(?![0-9]){ASSET}){ASSET}{{1,30}}?"
_MEANS: Final = {
    "base": f"(?P<base>{ASSET}{{1,30}}?)",
    "coin": f"(?P<base>{_COIN})",
    "quote": f"(?P<quote>{_QUOTE})",
    "stable": f"(?P<quote>{_STABLE})",
    "perp": "(?:SWAP|PERP|PERPETUAL|P)",
    "date": f"(?P<date>{DATE})",
    "option": f"(?P<option>-(?:{STRIKE})-[CP])",
}


@dataclass(frozen=True, slots=True)
class Market:
    """The parts of an instrument as ccxt names them; `terms` are its expiry and strike, `settle` is none for spot."""

    base: str
    quote: str
    settle: str | None = None
    terms: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether base and quote say all: spot, or settled in the quote."""
        return self.settle in (None, self.quote)

    @property
    def unified(self) -> str:
        """As ccxt writes it, without a settle currency that the quote says already."""
        settle = "" if self.is_plain and not self.terms else f":{self.settle}"
        return f"{self.base}/{self.quote}{settle}{self.terms}"

    @property
    def glued(self) -> str | None:
        """As most exchanges write it; None where that would not say all, or not say where a part ends."""
        return f"{self.base}{self.quote}{self.terms}" if self.is_plain and fits(_BASE, self.base) else None


def fits(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Match all of a text with a pattern of assets: exchanges list Chinese names; look-alikes of others stay out."""
    return pattern.fullmatch(text) if text.isascii() or all(map(_may_be_written, text)) else None


def _may_be_written(character: str) -> bool:
    return character.isascii() or "\u4e00" <= character <= "\u9fff"


def market_of(text: str, exchange: str | None) -> Market | None:
    """Read a spelling; None for one that says no pair for certain.

    Refuses: ValueError for an expiry or a strike that is none.
    """
    if unified := fits(_UNIFIED, text.upper()):
        return _market(unified, text, exchange)
    for pattern, meaning, is_cased in (*_compiled(exchange), *_compiled(None)):
        if match := fits(pattern, text if is_cased else text.upper()):
            parts = {name: found or "" for name, found in match.groupdict().items()}
            said = fits(_UNIFIED, meaning.format(**{"option": ""} | parts))
            assert said is not None, "every meaning in the table is ccxt's spelling"
            return _market(said, text, exchange)
    return None


def plain_name(text: str) -> str | None:
    """Read a spelling as every exchange would mean the same by it, as keys were read before there was a table.

    Refuses: ValueError for an expiry or a strike that is none.
    """
    match = fits(_UNIFIED, text.upper())
    if match is None:
        return name_of(text)
    market = Market(match["base"], match["quote"], match["settle"], _terms(match, text))
    return market.glued or market.unified


def name_of(text: str) -> str | None:
    """Read an exchange's own name that says no more than its expiry and strike; None for anything else.

    Refuses: ValueError for an expiry or a strike that is none.
    """
    match = fits(_GLUED, text.upper())
    return None if match is None else match["name"] + _terms(match, text)


def _market(match: re.Match[str], text: str, exchange: str | None) -> Market:
    own = ASSETS.get(exchange or "", {})

    def asset(name: str) -> str:
        return own.get(name, "BTC" if name == "XBT" else name)

    settle = match["settle"] and asset(match["settle"])
    return Market(asset(match["base"]), asset(match["quote"]), settle, _terms(match, text))


def _terms(match: re.Match[str], symbol: str) -> str:
    expiry = f"-{expiry_of(match['date'], symbol)}" if match["date"] else ""
    return expiry + (f"-{strike_of(match['strike'], symbol)}-{match['kind']}" if match["strike"] else "")


@cache
def _compiled(exchange: str | None) -> tuple[tuple[re.Pattern[str], str, bool], ...]:
    """The lines of an exchange, or of all; whether a line means small letters as such."""
    lines = OF_ALL if exchange is None else NATIVE.get(exchange, ())
    return tuple((_pattern(written), meaning, _is_cased(written)) for written, meaning in lines)


def _is_cased(written: str) -> bool:
    return re.search("[a-z]", re.sub(r"\{\w+\}|\(\?P<\w+>|\\d", "", written)) is not None


def _pattern(written: str) -> re.Pattern[str]:
    text = written.replace("[~", "[-_.").replace("~", "[-_.]")
    for name, means in _MEANS.items():
        text = text.replace(f"{{{name}}}", means)
    return re.compile(text, re.ASCII)
