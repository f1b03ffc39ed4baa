"""Value types: one name, one unit and one sign for every number, time and status."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, Overflow, Subnormal, localcontext
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetPydanticSchema,
    PlainSerializer,
    PlainValidator,
    Strict,
)
from pydantic import JsonValue as CheckedJson

EXACT: Final = Context(prec=120)
"""Wide enough that no sum or product of our numbers is ever rounded; only a division may be."""
WIDE: Final = Context(prec=1_000)
"""Wide enough to round the quotient of any numbers that are read, also of such as nobody recorded."""

OR_LEAVE_OUT: Final = "leave the field out when the value is not known"
"""Advice of an error about an unusable number, where the command does not need it."""
_LIKE_A_TIME: Final = (
    'write it like 2025-10-22T18:50:40.981819Z; of a ccxt order it is order["datetime"], not its milliseconds'
)
TIME_LENGTH: Final = 27
"""Characters of a time as `timestamp_text` writes it."""
DECIMALS_MAX: Final = 18
_LAST_DECIMAL: Final = Decimal(f"1e-{DECIMALS_MAX}")
RECORDED: Final = Context(prec=EXACT.prec, Emax=99, Emin=-99, traps=[Inexact, Overflow, Subnormal])
"""Reads numbers that may have been recorded: products of what commands take stay far within these digits."""
ZERO: Final = Decimal(0)
MAGNITUDE_MAX: Final = Decimal("1e18")
TEXT_LENGTH_MAX: Final = 200
AHEAD_MAX: Final = timedelta(seconds=60)
"""How far a time may lie ahead of the ledger's clock: two machines are seldom a second apart, never a minute."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before anything that happened."""
YEARS: Final = range(2000, 2101)
"""The years in which an event that a bot reports may have happened."""

_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_AS_WE_WRITE = re.compile(r"(0|[1-9]\d{0,17})(\.\d{0,17}[1-9])?", re.ASCII)
"""What `plain` writes for a number that is not negative."""
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_NAME = re.compile(f"[!-~]{{1,{TEXT_LENGTH_MAX}}}")


class Leg(StrEnum):
    """The position side of a key: LONG or SHORT in hedge mode, BOTH in one-way mode, SPOT for spot holdings."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"
    SPOT = "SPOT"


OrderSide = Literal["buy", "sell"]

Protection = Literal["exchange", "bot"]
"""Who keeps the stop: the exchange, or the bot itself, by choice."""

CashKind = Literal["funding", "interest", "commission", "rebate", "insurance", "correction"]
"""Why money moved without a fill."""


class Side(StrEnum):
    """The direction of a position."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 when a rising price earns, -1 when a falling one does."""
        return 1 if self is Side.LONG else -1

    @property
    def opening_order(self) -> OrderSide:
        """The side of an order that opens such a position, or adds to it: `buy` or `sell`."""
        return "buy" if self is Side.LONG else "sell"

    @property
    def closing_order(self) -> OrderSide:
        """The side of an order that closes such a position: `sell` or `buy`."""
        return "sell" if self is Side.LONG else "buy"

    def loses_at(self, price: Decimal, entry: Decimal) -> bool:
        """Whether a price is on the losing side of an entry: below it for a long, above it for a short."""
        return price < entry if self is Side.LONG else price > entry


class Status(StrEnum):
    """Where a cycle stands."""

    PENDING_ENTRY = "pending_entry"
    ENTRY_PLACED = "entry_placed"
    PENDING_SL = "pending_sl"
    ACTIVE = "active"
    ROLLING_BACK = "rolling_back"
    FAILED = "failed"
    CANCELED = "canceled"
    ROLLED_BACK = "rolled_back"
    CLOSED = "closed"

    @cached_property
    def is_open(self) -> bool:
        """Whether a cycle of this status holds the slot of its key."""
        return self in OPEN_STATUSES


OPEN_STATUSES: Final = frozenset(
    {Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL, Status.ACTIVE, Status.ROLLING_BACK}
)


class Source(StrEnum):
    """Who reported an event."""

    SIGNAL = "signal"
    SYNC = "sync"
    OPERATOR = "operator"
    RECOVERY = "recovery"
    IMPORT = "import"


class JsonFloat(float):
    """A JSON number with a point or an exponent, together with its original text."""

    text: str

    def __new__(cls, text: str) -> JsonFloat:
        """Keep the text: a refusal names the exact value to send instead."""
        self = super().__new__(cls, text)
        self.text = text
        return self


def plain(value: Decimal) -> str:
    """Format a number in its canonical form: no exponent, no trailing zeros, no minus zero."""
    text = str(value)
    if "E" in text:  # only then does it cost three times as much
        text = format(value, "f")
    if text[-1] != "0":
        return text
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def money(amount: Decimal, currency: str | None) -> str:
    """An amount and its currency, where that is known."""
    return plain(amount) if currency is None else f"{plain(amount)} {currency}"


def sum_of(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Add two numbers; None if either is not known."""
    return None if one is None or other is None else EXACT.add(one, other)


def difference_of(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Subtract the second number from the first; None if either is not known."""
    return None if one is None or other is None else EXACT.subtract(one, other)


def total_of(numbers: Iterable[Decimal]) -> Decimal:
    """Add numbers, exactly; zero if there are none."""
    with localcontext(EXACT):  # whatever the caller's context would round to
        return sum(numbers, ZERO)


def rounded(value: Decimal) -> Decimal:
    """Round to the 18 decimals that we keep, half to even; without trailing zeros, and without an exponent."""
    return EXACT.add(value.quantize(_LAST_DECIMAL, context=WIDE).normalize(EXACT), ZERO)  # 0 has no exponent


def seconds(duration: timedelta) -> Decimal:
    """A duration in seconds, exact."""
    return Decimal(duration // _MICROSECOND).scaleb(-6, EXACT)


def exact(value: object) -> Decimal:
    """Read a number exactly, from text, an integer or a Decimal; never from a float.

    Units:   those of the field; up to 18 decimals, and below 10^18 in magnitude.
    Refuses: floats (naming the text to send instead), NaN, infinity, anything longer.
    """
    if isinstance(value, str) and _AS_WE_WRITE.fullmatch(value):
        return Decimal(value)
    if isinstance(value, float):
        text = value.text if isinstance(value, JsonFloat) else repr(value)
        if _NUMBER.fullmatch(text):
            msg = f'{text} is a float, which cannot hold money exactly; send the text "{_rewritten(text)}"'
        else:
            msg = f"{text} is not a finite number; {OR_LEAVE_OUT}"
        raise ValueError(msg)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f'{value!r} is not a number; send it as text, like "61.8"')
    text = value.strip() if isinstance(value, str) else str(Decimal(value))  # a subclass may print itself otherwise
    if not _NUMBER.fullmatch(text):
        raise ValueError(f'{text[:40]!r} is not a finite number; send it as text, like "61.8"')
    number = Decimal(text)
    if number.copy_abs() >= MAGNITUDE_MAX:  # abs() would round as the caller's context says
        raise ValueError(f"{text[:60]} is absurdly large; a price or quantity stays below 10^18")
    if number and number.adjusted() < -DECIMALS_MAX:
        raise ValueError(f"{text[:60]} is absurdly small; {DECIMALS_MAX} decimals are kept")
    written = plain(number)
    if len(written.partition(".")[2]) > DECIMALS_MAX:
        raise ValueError(f"{text[:60]} has more than {DECIMALS_MAX} decimals; round it before it is sent")
    return Decimal(written)


def recorded_number(value: str | Decimal) -> Decimal:
    """Read a number of an event or a row. Refuses: ValueError for one that no command can have come to."""
    try:
        number = RECORDED.create_decimal(value)
    except ArithmeticError:
        raise ValueError(f"{value!s:.40} is no number that a ledger records: it has too many digits") from None
    if not number.is_finite():
        raise ValueError(f"{value!s:.40} is not a finite number")
    return number


def _rewritten(text: str) -> str:
    return plain(Decimal(text)) if "e" in text.lower() else text


def _positive(value: object) -> Decimal:
    number = exact(value)
    if number <= 0:
        raise ValueError(f"{plain(number)} is not greater than zero; {OR_LEAVE_OUT}")
    return number


def _not_zero(value: object) -> Decimal:
    number = exact(value)
    return number if number < 0 else _positive(value)


def _not_negative(value: object) -> Decimal:
    number = exact(value)
    if number < 0:
        raise ValueError(f"{plain(number)} is negative")
    return number


def utc(value: object) -> datetime:
    """Read a time that names its zone, and convert it to UTC.

    Shape:   a plain datetime also of a subclass of it, such as pandas' Timestamp, which nothing here can write.
    Refuses: ValueError for anything else.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value  # as the ledger's own clock tells it, for every command
    if isinstance(value, str):
        text = value.strip()
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text[:60]!r} is not a time; {_LIKE_A_TIME}") from None
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is not a time; {_LIKE_A_TIME}")
    if value.utcoffset() is None:
        text = value.isoformat()
        raise ValueError(f"{text} names no zone; write {text}Z if it is UTC, else an offset like +04:00 instead of Z")
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value.isoformat()} is not a time that UTC can say") from None
    return moment if type(moment) is datetime else datetime.combine(moment.date(), moment.time(), UTC)


def _of_our_years(value: datetime) -> datetime:
    if value.year not in YEARS:
        raise ValueError(f"{value.isoformat()} lies outside {YEARS.start} to {YEARS.stop - 1}; leave it out for now")
    return value


def is_yet_to_come(moment: datetime, now: datetime) -> bool:
    """Whether a stored time lies in the future, so that the clock it came from was wrong and no age follows from it."""
    return moment - now > AHEAD_MAX


def said_at(moment: datetime, recorded_at: datetime) -> datetime:
    """When something happened: the time that it states, or that of its recording if the stated one is yet to come."""
    return recorded_at if is_yet_to_come(moment, recorded_at) else moment


def timestamp_text(value: datetime) -> str:
    """Format a UTC time at fixed width, so that texts sort in the order of time."""
    text: str = msgspec.to_builtins(value)  # a tenth of the work of isoformat
    if value.tzinfo is not UTC and (text[-1] != "Z" or value.utcoffset()):
        raise AssertionError(f"{text} is not in UTC")
    return text if len(text) == TIME_LENGTH else f"{text[:-1]}.000000Z"


def _read_alike(value: object) -> object:
    """Read a stored time with msgspec, which rounds a seventh decimal where pydantic truncates it."""
    if not isinstance(value, str | datetime):
        return value
    time = msgspec.convert(value, _AWARE)
    if time.utcoffset():
        raise ValueError("is not in UTC, in which every time is stored")
    return time


_AWARE: Final = Annotated[datetime, msgspec.Meta(tz=True)]


def writable(value: str) -> str:
    """Refuse the characters that a database or UTF-8 cannot keep."""
    if found := _UNWRITABLE.search(value):
        raise ValueError(f"contains the character {found.group()!a}, which cannot be stored")
    return value


def _identifier(value: str) -> str:
    if _NAME.fullmatch(value):
        return value
    value = writable(value).strip()
    if not value:
        raise ValueError("is empty")
    if len(value) > TEXT_LENGTH_MAX:
        raise ValueError(f"is {len(value)} characters long; {TEXT_LENGTH_MAX} are allowed")
    if not value.isprintable():
        raise ValueError(f"{value!a} contains a control character")
    return value


def identifier(value: object) -> str:
    """Read an id as every command does: a whole number is taken for its text."""
    said = _identifier_from(value)
    if not isinstance(said, str):
        raise ValueError(f"{value!r:.60} is not a text")
    return _identifier(said)


def _identifier_from(value: Any) -> Any:
    return int.__repr__(value) if isinstance(value, int) and not isinstance(value, bool) else value


_PLAINLY: Final = PlainSerializer(plain, return_type=str, when_used="json")

if TYPE_CHECKING:
    Number = Annotated[Decimal, _PLAINLY]
    """A number as events and rows hold it: already checked, written plainly."""
else:  # msgspec would accept a float, or "NaN", for a Decimal; a type that it does not know it leaves to our hook
    Number = Annotated[
        object,
        GetPydanticSchema(lambda _, schema: schema(Annotated[Decimal, AfterValidator(recorded_number), _PLAINLY])),
    ]

JsonValue = Annotated[Any, GetPydanticSchema(lambda _, schema: schema(CheckedJson))]
"""Any JSON value."""

Moment = Annotated[datetime, BeforeValidator(utc), PlainSerializer(timestamp_text, return_type=str, when_used="json")]
"""An aware UTC time, as a caller passes it."""

MomentOfNow = Annotated[Moment, AfterValidator(_of_our_years)]
"""An aware UTC time at which an event that a bot reports may have happened."""

Instant = Annotated[
    datetime,
    msgspec.Meta(tz=True),
    BeforeValidator(_read_alike),
    PlainSerializer(timestamp_text, return_type=str, when_used="json"),
]
"""An aware UTC time as events and rows hold it: already checked."""

Price = Annotated[Decimal, PlainValidator(_positive), _PLAINLY]
"""Quote asset for one unit of base asset; greater than zero, because a price that is not known is left out."""

EntryPrice = Annotated[Decimal, PlainValidator(_not_zero), _PLAINLY]
"""A price at which a position was opened: below zero only where the instrument allows it."""

ExitPrice = Annotated[Decimal, PlainValidator(exact), _PLAINLY]
"""A price at which a position was closed: zero if it expired worthless, below zero where the instrument allows it."""

Amount = Annotated[Decimal, PlainValidator(exact), _PLAINLY]
"""Money with a sign: plus is received."""

Quantity = Annotated[Decimal, PlainValidator(_positive), _PLAINLY]
"""Base asset (or contracts), without a sign: the side gives the direction."""

QuantityOrNone = Annotated[Decimal, PlainValidator(_not_negative), _PLAINLY]
"""A quantity that may be zero: nothing filled, nothing left."""

Fee = Annotated[Decimal, PlainValidator(exact), _PLAINLY]
"""What a fill cost, in `fee_currency`; negative is a rebate."""

Identifier = Annotated[str, BeforeValidator(_identifier_from), AfterValidator(_identifier)]
"""The id of an order, a trade, an intent or a command."""

Flag = Annotated[bool, Strict()]
"""True or false; a word such as "no" is refused, not interpreted."""

Text = Annotated[str, AfterValidator(writable)]
"""Free text of any length."""
