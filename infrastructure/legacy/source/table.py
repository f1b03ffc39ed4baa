"""A whole legacy table, understood: rows that can become cycles, and everything that was found while reading it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo

from infrastructure.legacy.importing.import_findings import ImportFinding
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow
from infrastructure.legacy.source.row_translation import Translator
from projections.rebuild import Progress, unheard


@dataclass
class LegacyTable:
    """Rows in the order of the file; `unusable` counts those that cannot be imported."""

    rows: list[LegacyRow] = field(default_factory=list)
    unusable: int = 0
    findings: list[ImportFinding] = field(default_factory=list)


def understood(raw_rows: Iterable[RawRow], zone: tzinfo | None = None, progress: Progress = unheard) -> LegacyTable:
    """Read a table to its end; naive times in `zone`.

    Refuses: whatever reading it refuses. A row is never refused alone: it is named in the findings.
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
