"""Frozen values: made at once, and with other values in some of their fields."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Final, TypeVar

Value = TypeVar("Value")
Kind = TypeVar("Kind", bound=type[Any])

_SET: Final = object.__setattr__


def at_once(kind: Kind) -> Kind:
    """Let a frozen dataclass take all its fields at once, where `dataclasses` sets one after the other, past the class.

    Fields that are given by their places, unknown or missing are left to what that made of the class.
    """
    known = {field.name: field.default for field in fields(kind)}
    assert all(field.default_factory is MISSING for field in fields(kind)), "a default is shared"
    required = frozenset(name for name, default in known.items() if default is MISSING)
    thorough = kind.__init__

    def make(self: Any, /, *places: Any, **given: Any) -> None:
        facts = {**known, **given}
        if places or len(facts) != len(known) or not required.issubset(given):
            thorough(self, *places, **given)
        else:
            _SET(self, "__dict__", facts)

    kind.__init__ = make
    return kind


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
