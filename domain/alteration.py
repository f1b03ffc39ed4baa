"""Frozen values: made at once, with other values in some of their fields, and what they work out of them once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, Final, Generic, Self, TypeVar, overload

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


def _init_of(kind: type[Any]) -> Any:
    """What `dataclasses` writes, but for a dict of all fields in place of a call for each."""
    known = fields(kind)
    by_place = [_parameter(field) for field in known if not field.kw_only]
    by_name = [_parameter(field) for field in known if field.kw_only]
    parameters = ", ".join([*by_place, *(["*", *by_name] if by_name else [])])
    facts = ", ".join(f"{field.name!r}: {field.name}" for field in known)
    names: dict[str, Any] = {"_set": _SET, **{f"_{field.name}": field.default for field in known}}
    exec(f"def __init__(self, {parameters}): _set(self, '__dict__', {{{facts}}})", names)  # noqa: S102 - of names alone
    names["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    return names["__init__"]


def _parameter(field: Field[Any]) -> str:
    return field.name if field.default is MISSING else f"{field.name}=_{field.name}"


def made(kind: type[Value], known: dict[str, Any]) -> Value:
    """A frozen object of all its fields, as they are: a fraction of the price of making it field by field."""
    new = object.__new__(kind)
    _SET(new, "__dict__", known)
    return new


def altered(value: Value, /, **changes: Any) -> Value:
    """What `dataclasses.replace` makes of a value that has no slots and checks nothing, for a tenth of its price.

    An append makes three of them, and the other one goes through all fields twice. What a value has worked out of
    fields that change must not be kept in it.
    """
    known = vars(value)
    facts = {**known, **changes}
    assert len(facts) == len(known), f"{changes.keys() - known.keys()} are no fields of {type(value).__name__}"
    return made(type(value), facts)


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
