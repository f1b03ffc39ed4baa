"""What an import did and found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from domain.json_object import JsonObject
from infrastructure.legacy.importing.import_findings import ImportFinding, ImportFindingKind


@dataclass
class ImportReport(JsonObject):
    """Every row is counted once: imported now, imported already, or refused.

    `streams` counts the keys of the table, `open` their positions that are open in the ledger now.
    """

    rows: int = 0
    imported: int = 0
    already_imported: int = 0
    refused: int = 0
    streams: int = 0
    open: int = 0
    findings: list[ImportFinding] = field(default_factory=list)

    json_keys: ClassVar = ("rows", "imported", "already_imported", "refused", "streams", "open", "counts", "findings")

    @property
    def counts(self) -> dict[ImportFindingKind, int]:
        """How many findings there are of each kind, worst kind first."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in ImportFindingKind if kind in found}
