"""SQL conditions with the placeholder of a database, and the values that they compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.values import timestamp_text
from infrastructure.event_store.vocabulary.places import AsOf

Conditions = Mapping[str, Any]
"""Values by comparisons like `version >`; a value of None adds no condition. A tuple of values is for `type IN`, or for
a comparison of several columns like `(stream, version) >`."""


def position_ids_of(stream: str) -> tuple[str, str]:
    """Two bounds, compared byte by byte, between which the position ids of a stream are: for the primary key."""
    return f"{stream}#", f"{stream}$"


def until(as_of: AsOf | None) -> dict[str, Any]:
    """The conditions of a moment."""
    if as_of is None:
        return {}
    time = None if as_of.time is None else timestamp_text(as_of.time)
    return {"ts_recorded <=": time, "version <=": as_of.version, "nid <=": as_of.nid}


def where(conditions: Sequence[str]) -> str:
    """The WHERE clause of all conditions; empty when there are none."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def compared(conditions: Conditions, placeholder: str) -> tuple[list[str], list[Any]]:
    """The conditions in SQL, and their values in the same order."""
    written, values = list[str](), list[Any]()
    for comparison, value in conditions.items():
        if isinstance(value, tuple):
            written.append(f"{comparison} ({', '.join([placeholder] * len(value))})")
            values += value
        elif value is not None:
            written.append(f"{comparison} {placeholder}")
            values.append(value)
    return written, values
