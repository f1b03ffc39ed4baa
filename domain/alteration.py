"""Frozen structs: how one is copied with other values in some fields, and how a derived value is cached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields, make_dataclass
from functools import cache
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, get_type_hints, overload

from msgspec import NODEFAULT, Struct, structs
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Value = TypeVar("Value")


class _Unwritten:
    """The marker in the type of a field."""


UNWRITTEN: Final = _Unwritten()
"""Marks a field that is not serialised, because it is stored elsewhere."""

altered: Final = structs.replace
"""Copy a struct with other values in some fields: `dataclasses.replace` in a tenth of the time.

Values cached by `once` are not copied. A name that is not a field is a TypeError.
"""


class _DataclassFields:
    """The fields of a struct, in the form that `dataclasses` expects."""

    def __get__(self, struct: Struct | None, kind: type[Struct]) -> dict[str, Field[Any]]:
        return _dataclass_fields(kind)


@cache
def _dataclass_fields(kind: type[Struct]) -> dict[str, Field[Any]]:
    hints = {
        name: hint for each in reversed(kind.__mro__) for name, hint in vars(each).get("__annotations__", {}).items()
    }
    known = [(each.name, hints[each.name], _field(each)) for each in structs.fields(kind)]
    return {each.name: each for each in fields(make_dataclass(kind.__name__, known, kw_only=True))}


def _field(known: structs.FieldInfo) -> Any:
    if known.default is not NODEFAULT:
        return field(default=known.default)
    return field() if known.default_factory is NODEFAULT else field(default_factory=known.default_factory)


class TypedStruct(Struct, frozen=True):
    """A frozen msgspec struct that `dataclasses` and pydantic treat as a frozen dataclass of the same fields.

    It is faster to create, read and copy than a dataclass; its fields are not in a `__dict__`.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]] = _DataclassFields()  # type: ignore[assignment]  # a descriptor

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate and serialise as pydantic would a dataclass of the same fields, with the same errors."""
        del source
        hints = get_type_hints(cls, include_extras=True)
        known = {each.name: _with_default(handler.generate_schema(hints[each.name]), each) for each in fields(cls)}
        arguments = core_schema.dataclass_args_schema(
            cls.__name__,
            [core_schema.dataclass_field(name, schema, kw_only=True) for name, schema in known.items()],
            extra_behavior="forbid" if cls.__struct_config__.forbid_unknown_fields else "ignore",
        )
        written = {
            name: core_schema.typed_dict_field(schema, serialization_exclude=is_unwritten(hints[name]))
            for name, schema in known.items()
        }
        return core_schema.no_info_wrap_validator_function(
            lambda value, read: value if isinstance(value, cls) else cls(**read(value)[0]),
            arguments,
            serialization=core_schema.plain_serializer_function_ser_schema(
                structs.asdict, return_schema=core_schema.typed_dict_schema(written)
            ),
        )


def is_unwritten(hint: Any) -> bool:
    """Whether a field of this type is marked with UNWRITTEN."""
    return UNWRITTEN in getattr(hint, "__metadata__", ())


def _with_default(schema: CoreSchema, known: Field[Any]) -> CoreSchema:
    if known.default is not MISSING:
        return core_schema.with_default_schema(schema, default=known.default)
    if known.default_factory is not MISSING:
        return core_schema.with_default_schema(schema, default_factory=known.default_factory)
    return schema


class once(Generic[Value]):  # noqa: N801 - a decorator, in lower case like property
    """A property that is computed on first access and cached in the instance's `__dict__`.

    `functools.cached_property` takes a lock in Python 3.11, which doubles the cost of the first access. A fork of this
    process, while another thread holds it, would wait for it for ever.
    """

    def __init__(self, work_out: Callable[[Any], Value]) -> None:
        self._work_out, self.__doc__ = work_out, work_out.__doc__

    def __set_name__(self, kind: type[Any], name: str) -> None:
        """Remember the name under which the value is cached."""
        self._name = name

    @overload
    def __get__(self, value: None, kind: type[Any]) -> Self: ...
    @overload
    def __get__(self, value: object, kind: type[Any]) -> Value: ...
    def __get__(self, value: object, kind: type[Any]) -> Self | Value:
        """Compute and cache the value; Python finds a cached value before it calls this descriptor."""
        if value is None:
            return self
        found = value.__dict__[self._name] = self._work_out(value)
        return found
