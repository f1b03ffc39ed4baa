"""Reading JSON into frozen dataclasses: what is in our own spelling several times as fast as pydantic does.

Whatever is in another spelling, or may be wrong, is left to pydantic, which reads more and says what is wrong. So
nothing may be read here that pydantic would refuse, or read as something else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import GenericAlias, NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    cast,
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


class TypedJson(Generic[Read]):
    """The reader of one class of frozen objects; `beside` names fields that stand elsewhere, not in the JSON."""

    def __init__(self, kind: type[Read], *, beside: Sequence[str] = ()) -> None:
        """Look once at what the fields are."""
        mirror, self._made = _mirror(kind, beside)
        self._decode = msgspec.json.Decoder(mirror).decode
        self._decode_all = msgspec.json.Decoder(GenericAlias(list, mirror)).decode

    def read(self, text: bytes | str, *beside: Any) -> Read | None:
        """The object, after its JSON with the fields that stand elsewhere; None where pydantic has to look."""
        try:
            return self._made(self._decode(text), *beside)
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
            return None

    def read_all(self, text: bytes | str) -> list[Read] | None:
        """The objects of a list; None where pydantic has to look."""
        try:
            return [self._made(each) for each in self._decode_all(text)]
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
            return None


class _FieldReading(NamedTuple):
    """How msgspec reads a type, and what makes of that what it should be; None where it is that already."""

    mirror: Any
    made: Callable[[Any], Any] | None = None


def _mirror(kind: type[Read], beside: Sequence[str] = ()) -> tuple[type[msgspec.Struct], Callable[..., Read]]:
    """The same fields for msgspec, and what makes an object of them and of those that stand elsewhere."""
    hints = get_type_hints(kind, include_extras=True)
    readings = {each: _reading(hints[each.name]) for each in fields(cast("Any", kind)) if each.name not in beside}
    forbids = getattr(kind, "__pydantic_config__", {}).get("extra") == "forbid"
    mirror = msgspec.defstruct(
        kind.__name__,
        [_defined(field, reading.mirror) for field, reading in readings.items()],
        kw_only=True,
        forbid_unknown_fields=forbids,
        gc=False,
    )
    return mirror, _maker(kind, {field.name: reading.made for field, reading in readings.items()}, beside)


def _maker(
    kind: type[Read], parts: Mapping[str, Callable[[Any], Any] | None], beside: Sequence[str]
) -> Callable[..., Read]:
    """Write down what is done with each field: a loop over them takes a quarter of the reading."""
    facts = {name: name for name in beside}
    for name, make in parts.items():
        facts[name] = (
            f"known.{name}" if make is None else f"None if known.{name} is None else make_{name}(known.{name})"
        )
    names: dict[str, Any] = {f"make_{name}": make for name, make in parts.items()} | {"kind": kind, "made": made}
    if issubclass(kind, msgspec.Struct):
        new = f"kind({', '.join(f'{name}={fact}' for name, fact in facts.items())})"
    else:
        new = f"made(kind, {{{', '.join(f'{name!r}: {fact}' for name, fact in facts.items())}}})"
    exec(f"def make({', '.join(['known', *beside])}): return {new}", names)  # noqa: S102 - of names of fields alone
    return cast("Callable[..., Read]", names["make"])


def _defined(field: Field[Any], hint: Any) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.default is not MISSING:
        return field.name, hint, str(field.default) if isinstance(field.default, Decimal) else field.default
    if field.default_factory is not MISSING:
        return field.name, hint, msgspec.field(default_factory=field.default_factory)
    return field.name, hint


def _reading(hint: Any) -> _FieldReading:
    if hint == Number:
        return _FieldReading(str, _NUMBERS.__getitem__)  # of its own msgspec would take a float
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
        return _FieldReading(*_mirror(hint))
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


class _KnownNumbers(dict[str, Decimal]):
    """Numbers by their text: the same few stand in an event several times, and in the next one again.

    No more than stay near the processor: with 25 times as many a walk took longer.
    """

    def __missing__(self, text: str) -> Decimal:
        number = Decimal(text)
        if not number.is_finite():
            raise ValueError(f"{text} is not finite")
        if len(self) >= _NUMBERS_MAX:
            self.clear()
        self[text] = number
        return number


_NUMBERS: Final = _KnownNumbers()


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is a float; numbers are stored as text")


without_floats: Final = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float).decode
"""Reads any JSON that has no number with a point."""
