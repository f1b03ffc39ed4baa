"""Frozen values: made at once, with other values in some of their fields, and what they work out of them once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from functools import cache
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, dataclass_transform, get_type_hints, overload

from msgspec import NODEFAULT, Struct, structs
from pydantic import ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Value = TypeVar("Value")
Kind = TypeVar("Kind", bound=type[Any])

_SET: Final = object.__setattr__


def at_once(kind: Kind) -> Kind:
    """Let a frozen dataclass take all its fields at once, where `dataclasses` sets one after the other, past the class.

    Its `__init__` is written anew, with the same parameters, when the first object is made: programs make few kinds.
    """
    assert all(field.default_factory is MISSING for field in fields(kind)), "a default is shared"

    def first(self: Any, /, *places: Any, **given: Any) -> None:
        kind.__init__ = _init_of(kind)
        kind.__init__(self, *places, **given)

    kind.__init__ = first
    return kind


@dataclass_transform(kw_only_default=True, frozen_default=True)
def frozen(kind: Kind) -> Kind:
    """A frozen dataclass of keywords that takes its fields at once, compared and shown as a class above it says.

    Nothing is written for it when it is defined but its fields: of what a process waits for when it starts, methods of
    two dozen kinds were a tenth.
    """
    dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)(kind)
    return at_once(kind)


def _init_of(kind: type[Any]) -> Any:
    """What `dataclasses` writes, but for a dict of all fields in place of a call for each."""
    known = fields(kind)
    by_place = [_parameter(each) for each in known if not each.kw_only]
    by_name = [_parameter(each) for each in known if each.kw_only]
    parameters = ", ".join([*by_place, *(["*", *by_name] if by_name else [])])
    facts = ", ".join(f"{each.name!r}: {each.name}" for each in known)
    names: dict[str, Any] = {"_set": _SET, **{f"_{each.name}": each.default for each in known}}
    exec(f"def __init__(self, {parameters}): _set(self, '__dict__', {{{facts}}})", names)  # noqa: S102 - of names alone
    names["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    return names["__init__"]


def _parameter(known: Field[Any]) -> str:
    return known.name if known.default is MISSING else f"{known.name}=_{known.name}"


def made(kind: type[Value], known: dict[str, Any]) -> Value:
    """A frozen object of all its fields, as they are: a fraction of the price of making it field by field."""
    new = object.__new__(kind)
    _SET(new, "__dict__", known)
    return new


altered: Final = structs.replace
"""What `dataclasses.replace` makes of a struct, for a tenth of its price; a name that is no field is a TypeError.

What a struct has worked out of its fields is not taken along.
"""


class _DataclassFields:
    """The fields of a struct, as `dataclasses` tells them."""

    def __get__(self, struct: Struct | None, kind: type[Struct]) -> dict[str, Field[Any]]:
        return _dataclass_fields(kind)


@cache
def _dataclass_fields(kind: type[Struct]) -> dict[str, Field[Any]]:
    known = [(each.name, kind.__annotations__[each.name], _field(each)) for each in structs.fields(kind)]
    return {each.name: each for each in fields(make_dataclass(kind.__name__, known, kw_only=True))}


def _field(known: structs.FieldInfo) -> Any:
    if known.default is not NODEFAULT:
        return field(default=known.default)
    return field() if known.default_factory is NODEFAULT else field(default_factory=known.default_factory)


class TypedStruct(Struct, frozen=True):
    """A frozen value whose fields stand in C: made at once, read without a dictionary, altered by a copy.

    For `dataclasses` and for pydantic it is the frozen dataclass of the same fields; it has no dictionary of them.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]] = _DataclassFields()  # type: ignore[assignment]  # is asked
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read what a dataclass of these fields would be read from, with its errors, and write what it would say."""
        del source
        hints = get_type_hints(cls, include_extras=True)
        known = {each.name: _with_default(handler.generate_schema(hints[each.name]), each) for each in fields(cls)}
        arguments = core_schema.dataclass_args_schema(
            cls.__name__,
            [core_schema.dataclass_field(name, schema, kw_only=True) for name, schema in known.items()],
            extra_behavior=cls.__pydantic_config__.get("extra", "ignore"),
        )
        written = {name: core_schema.typed_dict_field(schema) for name, schema in known.items()}
        return core_schema.no_info_wrap_validator_function(
            lambda value, read: value if isinstance(value, cls) else cls(**read(value)[0]),
            arguments,
            serialization=core_schema.plain_serializer_function_ser_schema(
                structs.asdict, return_schema=core_schema.typed_dict_schema(written)
            ),
        )


def _with_default(schema: CoreSchema, known: Field[Any]) -> CoreSchema:
    if known.default is not MISSING:
        return core_schema.with_default_schema(schema, default=known.default)
    if known.default_factory is not MISSING:
        return core_schema.with_default_schema(schema, default_factory=known.default_factory)
    return schema


class once(Generic[Value]):  # noqa: N801 - written as the decorators beside it
    """A property that is worked out when it is first asked for, and kept beside the fields.

    `functools.cached_property` does the same under a lock that Python 3.11 takes each time, for as much as the rest.
    """

    def __init__(self, work_out: Callable[[Any], Value]) -> None:
        self._work_out, self.__doc__ = work_out, work_out.__doc__

    def __set_name__(self, kind: type[Any], name: str) -> None:
        """Know the name that it is kept under."""
        self._name = name

    @overload
    def __get__(self, value: None, kind: type[Any]) -> Self: ...
    @overload
    def __get__(self, value: object, kind: type[Any]) -> Value: ...
    def __get__(self, value: object, kind: type[Any]) -> Self | Value:
        """Work it out, once: what is kept under its name is found before this is asked."""
        if value is None:
            return self
        found = value.__dict__[self._name] = self._work_out(value)
        return found
