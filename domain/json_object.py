"""What is printed as JSON: one rule for a type of value, and in each class once what differs from its fields."""

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

    A key is an attribute by its name, or stands with the path to it (None as soon as something on the way is None), or
    with the function that makes its value: `"status"`, `("id", "row.name")`, `("refused", lambda story: …)`.
    `"row?"` is left out while it is None, and `"**details"` stands for the keys of an object that is merged.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    json_keys: ClassVar[tuple[Key, ...]] = ()

    def as_json(self) -> dict[str, Any]:
        """The keys and values as `json.dumps` takes them."""
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
    """A value as JSON has it: numbers as plain text, times in UTC, lengths of time in seconds."""
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
