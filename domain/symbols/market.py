"""Parsing a symbol into the parts of an instrument, by ccxt's grammar or by the table of exchange spellings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from domain.symbols.expiry import DATE, STRIKE, expiry_of, strike_of
from domain.symbols.letter_case import capitals
from domain.symbols.native import ASSETS, NATIVE, OF_ALL

ASSET: Final = r"[^\x00-/:-@\[-\x7f]"
"""A character of an asset, in a text that `fits` has checked: there a character beyond ASCII is a Chinese one.

A range of all Chinese characters would take Python 3.11 a millisecond to compile, each time that a pattern has it.
"""
_WORD: Final = f"{ASSET}{{1,30}}"
_BASE = re.compile(_WORD, re.ASCII)
_TERMS: Final = rf"(?:-(?P<date>{DATE}))?(?:-(?P<strike>{STRIKE})-(?P<kind>[CP]))?"
_UNIFIED = re.compile(
    rf"(?P<base>{_WORD}(?:[-._]{_WORD})?)/(?P<quote>{_WORD})(?::(?P<settle>{_WORD}){_TERMS})?", re.ASCII
)
_GLUED = re.compile(rf"(?P<name>{_WORD})(?:[-_](?P<date>{DATE})(?:-(?P<strike>{STRIKE})-(?P<kind>[CP]))?)?", re.ASCII)
_STABLE: Final = "USDT|USDC|FDUSD|USDE|USD1|GUSD|EUR|JPY"
_DOLLAR: Final = "FDUSD|PYUSD|RLUSD"
_MONEY: Final = (
    f"{_STABLE}|BUSD|TUSD|PYUSD|RLUSD|USDS|DAI|GBP|TRY|BRL|KRW|AUD|CAD|CHF|NZD|SGD|HKD|MXN|INR|IDR|TWD|THB|PHP|ZAR|PLN|"
    "RUB|UAH|NIS|ILS"
)
_QUOTE: Final = f"{_MONEY}|USD|BTC|XBT|ETH|BNB"
_COIN: Final = f"(?!{ASSET}+(?:USDT|USDC|USD)(?!{ASSET}))(?=[0-9]*(?![0-9]){ASSET}){ASSET}{{1,30}}?"
_MEANS: Final = {
    "base": f"(?P<base>{ASSET}{{1,30}}?)",
    "coin": f"(?P<base>{_COIN})",
    "quote": f"(?P<quote>{_QUOTE})",
    "money": f"(?P<base>{_MONEY})",
    "dollar": f"(?P<quote>{_DOLLAR})",
    "stable": f"(?P<quote>{_STABLE})",
    "perp": "(?:SWAP|PERP|PERPETUAL|P)",
    "date": f"(?P<date>{DATE})",
    "option": f"(?P<option>-(?:{STRIKE})-[CP])",
}


@dataclass(frozen=True, slots=True)
class Market:
    """The parts of an instrument, named as in ccxt; `terms` are expiry and strike, `settle` is None for spot."""

    base: str
    quote: str
    settle: str | None = None
    terms: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it is spot, or settled in its quote."""
        return self.settle in (None, self.quote)

    @property
    def unified(self) -> str:
        """The symbol as ccxt writes it, without a settle currency that is the same as the quote."""
        settle = "" if self.is_plain and not self.terms else f":{self.settle}"
        return f"{self.base}/{self.quote}{settle}{self.terms}"

    @property
    def glued(self) -> str | None:
        """The symbol as most exchanges write it (`BTCUSDT`); None if that would be incomplete or ambiguous."""
        return f"{self.base}{self.quote}{self.terms}" if self.is_plain and fits(_BASE, self.base) else None


def fits(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Match a whole text; only ASCII and Chinese characters are allowed, so that no look-alike letter gets in."""
    return pattern.fullmatch(text) if text.isascii() or all(map(_may_be_written, text)) else None


def _may_be_written(character: str) -> bool:
    return character.isascii() or "\u4e00" <= character <= "\u9fff"


def market_of(text: str, exchange: str | None) -> Market | None:
    """Parse a symbol; None if it does not name a pair unambiguously.

    Refuses: ValueError for an invalid expiry or strike.
    """
    return next(readings(text, exchange), None)


def readings(text: str, exchange: str | None) -> Iterator[Market]:
    """All that a symbol may be taken for; the first counts.

    Refuses: ValueError for an invalid expiry or strike.
    """
    if unified := fits(_UNIFIED, capitals(text)):
        yield _market(unified, text, exchange)
        return
    for pattern, meaning, is_cased in (*_compiled(exchange), *_compiled(None)):
        if match := fits(pattern, text if is_cased else capitals(text)):
            parts = {name: found or "" for name, found in match.groupdict().items()}
            said = fits(_UNIFIED, meaning.format(**{"option": ""} | parts))
            assert said is not None, "every meaning in the table is ccxt's spelling"
            yield _market(said, text, exchange)


def plain_name(text: str) -> str | None:
    """Normalise a symbol as this software did before it had a table of exchange spellings.

    Refuses: ValueError for an invalid expiry or strike.
    """
    match = fits(_UNIFIED, capitals(text))
    if match is None:
        return name_of(text)
    market = Market(match["base"], match["quote"], match["settle"], _terms(match, text))
    return market.glued or market.unified


def name_of(text: str) -> str | None:
    """Normalise an exchange's own name with an optional expiry and strike; None for anything else.

    Refuses: ValueError for an invalid expiry or strike.
    """
    match = fits(_GLUED, capitals(text))
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
    """The compiled table of an exchange, or of all: pattern, meaning, and whether the case of letters counts."""
    lines = OF_ALL if exchange is None else NATIVE.get(exchange, ())
    return tuple((_pattern(written), meaning, _is_cased(written)) for written, meaning in lines)


def _is_cased(written: str) -> bool:
    return re.search("[a-z]", re.sub(r"\{\w+\}|\(\?P<\w+>|\\d", "", written)) is not None


def _pattern(written: str) -> re.Pattern[str]:
    text = written.replace("[~", "[-_.").replace("~", "[-_.]")
    for name, means in _MEANS.items():
        text = text.replace(f"{{{name}}}", means)
    return re.compile(text, re.ASCII)
