"""A frozen value with other values in some of its fields."""

from __future__ import annotations

from typing import Any, TypeVar

Value = TypeVar("Value")


def altered(value: Value, /, **changes: Any) -> Value:
    """What `dataclasses.replace` makes of a value that has no slots and checks nothing, for a tenth of its price.

    An append makes three of them, and the other one goes through all fields twice. What a value has worked out of
    fields that change must not be kept in it.
    """
    known = vars(value)
    facts = {**known, **changes}
    assert len(facts) == len(known), f"{changes.keys() - known.keys()} are no fields of {type(value).__name__}"
    made = object.__new__(type(value))
    object.__setattr__(made, "__dict__", facts)  # at once: a dictionary is copied whole, and filled key by key
    return made
