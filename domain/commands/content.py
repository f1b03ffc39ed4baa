"""The content of a command as JSON, of which its digest is made: as pydantic writes it, with a third of its work."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from domain.symbols.spelling import Symbol
from domain.values import Leg, Side, plain
from domain.writing import written

ENVELOPE: Final = {"command_id", "expected_version", "at", "source", "metadata"}
"""The fields that are no content: the same command may come with others."""

_CONVERSIONS: Final[dict[type, Callable[[Any], object] | None]] = {
    Decimal: plain,
    Symbol: str.__str__,
    **dict.fromkeys((str, bool, Leg, Side)),
}
"""The types whose values are written here, and how a value is converted first; any other is left to pydantic."""
_encode: Final = msgspec.json.Encoder().encode


def content_of(command: BaseModel) -> bytes:
    """The fields of a command without its envelope, and without those that have their default."""
    known, content = command.__dict__, dict[str, object]()
    for name, default in _defaults(type(command)):
        value = known[name]
        kind = type(value)
        if kind is type(default) and value == default:
            continue
        if kind not in _CONVERSIONS:
            return written(command.__pydantic_serializer__, command, exclude=ENVELOPE, exclude_defaults=True)
        convert = _CONVERSIONS[kind]
        content[name] = value if convert is None else convert(value)
    return _encode(content)


@cache
def _defaults(kind: type[BaseModel]) -> tuple[tuple[str, Any], ...]:
    """The fields that are content, in their order, each with its default."""
    return tuple((name, field.default) for name, field in kind.model_fields.items() if name not in ENVELOPE)
