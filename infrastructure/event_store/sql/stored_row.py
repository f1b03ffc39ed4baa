"""Parsing a stored row of positions: several times as fast as pydantic where the row is spelled as we write it.

A row with any other spelling, or that may be wrong, is left to pydantic, which accepts more and says what is wrong.
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
from domain.values import TIME_LENGTH, Instant, Number, recorded_number
from infrastructure.struct_json.typed_json import TypedJson
from projections.listed_row import Listed, ListedRow, listed_from
from projections.positions import PositionRow, row_from

_Reader = Callable[[Any], Any]
_SHAPES_MAX: Final = 1_000
"""How many combinations of value types are remembered, each with how such a row is parsed."""
_NOTHING: Final = "{}"
_NO_ORDERS: Final = "[]"


def stored_row(values: Sequence[Any]) -> PositionRow:
    """Parse a row from its values in the order of COLUMNS. Refuses: HistoryDamaged when they are no valid row."""
    known = _of_rows().read(values)
    return row_from(values) if known is None else PositionRow(**known)


def listed_row(values: Sequence[Any]) -> ListedRow:
    """Parse a row of a list from its values in the order of LISTED_COLUMNS. Refuses: as `stored_row` does."""
    known = _of_lists().read(values)
    return listed_from(values) if known is None else ListedRow(**known)


@cache
def _of_rows() -> _Columns:
    return _Columns(PositionRow)


@cache
def _of_lists() -> _Columns:
    return _Columns(ListedRow)


class _Columns:
    """The columns of one kind of row: which of them must be converted from the database's values, and how."""

    def __init__(self, kind: type[Listed]) -> None:
        hints = get_type_hints(kind, include_extras=True)
        self._names = kind.__struct_fields__
        self._readings = [_reading(hints[name]) for name in self._names]
        self._conversions_of = lru_cache(_SHAPES_MAX)(self._conversions)

    def read(self, values: Sequence[Any]) -> dict[str, Any] | None:
        """The fields of a row by name; None where pydantic has to parse it."""
        fields = [*values]
        try:
            for place, convert in self._conversions_of(tuple(map(type, fields))):
                fields[place] = convert(fields[place])
            return dict(zip(self._names, fields, strict=True))
        except (LookupError, TypeError, ValueError):
            return None

    def _conversions(self, types: tuple[type, ...]) -> list[tuple[int, _Reader]]:
        """The columns to convert in a row with values of such types; there are few combinations of types."""
        readers = [reading[each] for reading, each in zip(self._readings, types, strict=True)]
        return [(place, reader) for place, reader in enumerate(readers) if reader is not None]


def _reading(hint: Any) -> Mapping[type, _Reader | None]:
    """How a field is made from the database's value, by the type of that value; None where it is used as it is."""
    if hint in _READINGS:
        return _READINGS[hint]
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return {str: {word: word for word in inner}.__getitem__}
    if len(inner) == 2 and inner[1] is NoneType:
        return {**_reading(inner[0]), NoneType: None}
    assert isinstance(hint, type) and issubclass(hint, Enum), f"{hint} is a type of a column"
    return {str: {each.value: each for each in hint}.__getitem__}


def _time(text: str) -> datetime:
    """A time in the exact spelling of `timestamp_text`; hour 24, which some versions of Python accept, is refused."""
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
    return {name: recorded_number(amount) for name, amount in found.items()}


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
    Number: {str: recorded_number, Decimal: recorded_number},
    Instant: {str: _time, datetime: _of_a_zone},
    dict[str, Number]: {str: _sums},
    Orders: {str: _orders},
}
