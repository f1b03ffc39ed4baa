"""Printing objects as JSON: one rule for each type of value, and each class lists the keys that are not its fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar

from domain.values import plain, seconds, timestamp_text

Key = str | tuple[str, str | Callable[[Any], object]]


class JsonObject:
    """A dataclass that is printed as an object: its fields in their order, or the keys that `json_keys` lists.

    A key is the name of an attribute, or a pair of a name and the path to its value (None if any step of the path is
    None) or the function that makes it: `"status"`, `("id", "row.name")`, `("refused", lambda story: …)`.
    `"row?"` is left out when it is None; `"**details"` merges the keys of an object.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    json_keys: ClassVar[tuple[Key, ...]] = ()

    def as_json(self) -> dict[str, Any]:
        """The object as a dictionary that `json.dumps` accepts."""
        found: dict[str, Any] = {}
        for key in self.json_keys or [each.name for each in fields(self)]:
            name, source = (key, key.strip("*?")) if isinstance(key, str) else key
            value = jsonable(_at(self, source) if isinstance(source, str) else source(self))
            if name.startswith("**"):
                found |= value
            elif value is not None or not name.endswith("?"):
                found[name.removesuffix("?")] = value
        return found


def jsonable(value: object) -> Any:
    """Convert a value for JSON: numbers to plain text, times to UTC, durations to seconds."""
    match value:
        case Enum():
            return value.value
        case None | str() | int() | float():
            return value
        case Decimal():
            return plain(value)
        case datetime():
            return timestamp_text(value)
        case timedelta():
            return plain(seconds(value))
        case dict():
            return {jsonable(key): jsonable(each) for key, each in value.items()}
        case tuple() | list():
            return [jsonable(each) for each in value]
    assert hasattr(value, "as_json"), f"{type(value).__name__} has no JSON"
    return value.as_json()


def _at(value: object, path: str) -> object:
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value
