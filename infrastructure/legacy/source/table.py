"""A whole legacy table: the rows that can become cycles, and the findings of reading it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo

from infrastructure.legacy.importing.import_findings import ImportFinding
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow
from infrastructure.legacy.source.row_translation import Translator
from projections.progress import Progress, no_progress


@dataclass
class LegacyTable:
    """Rows in the order of the file; `unusable` counts those that cannot be imported."""

    rows: list[LegacyRow] = field(default_factory=list)
    unusable: int = 0
    findings: list[ImportFinding] = field(default_factory=list)


def understood(raw_rows: Iterable[RawRow], zone: tzinfo | None = None, progress: Progress = no_progress) -> LegacyTable:
    """Read a whole table; times without a zone are in `zone`.

    Refuses: as `raw_rows` does. A single row is never refused, but named in the findings.
    """
    table, translator = LegacyTable(), Translator(zone)
    for raw in raw_rows:
        match translator.read(raw):
            case LegacyRow() as row:
                table.rows.append(row)
                table.findings += row.findings
            case findings:
                table.unusable += 1
                table.findings += findings
        progress(1)
    table.findings += translator.notes()
    return table
