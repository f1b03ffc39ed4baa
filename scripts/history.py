"""`history`: what happened to a key, or in one of its cycles."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from infrastructure.history import HistoryEntry
from scripts.options import database_option, json_option, open_ledger
from scripts.output import print_json, print_table

_ENVELOPE: Final = frozenset(
    {"command_id", "request", "cycle", "ts_event", "ts_recorded", "source", "metadata", "holding", "row"}
)


@click.command("history")
@click.argument("key_or_position_id", metavar="KEY|POSITION_ID")
@database_option
@json_option
@click.option(
    "--as-of", metavar="TIME|VERSION|#NID", help="Only what had been recorded by then; a time names its zone."
)
def command(key_or_position_id: str, database: str | None, as_of: str | None, *, as_json: bool) -> None:
    """Tell every event of a key (APTUSDT.binance) or of one cycle (APTUSDT.binance#1), oldest first.

    \b
    Examples:
      position-ledger history APTUSDT.binance#1
      position-ledger history APTUSDT.binance --json
      position-ledger history APTUSDT.binance --as-of 3
    """  # noqa: D301 - click reads \b
    with open_ledger(database) as ledger:
        entries = ledger.history(key_or_position_id, as_of=as_of)
    if as_json:
        print_json([entry.as_json() for entry in entries])
    else:
        print_history(entries)


def print_history(entries: list[HistoryEntry]) -> None:
    """Print events as a table, for people."""
    columns = ["version", "cycle", "when (UTC)", "event", "source", "what"]
    print_table(columns, [_cells(entry) for entry in entries], right=frozenset({"version", "cycle"}))


def _cells(entry: HistoryEntry) -> tuple[object, ...]:
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
