"""The columns of the log that an event fills, with their types, in the order of the append."""

from __future__ import annotations

from typing import Final

EVENT_COLUMNS: Final = (
    ("stream", "text"),
    ("version", "bigint"),
    ("type", "text"),
    ("payload", "text"),
    ("hash", "text"),
    ("command_id", "text"),
    ("intent_id", "text"),
    ("cycle", "bigint"),
    ("mark", "text"),
    ("ts_recorded", "timestamptz"),
)
EVENT_NAMES: Final = ", ".join(name for name, _ in EVENT_COLUMNS)
"""The columns that an event fills; the nid is assigned by the database."""
