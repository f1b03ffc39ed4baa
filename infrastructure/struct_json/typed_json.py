"""Reading JSON into structs: what is in our own spelling several times as fast as pydantic does.

Whatever may be wrong is left to pydantic, which reads more and says what is wrong. So nothing may be read here that
pydantic would refuse, or read as something else.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from threading import RLock
from types import GenericAlias
from typing import Any, Final, Generic, TypeVar

import msgspec
from pydantic import TypeAdapter

from domain.orders.cycle_orders import Orders
from domain.orders.order import Order

Read = TypeVar("Read", bound=msgspec.Struct)

_ONE_AT_A_TIME: Final = RLock()
"""Taken to make a reader: what the fields of a struct are msgspec keeps with it before it knows all of them, and
another thread that makes a reader by that crashes the process. One that is made reads in any thread."""
_WRONG: Final = (ValueError, ArithmeticError, RecursionError)


class TypedJson(Generic[Read]):
    """The reader of one kind of struct."""

    def __init__(self, kind: type[Read]) -> None:
        """Look once at what its fields are."""
        with _ONE_AT_A_TIME:
            self._decode = msgspec.json.Decoder(kind, dec_hook=_made).decode
            self._decode_all = msgspec.json.Decoder(GenericAlias(list, kind), dec_hook=_made).decode

    def read(self, text: bytes | str) -> Read | None:
        """The struct; None where pydantic has to look."""
        try:
            return self._decode(text)
        except _WRONG:
            return None

    def read_all(self, text: bytes | str) -> list[Read] | None:
        """The structs of a list; None where pydantic has to look."""
        try:
            found: list[Read] = self._decode_all(text)
        except _WRONG:
            return None
        return found


def has_float(value: object) -> bool:
    """Whether a number with a point stands anywhere in JSON: ours are stored as text."""
    if isinstance(value, dict):
        return any(map(has_float, value.values()))
    return any(map(has_float, value)) if isinstance(value, list) else isinstance(value, float)


def _made(kind: type, value: Any) -> Any:
    """What msgspec has no reader for: a number, or what only pydantic reads as it should be."""
    if kind is object:
        if type(value) is str and (number := Decimal(value)).is_finite():
            return number
        raise ValueError(f"{value!r} is not the text of a finite number")
    if kind is Orders:
        return Orders.of(msgspec.convert(value, dict[str, Order], dec_hook=_made).values())
    if has_float(value):
        raise ValueError("numbers are stored as text")
    return _adapter(kind).validate_python(value)


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is a float; numbers are stored as text")


without_floats: Final = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float).decode
"""Reads any JSON that has no number with a point."""
