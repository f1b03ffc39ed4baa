"""Reading JSON into frozen dataclasses: what is in our own spelling several times as fast as pydantic does.

Whatever is in another spelling, or may be wrong, is left to pydantic, which reads more and says what is wrong. So
nothing may be read here that pydantic would refuse, or read as something else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from types import GenericAlias, NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from pydantic import TypeAdapter

from domain.alteration import made
from domain.values import TIME_LENGTH, Instant, Number

Read = TypeVar("Read")

_NUMBERS_MAX: Final = 2_000
_NOTHING: Final[Mapping[str, Any]] = {}


class TypedJson(Generic[Read]):
    """The reader of one class of frozen dataclasses; `beside` names fields that stand elsewhere, not in the JSON."""

    def __init__(self, kind: type[Read], *, beside: frozenset[str] = frozenset()) -> None:
        """Look once at what the fields are."""
        self._made = _maker(kind)
        mirror, self._parts = _mirror(kind, beside)
        self._decode = msgspec.json.Decoder(mirror, dec_hook=_number).decode
        self._decode_all = msgspec.json.Decoder(GenericAlias(list, mirror), dec_hook=_number).decode

    def read(self, text: bytes | str, beside: Mapping[str, Any] = _NOTHING) -> Read | None:
        """The object; None where pydantic has to look."""
        try:
            known = _completed(self._decode(text), self._parts)
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
            return None
        known.update(beside)
        return self._made(known)

    def read_all(self, text: bytes | str) -> list[Read] | None:
        """The objects of a list; None where pydantic has to look."""
        try:
            return [self._made(_completed(each, self._parts)) for each in self._decode_all(text)]
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
            return None


class _FieldReading(NamedTuple):
    """How msgspec reads a type, and what makes of that what it should be; None where it is that already."""

    mirror: Any
    made: Callable[[Any], Any] | None = None


_Parts = list[tuple[str, Callable[[Any], Any]]]


def _mirror(kind: Any, beside: frozenset[str] = frozenset()) -> tuple[type[msgspec.Struct], _Parts]:
    """The same fields for msgspec, and those that are to be made of what it reads."""
    hints = get_type_hints(kind, include_extras=True)
    readings = {each: _reading(hints[each.name]) for each in fields(kind) if each.name not in beside}
    forbids = getattr(kind, "__pydantic_config__", {}).get("extra") == "forbid"
    mirror = msgspec.defstruct(
        kind.__name__,
        [_defined(field, reading.mirror) for field, reading in readings.items()],
        kw_only=True,
        forbid_unknown_fields=forbids,
        gc=False,
    )
    return mirror, [(field.name, reading.made) for field, reading in readings.items() if reading.made is not None]


def _defined(field: Field[Any], hint: Any) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.default is not MISSING:
        return field.name, hint, field.default
    if field.default_factory is not MISSING:
        return field.name, hint, msgspec.field(default_factory=field.default_factory)
    return field.name, hint


def _reading(hint: Any) -> _FieldReading:
    if hint == Number:
        return _FieldReading(object)  # what msgspec has no reader for it asks us for: of its own it would take a float
    if hint == Instant:
        return _FieldReading(str, _certain_time)  # of its own it would round what has more than six decimals
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType) and len(inner) == 2 and inner[1] is NoneType:
        known = _reading(inner[0])
        return _thorough(hint) if known.mirror is msgspec.Raw else _FieldReading(known.mirror | None, known.made)
    if (origin is dict and inner[0] is str) or (origin is tuple and inner[1:] == (...,)):
        return _each(hint)
    if origin is Literal or hint in (str, int, bool) or (isinstance(hint, type) and issubclass(hint, Enum)):
        return _FieldReading(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        mirror, parts = _mirror(hint)
        return _FieldReading(mirror, _remade(hint, parts))
    return _thorough(hint)


def _thorough(hint: Any) -> _FieldReading:
    """What only pydantic reads as it should be: the bytes that stand there are for it."""
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    return _FieldReading(msgspec.Raw, lambda raw: adapter.validate_python(without_floats(bytes(raw).decode())))


def _each(hint: Any) -> _FieldReading:
    """What has many of one type, by name or in a row."""
    container, (*_, inner) = get_origin(hint), [each for each in get_args(hint) if each is not ...]
    mirror, make = _reading(inner)
    if mirror is msgspec.Raw:
        return _thorough(hint)
    if container is dict:
        return _FieldReading(
            GenericAlias(dict, (str, mirror)),
            make and (lambda found: {name: make(each) for name, each in found.items()}),
        )
    return _FieldReading(GenericAlias(tuple, (mirror, ...)), make and (lambda found: tuple(map(make, found))))


def _remade(kind: type[Read], parts: _Parts) -> Callable[[Any], Read]:
    if not parts and "__slots__" in vars(kind):
        return lambda mirror: kind(*msgspec.structs.astuple(mirror))
    make = _maker(kind)
    return lambda mirror: make(_completed(mirror, parts))


def _maker(kind: type[Read]) -> Callable[[dict[str, Any]], Read]:
    """What makes such an object of all its fields, as they are."""
    return (lambda known: kind(**known)) if issubclass(kind, msgspec.Struct) else partial(made, kind)


def _completed(mirror: Any, parts: _Parts) -> dict[str, Any]:
    known = msgspec.structs.asdict(mirror)
    for name, make in parts:
        value = known[name]
        if value is not None:
            known[name] = make(value)
    return known


def time_from(text: object) -> datetime | None:
    """A time in the one spelling of `timestamp_text`; None for anything else."""
    try:
        return _certain_time(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _certain_time(text: str) -> datetime:
    """The hour 24 is one for some versions of Python, and none for pydantic."""
    if len(text) != TIME_LENGTH or text[4:20:3] != "--T::." or text[26] != "Z" or text[11:13] == "24":
        raise ValueError(f"{text} is in another spelling")
    return datetime.fromisoformat(text)


class _KnownNumbers(dict[Any, Decimal]):
    """Numbers by their text: the same few stand in an event several times, and in the next one again.

    No more of them than stay near the processor: with 50,000 a walk takes a twentieth longer.
    """

    def __missing__(self, text: Any) -> Decimal:
        if type(text) is not str:
            raise ValueError(f"{text!r} is no text")
        number = Decimal(text)
        if not number.is_finite():
            raise ValueError(f"{text} is not finite")
        if len(self) >= _NUMBERS_MAX:
            self.clear()
        self[text] = number
        return number


_KNOWN: Final = _KnownNumbers()


def _number(kind: type, value: Any) -> Any:
    del kind
    return _KNOWN[value]


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is a float; numbers are stored as text")


without_floats: Final = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float).decode
"""Reads any JSON that has no number with a point."""
