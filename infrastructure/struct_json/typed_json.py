"""Reading JSON in our own spelling into structs, several times as fast as pydantic.

The result is None for any other text. The caller gives that to pydantic, which accepts more spellings, and whose errors
say what is wrong. So a text that pydantic would refuse, or read as something else, must not be read here.
"""

from __future__ import annotations

import json
from functools import cache
from threading import RLock
from types import GenericAlias
from typing import Any, Final, Generic, TypeVar

import msgspec
from pydantic import TypeAdapter

from domain.orders.cycle_orders import Orders
from domain.orders.order import Order
from domain.values import RECORDED

Read = TypeVar("Read", bound=msgspec.Struct)

_ONE_AT_A_TIME: Final = RLock()
"""Held while a decoder is made. msgspec stores the description of a struct's fields before it is complete, and a second
thread that uses the incomplete description crashes the process. A finished decoder may be used by any thread."""
_number: Final = RECORDED.create_decimal
_UNREADABLE: Final = (ValueError, ArithmeticError, RecursionError)


class TypedJson(Generic[Read]):
    """The reader of one kind of struct."""

    def __init__(self, kind: type[Read]) -> None:
        """Make the decoders, which is slow: keep the reader."""
        with _ONE_AT_A_TIME:
            self._decode = msgspec.json.Decoder(kind, dec_hook=_made).decode
            self._decode_all = msgspec.json.Decoder(GenericAlias(list, kind), dec_hook=_made).decode

    def read(self, text: bytes | str) -> Read | None:
        """The struct; None for a text that pydantic has to read."""
        try:
            return self._decode(text)
        except _UNREADABLE:
            return None

    def read_all(self, text: bytes | str) -> list[Read] | None:
        """The structs of a list; None for a text that pydantic has to read."""
        try:
            found: list[Read] = self._decode_all(text)
        except _UNREADABLE:
            return None
        return found


def has_float(value: object) -> bool:
    """Whether parsed JSON contains a number with a decimal point; our numbers are stored as text."""
    if isinstance(value, dict):
        return any(map(has_float, value.values()))
    return any(map(has_float, value)) if isinstance(value, list) else isinstance(value, float)


def _made(kind: type, value: Any) -> Any:
    """Convert a value for a type that msgspec does not know: `object` is a number; others are read by pydantic."""
    if kind is object:
        if type(value) is str and (number := _number(value)).is_finite():
            return number
        raise ValueError(f"{value!r} is not the text of a finite number")
    if kind is Orders:
        return Orders.of(msgspec.convert(value, dict[str, Order], dec_hook=_made).values())
    if has_float(value):
        raise ValueError("numbers are stored as text")
    return adapter(kind).validate_python(value)


@cache
def adapter(kind: type) -> TypeAdapter[Any]:
    """The pydantic adapter of a kind; made once, because that takes time."""
    return TypeAdapter(kind)


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is a float; numbers are stored as text")


without_floats: Final = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float).decode
"""Reads any JSON; refuses with ValueError a number with a decimal point."""
