"""Events as rows of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from infrastructure.ledger.questions.history import HistoryEntry
from scripts.output import print_table

EVENT_COLUMNS: Final = ("version", "cycle", "when (UTC)", "event", "source", "what")
_ENVELOPE: Final = frozenset(
    {
        *("command_id", "request", "cycle", "ts_event", "ts_recorded", "source", "metadata", "time_was_said"),
        *("holding", "row"),
    }
)


def print_history(entries: Sequence[HistoryEntry]) -> None:
    """Print events as a table, for people."""
    print_table(EVENT_COLUMNS, [event_cells(entry) for entry in entries], right=frozenset({"version", "cycle"}))


def event_cells(entry: HistoryEntry) -> tuple[object, ...]:
    """An event as a row of a table."""
    event = entry.event
    return (
        event.originator_version,
        event.cycle,
        event.ts_event.strftime("%Y-%m-%d %H:%M:%S.%f"),
        type(event).__name__,
        event.source.value,
        ", ".join(_facts(json.loads(entry.payload))),
    )


def _facts(fields: dict[str, Any]) -> list[str]:
    return [
        f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
        if name not in _ENVELOPE and value is not None
    ]
