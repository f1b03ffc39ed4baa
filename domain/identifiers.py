"""Who a position belongs to: the key, its stream, its cycles and the order ids derived from them."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import product
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final, Self

from domain.alteration import once
from domain.symbols.letter_case import capitals, small_letters
from domain.symbols.market import ASSET, fits, plain_name
from domain.symbols.spelling import inverse_once, normalized_symbol
from domain.symbols.venues import EXCHANGE, known_venue, normalized_exchange
from domain.values import Leg

_ORDER_ID = re.compile(r"p[a-z2-7]{26}")
_PAIRS: Final = ["".join(pair) for pair in product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)]
"""The two characters of an order id that stand for each value of ten bits."""
_HEX_ORDER_ID = re.compile(r"0x[0-9a-f]{12}5[0-9a-f]{3}[89ab][0-9a-f]{15}", re.IGNORECASE)
"""Ours are UUIDs of version 5, and say so in their bits."""
_KEPT = re.compile(
    rf"(?:{ASSET}+|{ASSET}+/(?P<quote>{ASSET}+):(?!(?P=quote)(?:-|$)){ASSET}+)(?:-\d{{6}}(?:-\d+(?:\.\d+)?-[CP])?)?",
    re.ASCII,
)
"""The symbols that a stored stream may have, even where the same text would be read as another symbol today."""
_DATED = re.compile(r"-\d{6}(-[\d.]+-[CP])?$", re.ASCII)
_OPTION = re.compile(r"-[\d.]+-[CP]$", re.ASCII)
_ACCOUNT = re.compile("[a-z0-9][a-z0-9_-]{0,39}")
_STREAM = re.compile(
    r"(?P<symbol>[^a-z]+)\.(?P<exchange>[a-z][a-z0-9_-]{0,39})(?:\.(?P<account>[a-z0-9][a-z0-9_-]{0,39}))?"
    r"(?::(?P<leg>[A-Z]+))?",
    re.ASCII,
)
_SPELLED = re.compile(
    r"(?P<symbol>.+?)\.(?P<exchange>[A-Za-z][A-Za-z0-9_-]*)(?:\.(?P<account>[A-Za-z0-9_-]+))?(?::(?P<leg>[A-Za-z]+))?"
)
CYCLE_MAX: Final = 999_999_999
"""The last number that a cycle can have."""
_CYCLE = re.compile("[1-9][0-9]{0,8}", re.ASCII)
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "USD", "DAI", "BTC", "ETH", "BNB", "EUR", "GBP", "TRY", "BRL", "JPY")
"""Common quote currencies: the exchange's spelling of a symbol does not show where the quote begins."""
_PARSED_MAX: Final = 10_000
SYMBOL_LENGTH_MAX: Final = 2_000
_ORDER_NAMESPACE: Final = uuid.UUID("6f0a3f0c-8f5b-5a7e-9d55-3b1f5a6c2e41")


def normalized_account(account: object) -> str | None:
    """Normalise the name of an account: trimmed, lower case; blank means no account."""
    if account is None:
        return None
    text = small_letters(account.strip()) if isinstance(account, str) else "?"
    if text and not _ACCOUNT.fullmatch(text):
        raise ValueError(f"account {account!r:.80} is not a name of letters, digits, '-' and '_', like 'sub1'")
    return text or None


def normalized_leg(leg: object) -> Leg:
    """Read BOTH, LONG, SHORT or SPOT in any case; None means BOTH."""
    if leg is None:
        return Leg.BOTH
    text = capitals(leg.strip()) if isinstance(leg, str) else ""
    if text not in Leg.__members__:
        raise ValueError(f"leg {leg!r:.80} is not one of BOTH, LONG, SHORT, SPOT")
    return Leg(text)


@dataclass(frozen=True)
class PositionKey:
    """What a slot belongs to: a symbol at an exchange, optionally of one account and one hedge leg.

    Shape:   normalised on construction, so that two keys are equal exactly when they mean the same slot.
    Refuses: ValueError for a spelling that is not understood.
    """

    symbol: str
    exchange: str
    account: str | None = None
    leg: Leg = Leg.BOTH

    def __post_init__(self) -> None:
        """Normalise every part once, here, at the edge."""
        object.__setattr__(self, "exchange", normalized_exchange(self.exchange))
        object.__setattr__(self, "leg", normalized_leg(self.leg))
        object.__setattr__(self, "symbol", str(normalized_symbol(self.symbol, self.exchange, self.leg)))
        object.__setattr__(self, "account", normalized_account(self.account))

    def __hash__(self) -> int:
        """The hash of the stream id: a string caches its hash, a tuple of four parts does not."""
        return hash(self.stream)

    @classmethod
    @lru_cache(maxsize=_PARSED_MAX)
    def of(cls, symbol: str, exchange: str, account: str | None = None, leg: Leg = Leg.BOTH) -> Self:
        """Make a key, cached: a bot uses the same few again and again."""
        return cls(symbol, exchange, account, leg)

    @once
    def stream(self) -> str:
        """The id of the event stream, as readable text: `APTUSDT.binance.sub1:LONG`."""
        account = f".{self.account}" if self.account else ""
        leg = "" if self.leg is Leg.BOTH else f":{self.leg.value}"
        return f"{self.symbol}.{self.exchange}{account}{leg}"

    @classmethod
    @lru_cache(maxsize=_PARSED_MAX)
    def parse(cls, stream: str) -> Self:
        """Read a stored stream id, or any other spelling of a key.

        Shape:   a stored id keeps its own symbol and exchange, even where the same text would be read as others today.
        Refuses: ValueError for anything else.
        """
        text = stream.strip()
        match = _STREAM.fullmatch(text)
        is_kept = match and fits(_KEPT, match["symbol"]) and len(match["symbol"]) <= SYMBOL_LENGTH_MAX
        if match is None or known_venue(match["symbol"].rpartition(".")[2]):
            match = _SPELLED.fullmatch(text)
        if match is None:
            raise ValueError(f"{stream[:120]!r} is not a key like APTUSDT.binance: there is no exchange in it")
        try:
            parts = match["symbol"], match["exchange"], match["account"], normalized_leg(match["leg"])
            return cls._kept(*parts) if is_kept else cls(*parts)
        except ValueError as refusal:
            raise ValueError(f"{stream[:120]!r} is not a key like APTUSDT.binance: {refusal}") from refusal

    @classmethod
    def _kept(cls, symbol: str, exchange: str, account: str | None, leg: Leg) -> Self:
        key = object.__new__(cls)
        for name, value in (("symbol", symbol), ("exchange", exchange), ("account", account), ("leg", leg)):
            object.__setattr__(key, name, value)
        return key

    @classmethod
    @lru_cache(maxsize=_PARSED_MAX)
    def before(cls, symbol: str, exchange: str, account: str | None, leg: Leg) -> tuple[Self, ...]:
        """The keys that a spelling stood for in earlier versions: without a table of spellings, or by one of before."""
        written, venue = small_letters(exchange.strip()), normalized_exchange(exchange)
        plain = plain_name(symbol.strip()) if EXCHANGE.fullmatch(written) else None
        names = (plain, written), (inverse_once(symbol, venue, leg), venue)
        return tuple(cls._kept(name, place, account, leg) for name, place in names if name is not None)

    def on(self, leg: Leg) -> Self:
        """The same instrument on another leg."""
        return self._kept(self.symbol, self.exchange, self.account, leg)

    @once
    def today(self) -> Self:
        """The key that the same spelling stands for today; nearly always itself."""
        try:
            return type(self)(self.symbol, self.exchange, self.account, self.leg)
        except ValueError:  # opened before expiries and strikes were checked, and meaning nothing else today
            return self

    def is_settled_in(self, currency: str) -> bool:
        """Whether profit and fees of this key are in `currency`: the settle currency, or else the quote."""
        known = self.settle
        return currency.upper() == known if known else self._pair.endswith(currency.upper())

    @property
    def _pair(self) -> str:
        """The symbol without its settle currency, expiry and strike."""
        return _DATED.sub("", self.symbol.partition(":")[0])

    @once
    def settle(self) -> str | None:
        """The settle currency, else the quote; None if the symbol does not show it."""
        _, _, settle = self.symbol.partition(":")
        return settle.partition("-")[0] if settle else self._quote

    @once
    def _quote(self) -> str | None:
        base, slash, quote = self._pair.partition("/")
        if slash:
            return quote
        return max((known for known in _QUOTES if base.endswith(known) and base != known), key=len, default=None)

    def is_base(self, currency: str) -> bool:
        """Whether a currency is the base asset of this symbol."""
        base, slash, _ = self._pair.partition("/")
        if not slash and self._quote is not None:
            return base == currency.upper() + self._quote
        return base == currency.upper() if slash else base.startswith(currency.upper())

    def pays_from_position(self, fee: Decimal | None, currency: str | None) -> bool:
        """Whether a fee reduces the position: on the spot leg, when it is paid in the base asset."""
        return bool(fee and fee > 0 and currency is not None and self.leg is Leg.SPOT and self.is_base(currency))

    @once
    def is_inverse(self) -> bool:
        """Whether the symbol itself shows an inverse contract, settled in its base asset; options are not inverse."""
        _, _, settle = self.symbol.partition(":")
        return bool(settle) and not self.is_option and self.is_base(settle.partition("-")[0])

    @once
    def is_option(self) -> bool:
        """Whether the symbol ends in a strike, and in C or P."""
        return _OPTION.search(self.symbol) is not None

    def __str__(self) -> str:
        """The stream id."""
        return self.stream


@dataclass(frozen=True)
class PositionId:
    """One cycle of one key: `APTUSDT.binance#2`."""

    key: PositionKey
    cycle: int

    @classmethod
    @lru_cache(maxsize=_PARSED_MAX)
    def parse(cls, text: str) -> Self:
        """Read `APTUSDT.binance#2`. Refuses: ValueError for anything else."""
        stream, mark, cycle = text.strip().rpartition("#")
        if not mark or not _CYCLE.fullmatch(cycle):
            raise ValueError(f"{text!r:.120} is not a position id like APTUSDT.binance#1")
        return cls(PositionKey.parse(stream), int(cycle))

    @once
    def text(self) -> str:
        """The id as it is stored."""
        return f"{self.key.stream}#{self.cycle}"

    def __str__(self) -> str:
        """The id as it is stored."""
        return self.text


def client_order_id(position_id: str, trade_leg: str, intent_id: str | None) -> str:
    """Derive the client order id to send with an order: the same on every retry and in every process.

    Shape: `p` and 26 characters of `[a-z2-7]`, derived from the stream, the cycle, the purpose of the order (`entry`,
           `stop`, `exit`, `rollback`) and the intent.
    """
    stream, _, cycle = position_id.rpartition("#")
    intent = "null" if intent_id is None else _quoted(intent_id)
    name = f"[{_quoted(stream)},{int(cycle)},{_quoted(trade_leg)},{intent}]"
    return _spelled(_uuid5(name))


def hex_order_id(client_order_id: str) -> str:
    """Convert a client order id of ours to `0x` and 32 hexadecimal digits, for exchanges that accept nothing else.

    Shape:   the same 128 bits. Refuses: ValueError for an id that is not one of ours.
    """
    if not _ORDER_ID.fullmatch(client_order_id):
        raise ValueError(f"{client_order_id!r} is no client order id of a ledger: p and 26 of [a-z2-7]")
    return "0x" + base64.b32decode(client_order_id[1:].upper() + "======").hex()


def own_order_id(client_order_id: str) -> str:
    """Convert a client order id of ours from hexadecimal digits to our form; any other id is returned unchanged."""
    if not _HEX_ORDER_ID.fullmatch(client_order_id):
        return client_order_id
    return _spelled(bytes.fromhex(client_order_id[2:]))


def _spelled(digest: bytes) -> str:
    """`p` and the base32 of 16 bytes in lower case; takes less than half the time of `base64.b32encode`."""
    number = int.from_bytes(digest, "big") << 2
    return "p" + "".join([_PAIRS[number >> place & 1023] for place in range(120, -1, -10)])


def _uuid5(name: str) -> bytes:
    """The same as `uuid.uuid5(_ORDER_NAMESPACE, name).bytes`, in a third of the time."""
    digest = bytearray(hashlib.sha1(_ORDER_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)
