"""Legacy rows to start from: each test changes the column that it is about."""

from __future__ import annotations

import io
from pathlib import Path

from infrastructure.legacy.importing.import_findings import ImportFinding, ImportFindingKind
from infrastructure.legacy.source.dump import read_dump
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow
from infrastructure.legacy.source.table import LegacyTable, understood
from infrastructure.timezones import zone_of

SAMPLE = Path(__file__).parents[2] / "samples_legacy" / "positions.sql"

CLEAN: dict[str, str | None] = {
    "id": "1", "signal_id": "12330417", "symbol": "APTUSDT", "exchange": "binance", "side": "long",
    "quantity": "61.80000000", "entry_price": "3.23330000", "current_price": None, "pnl": "1.25000000",
    "has_stop_loss": "t", "stop_loss_price": "3.17000000", "has_trailing_stop": "f", "status": "closed",
    "opened_at": "2025-10-22 18:50:40.981819+00", "closed_at": "2025-10-22 19:50:40+00",
    "updated_at": "2025-10-22 19:50:40+00", "trailing_activated": "f", "created_at": "2025-10-22 18:50:40.981819+00",
    "exit_reason": "target", "unrealized_pnl": "0", "exchange_order_id": "53190368",
}  # fmt: skip
OPEN: dict[str, str | None] = {"status": "active", "closed_at": None, "exit_reason": None, "pnl": None}


def raw(line: int = 1, /, **changed: str | None) -> RawRow:
    row = CLEAN | changed
    return RawRow(line, tuple(row), tuple(row.values()))


def without(*names: str) -> RawRow:
    row = {name: value for name, value in CLEAN.items() if name not in names}
    return RawRow(1, tuple(row), tuple(row.values()))


def table(*rows: RawRow, zone: str | None = None) -> LegacyTable:
    return understood(rows, None if zone is None else zone_of(zone))


def row(*rows: RawRow, zone: str | None = None) -> LegacyRow:
    (found,) = table(*rows, zone=zone).rows
    return found


def kinds(findings: list[ImportFinding]) -> list[ImportFindingKind]:
    return [finding.kind for finding in findings]


def dumped(text: str | bytes, name: str | None = None) -> list[RawRow]:
    return list(read_dump(io.BytesIO(text.encode() if isinstance(text, str) else text), name))


def sample() -> list[RawRow]:
    return dumped(SAMPLE.read_bytes())


def escaped(value: str | None) -> str:
    """A value as COPY TO writes it."""
    if value is None:
        return "\\N"
    for character, letter in (
        ("\\", "\\"),
        ("\b", "b"),
        ("\f", "f"),
        ("\n", "n"),
        ("\r", "r"),
        ("\t", "t"),
        ("\v", "v"),
    ):
        value = value.replace(character, f"\\{letter}")
    return value


def copied(*rows: RawRow, name: str = "monitoring.positions") -> str:
    """Rows of one column set as pg_dump writes them."""
    lines = ["\t".join(map(escaped, row.values)) for row in rows]
    return "\n".join([f"COPY {name} ({', '.join(rows[0].columns)}) FROM stdin;", *lines, "\\.", ""])
