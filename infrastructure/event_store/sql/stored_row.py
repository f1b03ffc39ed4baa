"""Reading a row of positions as a database gives it back: where it is as we write, several times as fast as pydantic.

Whatever is in another spelling, or may be wrong, is left to pydantic, which reads more and says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from domain.alteration import made
from domain.order import Order
from domain.values import Instant, Number
from infrastructure.typed_json import TypedJson, time_from
from projections.positions import COLUMNS, PositionRow, row_from

_Reader = Callable[[Any], Any]
_NOTHING: Final = "{}"
_NO_ORDERS: Final = "[]"


def stored_row(values: Sequence[Any]) -> PositionRow:
    """The row, from its values in the order of COLUMNS. Refuses: HistoryDamaged for what is no row of ours."""
    try:
        known = [read(value) for read, value in zip(_readers(), values, strict=True)]
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return row_from(values)
    return made(PositionRow, dict(zip(COLUMNS, known, strict=True)))


@cache
def _readers() -> list[_Reader]:
    hints = get_type_hints(PositionRow, include_extras=True)
    return [_reader(hints[name]) for name in COLUMNS]


def _reader(hint: Any) -> _Reader:
    if hint in _READERS:
        return _READERS[hint]
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return {word: word for word in inner}.__getitem__
    if len(inner) == 2 and inner[1] is type(None):
        read = _reader(inner[0])
        return lambda value: None if value is None else read(value)
    assert isinstance(hint, type) and issubclass(hint, Enum), f"{hint} is a type of a column"
    return {each.value: each for each in hint}.__getitem__


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("is no text")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("is no integer")
    return value


def _number(value: Any) -> Decimal:
    """A number; not among those that are known by their text, for most of a row stand in no other one."""
    number = value if type(value) is Decimal else Decimal(_text(value))
    if not number.is_finite():
        raise ValueError("is not finite")
    return number


def _time(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else time_from(value)
    if found is None or found.tzinfo is None:
        raise ValueError("is in another spelling")
    return found


def _sums(value: Any) -> dict[str, Decimal]:
    if value == _NOTHING:
        return {}
    found = json.loads(value)
    if not isinstance(found, dict):
        raise TypeError("is no object")
    return {name: _number(amount) for name, amount in found.items()}


def _orders(value: Any) -> Mapping[str, Order]:
    if value == _NO_ORDERS:
        return {}
    found = _order_reader().read_all(value)
    if found is None:
        raise ValueError("is in another spelling")
    return {order.name: order for order in found}


@cache
def _order_reader() -> TypedJson[Order]:
    return TypedJson(Order)


_READERS: Final[dict[Any, _Reader]] = {
    str: _text,
    int: _integer,
    bool: {0: False, 1: True}.__getitem__,
    Number: _number,
    Instant: _time,
    dict[str, Number]: _sums,
    dict[str, Order]: _orders,
}
