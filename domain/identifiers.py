"""Who a position belongs to: the key, its stream, its cycles and the order ids derived from them."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final, Self

from domain.values import Leg, plain

_ASSET = "[A-Za-z0-9\u4e00-\u9fff]{1,30}"  # exchanges list Chinese names; look-alikes of other scripts stay out
_DERIVATIVE = (
    r"(?P<expiry>\d{6}|\d{8}|\d{4}-\d\d-\d\d)"
    r"(?:-(?P<strike>(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d{1,2})?)-(?P<option>[CPcp]))?"
)
_UNIFIED = re.compile(rf"(?P<base>{_ASSET})/(?P<quote>{_ASSET})(?::(?P<settle>{_ASSET})(?:-{_DERIVATIVE})?)?", re.ASCII)
_RAW = re.compile(rf"(?P<name>{_ASSET})(?:[-_]{_DERIVATIVE})?", re.ASCII)
_STORED = re.compile(r"(?P<pair>[^-]+)-\d{6}(?:-\d+(?:\.\d+)?-[CP])?", re.ASCII)
_EXCHANGE = re.compile("[a-z][a-z0-9_-]{0,39}")
_ACCOUNT = re.compile("[a-z0-9][a-z0-9_-]{0,39}")
_STREAM = re.compile(
    r"(?P<symbol>.+?)\.(?P<exchange>[A-Za-z][A-Za-z0-9_-]*)(?:\.(?P<account>[A-Za-z0-9_-]+))?(?::(?P<leg>[A-Za-z]+))?"
)
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "USD", "DAI", "BTC", "ETH", "BNB", "EUR", "GBP", "TRY", "BRL", "JPY")
"""What positions are commonly quoted in: the exchange's spelling of a symbol does not say where its quote begins."""
_PARSED_MAX: Final = 10_000
EXPIRY_LONG: Final = len("20251226")
SYMBOL_LENGTH_MAX: Final = 2_000
STRIKE_DIGITS_MAX: Final = 18
STRIKE_WRITTEN_MAX: Final = 60
"""Zeros before and behind do not count as digits, but nobody writes so many."""
_ORDER_NAMESPACE: Final = uuid.UUID("6f0a3f0c-8f5b-5a7e-9d55-3b1f5a6c2e41")


def normalized_symbol(symbol: object) -> str:
    """Give a symbol its one spelling.

    Shape:   `FXSUSDT` for `FXS/USDT:USDT`, `fxs/usdt` and `FXSUSDT`; an expiry or strike is appended
             (`BTCUSDT-251226`); a settle currency other than the quote keeps ccxt's form (`BTC/USD:BTC`).
    Refuses: ValueError for anything else.
    """
    if not isinstance(symbol, str):
        raise ValueError(f"symbol {symbol!r} is not text")
    return _one_spelling(symbol)


@lru_cache(maxsize=_PARSED_MAX)
def _one_spelling(symbol: str) -> str:
    text = symbol.strip()
    if match := _UNIFIED.fullmatch(text):
        pair, settle = match["base"] + match["quote"], match["settle"] or match["quote"]
        name = pair if settle.upper() == match["quote"].upper() else f"{match['base']}/{match['quote']}:{settle}"
    elif match := _RAW.fullmatch(text):
        name = match["name"]
    else:
        raise ValueError(
            f"symbol {symbol[:80]!r} is not a symbol; write it as the exchange does (FXSUSDT) or as ccxt does "
            "(FXS/USDT:USDT)"
        )
    if match["expiry"]:
        name += f"-{_expiry(match['expiry'], symbol)}"
    if match["strike"]:
        name += f"-{_strike(match['strike'], symbol)}-{match['option']}"
    return name.upper()


def _expiry(written: str, symbol: str) -> str:
    digits = written.replace("-", "")[-6:]
    year = written[:4] if len(written) >= EXPIRY_LONG else f"20{written[:2]}"
    try:
        date(int(year), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        raise ValueError(f"symbol {symbol[:80]!r} expires on {written}, which is no date; write it as YYMMDD") from None
    if not year.startswith("20"):
        raise ValueError(f"symbol {symbol[:80]!r} expires in {year}; a year of this century is expected")
    return digits


def _strike(written: str, symbol: str) -> str:
    price = Decimal(written) if len(written) <= STRIKE_WRITTEN_MAX else Decimal()
    strike = plain(price)
    if not price or len(strike.replace(".", "")) > STRIKE_DIGITS_MAX:
        raise ValueError(
            f"symbol {symbol[:80]!r} has a strike of {written[:40]!r}; it is a price above zero of at most "
            f"{STRIKE_DIGITS_MAX} digits"
        )
    return strike


def normalized_exchange(exchange: object) -> str:
    """Give an exchange its one spelling: trimmed, lower case. Refuses anything that is not such a name."""
    text = exchange.strip().lower() if isinstance(exchange, str) else ""
    if not _EXCHANGE.fullmatch(text):
        raise ValueError(f"exchange {exchange!r:.80} is not a name like 'binance'")
    return text


def normalized_account(account: object) -> str | None:
    """Give an account its one spelling: trimmed, lower case; blank is none."""
    if account is None:
        return None
    text = account.strip().lower() if isinstance(account, str) else "?"
    if text and not _ACCOUNT.fullmatch(text):
        raise ValueError(f"account {account!r:.80} is not a name of letters, digits, '-' and '_', like 'sub1'")
    return text or None


def normalized_leg(leg: object) -> Leg:
    """Read BOTH, LONG, SHORT or SPOT in any case; none is BOTH."""
    if leg is None:
        return Leg.BOTH
    text = leg.strip().upper() if isinstance(leg, str) else ""
    if text not in Leg.__members__:
        raise ValueError(f"leg {leg!r:.80} is not one of BOTH, LONG, SHORT, SPOT")
    return Leg(text)


@dataclass(frozen=True)
class PositionKey:
    """A symbol at an exchange, perhaps of one account and one hedge leg: whoever holds it holds the slot.

    Shape:   normalised when it is made, so two keys are equal exactly when they mean the same slot.
    Refuses: ValueError for a spelling that is not understood.
    """

    symbol: str
    exchange: str
    account: str | None = None
    leg: Leg = Leg.BOTH

    def __post_init__(self) -> None:
        """Normalise every part once, here, at the edge."""
        object.__setattr__(self, "symbol", normalized_symbol(self.symbol))
        object.__setattr__(self, "exchange", normalized_exchange(self.exchange))
        object.__setattr__(self, "account", normalized_account(self.account))
        object.__setattr__(self, "leg", normalized_leg(self.leg))

    @classmethod
    @lru_cache(maxsize=_PARSED_MAX)
    def of(cls, symbol: str, exchange: str, account: str | None = None, leg: Leg = Leg.BOTH) -> Self:
        """The key, made once: a bot comes back to the same few."""
        return cls(symbol, exchange, account, leg)

    @cached_property
    def stream(self) -> str:
        """The id of the event stream, as readable text: `APTUSDT.binance.sub1:LONG`."""
        account = f".{self.account}" if self.account else ""
        leg = "" if self.leg is Leg.BOTH else f":{self.leg.value}"
        return f"{self.symbol}.{self.exchange}{account}{leg}"

    @classmethod
    @lru_cache(maxsize=_PARSED_MAX)
    def parse(cls, stream: str) -> Self:
        """Read a stream id back; any spelling of its parts is understood."""
        match = _STREAM.fullmatch(stream.strip())
        if match is None:
            raise ValueError(f"{stream[:120]!r} is not a key like APTUSDT.binance: there is no exchange in it")
        try:
            return cls(match["symbol"], match["exchange"], match["account"], normalized_leg(match["leg"]))
        except ValueError as refusal:
            if stored := cls._stored_before(match["symbol"], match["exchange"], match["account"], match["leg"]):
                return stored
            raise ValueError(f"{stream[:120]!r} is not a key like APTUSDT.binance: {refusal}") from refusal

    @classmethod
    def _stored_before(cls, symbol: str, exchange: str, account: str | None, leg: str | None) -> Self | None:
        """The key of a stream that was opened before expiries and strikes were checked: it stays readable as it is."""
        match = _STORED.fullmatch(symbol)
        if match is None or len(symbol) > SYMBOL_LENGTH_MAX:
            return None
        key = cls(match["pair"], exchange, account, normalized_leg(leg))
        object.__setattr__(key, "symbol", symbol)
        return key

    def is_settled_in(self, currency: str) -> bool:
        """Whether profit and fees of this key are counted in `currency`: the settle currency, or else the quote."""
        pair, _, settle = self.symbol.partition(":")
        if settle:
            return settle.partition("-")[0] == currency.upper()
        name = pair.partition("-")[0]
        known = max((quote for quote in _QUOTES if name.endswith(quote) and name != quote), key=len, default=None)
        return currency.upper() == known if known else name.endswith(currency.upper())

    def __str__(self) -> str:
        """Show the stream id."""
        return self.stream


@dataclass(frozen=True)
class PositionId:
    """One cycle of one key: `APTUSDT.binance#2`."""

    key: PositionKey
    cycle: int

    @classmethod
    @lru_cache(maxsize=_PARSED_MAX)
    def parse(cls, text: str) -> Self:
        """Read `APTUSDT.binance#2`; refuses anything else with the reason."""
        stream, mark, cycle = text.strip().rpartition("#")
        if not mark or not re.fullmatch("[1-9][0-9]{0,8}", cycle, re.ASCII):
            raise ValueError(f"{text!r:.120} is not a position id like APTUSDT.binance#1")
        return cls(PositionKey.parse(stream), int(cycle))

    @cached_property
    def text(self) -> str:
        """The id as it is stored."""
        return f"{self.key.stream}#{self.cycle}"

    def __str__(self) -> str:
        """Show the id as it is stored."""
        return self.text


def client_order_id(position_id: str, trade_leg: str, intent_id: str | None) -> str:
    """Derive the id to send with an order: the same on every retry and in every process.

    Shape: `p` and 26 of `[a-z2-7]`, from the stream, the cycle, the leg of the trade (`entry`, `stop`, `exit`,
           `rollback`) and the intent.
    """
    stream, _, cycle = position_id.rpartition("#")
    intent = "null" if intent_id is None else _quoted(intent_id)
    name = f"[{_quoted(stream)},{int(cycle)},{_quoted(trade_leg)},{intent}]"
    return "p" + base64.b32encode(_uuid5(name)).decode("ascii").rstrip("=").lower()


def _uuid5(name: str) -> bytes:
    """`uuid.uuid5(_ORDER_NAMESPACE, name).bytes`, at a third of its price."""
    digest = bytearray(hashlib.sha1(_ORDER_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)
