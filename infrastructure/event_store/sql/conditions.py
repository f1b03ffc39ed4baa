"""SQL conditions with the placeholder of a database, together with their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.values import timestamp_text
from infrastructure.event_store.vocabulary.places import AsOf


def position_ids_of(stream: str) -> tuple[str, str]:
    """Two bounds, compared byte by byte, between which the position ids of a stream are: for the primary key."""
    return f"{stream}#", f"{stream}$"


def until(as_of: AsOf | None, placeholder: str) -> tuple[list[str], list[Any]]:
    """The conditions of a moment, and their values."""
    if as_of is None:
        return [], []
    bounds = {"ts_recorded": as_of.time, "version": as_of.version, "nid": as_of.nid}
    known = {column: value for column, value in bounds.items() if value is not None}
    values = [timestamp_text(value) if isinstance(value, datetime) else value for value in known.values()]
    return [f"{column} <= {placeholder}" for column in known], values


def where(conditions: Sequence[str]) -> str:
    """The WHERE clause of all conditions; empty when there are none."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def compared(values: Mapping[str, Any], placeholder: str) -> tuple[list[str], list[Any]]:
    """The conditions for comparisons like `version >`, and their values; a value of None adds no condition."""
    known = {comparison: value for comparison, value in values.items() if value is not None}
    return [f"{comparison} {placeholder}" for comparison in known], list(known.values())
