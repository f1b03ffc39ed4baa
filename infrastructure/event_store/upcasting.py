"""Upcasting: stored events of earlier schema versions in today's shape.

A stored event is never rewritten. When the shape of an event changes, its stored name gets the next version, and an
upcast says once, for good, what the fields of the version before mean today.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

Fields = dict[str, Any]
"""A payload as JSON gives it back: numbers and times as text."""


@dataclass(frozen=True)
class Upcast:
    """What follows a stored name: the next version, and its fields from those of this one.

    `fields` is pure: the same fields in, the same fields out, whatever the day; it may change what it is given.
    """

    becomes: str
    fields: Callable[[Fields], Fields]


UPCASTS: Final[dict[str, Upcast]] = {}
"""By stored name of the past. Nothing that was shipped has changed its shape so far."""


def upcast(name: str, fields: Fields) -> tuple[str, Fields]:
    """A payload under today's name and in today's shape."""
    while name in UPCASTS:
        step = UPCASTS[name]
        name, fields = step.becomes, step.fields(fields)
    return name, fields
