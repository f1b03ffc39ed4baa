"""Events as they were stored: one file for each stored name, one line for each payload. Add lines, never edit one.

`shapes.json` says which fields each stored name has. When a test finds another shape, stored rows have the old one:
give the event a new version and an upcast, then let `python -m tests.samples` say what the file should be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

from domain.commands.requests import ClosingFill, Evidence
from domain.events import EVENTS, PositionEvent
from domain.holding import Holding
from domain.values import Side, Source, Status
from infrastructure.event_store import codec

FOLDER: Final = Path(__file__).parent
SHAPES: Final = FOLDER / "shapes.json"


def samples() -> Iterator[tuple[str, bytes]]:
    """Every stored name with every payload that was ever stored under it."""
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            yield path.stem, line


def stored_name(event: type[PositionEvent]) -> str:
    return codec._STORED_NAMES[event]


def _defaults(cls: Any) -> Iterator[tuple[str, str, Any]]:
    if hasattr(cls, "model_fields"):
        for name, field in cls.model_fields.items():
            yield name, cls.__annotations__[name], "required" if field.is_required() else field.default
        return
    for each in fields(cls):
        default = each.default if each.default_factory is MISSING else each.default_factory()
        yield each.name, str(each.type), "required" if default is MISSING else default


def _shape(cls: Any, without: frozenset[str] = frozenset()) -> dict[str, str]:
    return {name: f"{kind}, {default}" for name, kind, default in _defaults(cls) if name not in without}


def shapes() -> dict[str, Any]:
    """What is stored today: fields in their order with type and default; what an enumeration may say."""
    envelope = frozenset(each.name for each in fields(PositionEvent))
    return (
        {"every event": _shape(PositionEvent, frozenset({"originator_id", "originator_version"}))}
        | {stored_name(event): _shape(event, envelope) for event in EVENTS}
        | {part.__name__: _shape(part) for part in (Holding, Evidence, ClosingFill)}
        | {values.__name__: [*values] for values in (Side, Status, Source)}
    )


def shapes_text() -> str:
    return json.dumps(shapes(), indent=2) + "\n"
