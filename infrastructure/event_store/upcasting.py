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
    """The step from one stored name to the next version: the new name, and how its fields follow from the old ones.

    `fields` is a pure function: the same fields in give the same fields out; it may alter the dict that it is given.
    """

    becomes: str
    fields: Callable[[Fields], Fields]


UPCASTS: Final[dict[str, Upcast]] = {}
"""The steps by the old stored name. No event that was shipped has changed its shape so far."""


def upcast(name: str, fields: Fields) -> tuple[str, Fields]:
    """A payload under today's name and in today's shape."""
    while name in UPCASTS:
        step = UPCASTS[name]
        name, fields = step.becomes, step.fields(fields)
    return name, fields
