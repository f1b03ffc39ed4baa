"""Reading a row of positions as a database gives it back: where it is as we write, several times as fast as pydantic.

Whatever is in another spelling, or may be wrong, is left to pydantic, which reads more and says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from domain.orders.cycle_orders import NO_ORDERS, Orders
from domain.orders.order import Order
from domain.values import TIME_LENGTH, Instant, Number
from infrastructure.struct_json.typed_json import TypedJson
from projections.listed_row import Listed, ListedRow, listed_from
from projections.positions import PositionRow, row_from

_Reader = Callable[[Any], Any]
_SHAPES_MAX: Final = 1_000
"""Of rows, by the types of their values: so many are remembered."""
_NOTHING: Final = "{}"
_NO_ORDERS: Final = "[]"


def stored_row(values: Sequence[Any]) -> PositionRow:
    """The row, from its values in the order of COLUMNS. Refuses: HistoryDamaged for what is no row of ours."""
    known = _of_rows().read(values)
    return row_from(values) if known is None else PositionRow(**known)


def listed_row(values: Sequence[Any]) -> ListedRow:
    """The row of a list, from its values in the order of LISTED_COLUMNS. Refuses: as `stored_row` does."""
    known = _of_lists().read(values)
    return listed_from(values) if known is None else ListedRow(**known)


@cache
def _of_rows() -> _Columns:
    return _Columns(PositionRow)


@cache
def _of_lists() -> _Columns:
    return _Columns(ListedRow)


class _Columns:
    """The columns of one kind of row: which of them have to be made of what a database gives, and how."""

    def __init__(self, kind: type[Listed]) -> None:
        hints = get_type_hints(kind, include_extras=True)
        self._names = kind.__struct_fields__
        self._readings = [_reading(hints[name]) for name in self._names]
        self._made_of = lru_cache(_SHAPES_MAX)(self._made)

    def read(self, values: Sequence[Any]) -> dict[str, Any] | None:
        """The fields of a row by name; None where pydantic has to look."""
        known = [*values]
        try:
            for place, read in self._made_of(tuple(map(type, known))):
                known[place] = read(known[place])
            return dict(zip(self._names, known, strict=True))
        except (LookupError, TypeError, ValueError, ArithmeticError):
            return None

    def _made(self, types: tuple[type, ...]) -> list[tuple[int, _Reader]]:
        """Of a row of such values: there are a few kinds of cycles, and most of their columns are as they are."""
        read = [reading[each] for reading, each in zip(self._readings, types, strict=True)]
        return [(place, make) for place, make in enumerate(read) if make is not None]


def _reading(hint: Any) -> Mapping[type, _Reader | None]:
    """By the type of what a database gives: how the field is made of it; None where it is that already."""
    if hint in _READINGS:
        return _READINGS[hint]
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return {str: {word: word for word in inner}.__getitem__}
    if len(inner) == 2 and inner[1] is NoneType:
        return {**_reading(inner[0]), NoneType: None}
    assert isinstance(hint, type) and issubclass(hint, Enum), f"{hint} is a type of a column"
    return {str: {each.value: each for each in hint}.__getitem__}


def _number(text: str) -> Decimal:
    """A number; not among those that are known by their text, for most of a row stand in no other one."""
    return _finite(Decimal(text))


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("is not finite")
    return number


def _time(text: str) -> datetime:
    """A time in the one spelling of `timestamp_text`; the hour 24 is one for some versions of Python."""
    if len(text) != TIME_LENGTH or text[4:20:3] != "--T::." or text[26] != "Z" or text[11:13] == "24":
        raise ValueError(f"{text} is in another spelling")
    return datetime.fromisoformat(text)


def _of_a_zone(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("names no zone")
    return time


def _sums(text: str) -> dict[str, Decimal]:
    if text == _NOTHING:
        return {}
    found = json.loads(text)
    if not isinstance(found, dict) or not all(type(amount) is str for amount in found.values()):
        raise TypeError("is no object of texts")
    return {name: _number(amount) for name, amount in found.items()}


def _orders(text: str) -> Orders:
    if text == _NO_ORDERS:
        return NO_ORDERS
    found = _order_reader().read_all(text)
    if found is None:
        raise ValueError("is in another spelling")
    return Orders.of(found)


@cache
def _order_reader() -> TypedJson[Order]:
    return TypedJson(Order)


_READINGS: Final[dict[Any, Mapping[type, _Reader | None]]] = {
    str: {str: None},
    int: {int: None},
    bool: {bool: None, int: {0: False, 1: True}.__getitem__},
    Number: {str: _number, Decimal: _finite},
    Instant: {str: _time, datetime: _of_a_zone},
    dict[str, Number]: {str: _sums},
    Orders: {str: _orders},
}
