"""What becomes of each row: appended with others in one transaction, known already, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.commands.requests import ImportPosition
from domain.errors import (
    CommandRefused,
    IdempotencyMismatch,
    LedgerError,
    OutcomeUnknown,
    PositionAlreadyOpen,
    StoreError,
)
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.legacy.importing.import_findings import FindingSeverity, ImportFinding, ImportFindingKind
from infrastructure.legacy.importing.import_report import ImportReport
from infrastructure.legacy.source.legacy_row import LegacyRow
from projections.progress import Progress

BATCH_COMMANDS: Final = 500
"""How many rows are appended in one transaction."""


class ImportBatch:
    """Appends rows to a ledger batch by batch, and keeps the report: every row is counted once."""

    def __init__(self, ledger: PositionLedger, report: ImportReport, progress: Progress, size: int) -> None:
        self._ledger, self._report, self._progress, self._size = ledger, report, progress, size
        self._batch: list[tuple[LegacyRow, ImportPosition]] = []

    def report(
        self,
        kind: ImportFindingKind,
        rows: Sequence[LegacyRow],
        message: str,
        severity: FindingSeverity = FindingSeverity.WARNING,
    ) -> ImportFinding:
        """Report something about rows of one key."""
        finding = ImportFinding(kind, rows[0].stream, tuple(row.name for row in rows), message, severity)
        self._report.findings.append(finding)
        return finding

    def report_and_note(self, kind: ImportFindingKind, rows: Sequence[LegacyRow], message: str) -> None:
        """Report something that the events of these rows will say as well."""
        finding = self.report(kind, rows, message)
        for row in rows:
            row.findings.append(finding)

    def count_known(self) -> None:
        """Count a row that the ledger has."""
        self._report.already_imported += 1
        self._progress(1)

    def count_refused(self, count: int) -> None:
        """Count rows that are not imported; the report says why already."""
        self._report.refused += count
        self._progress(count)

    def refuse(self, row: LegacyRow, kind: ImportFindingKind, message: str) -> None:
        """Report why a row is not imported."""
        self.report(kind, [row], message, FindingSeverity.ERROR)
        self.count_refused(1)

    def append(self, row: LegacyRow, command: ImportPosition) -> None:
        """Append a row with the next batch."""
        self._batch.append((row, command))
        if len(self._batch) == self._size:
            self.flush()

    def flush(self) -> None:
        """Append what is waiting."""
        batch, self._batch = self._batch, []
        answers = self._ledger.handle_many(command for _, command in batch)
        for (row, command), answer in zip(batch, answers, strict=True):
            if isinstance(answer, StoreError | OutcomeUnknown):
                raise answer
            self._count(row, self._claiming_nothing(command) if isinstance(answer, IdempotencyMismatch) else answer)

    def _claiming_nothing(self, command: ImportPosition) -> Receipt | CommandRefused:
        """Send a row again whose intent somebody else claimed since we looked."""
        try:
            return self._ledger.handle(command.model_copy(update={"claims_intent": False}))
        except CommandRefused as refusal:
            return refusal

    def _count(self, row: LegacyRow, answer: Receipt | LedgerError) -> None:
        match answer:
            case Receipt(outcome="recorded"):
                self._report.imported += 1
                self._progress(1)
            case Receipt():
                self.count_known()
            case PositionAlreadyOpen():
                self.refuse(row, ImportFindingKind.TWO_OPEN_ROWS, f"the slot was taken meanwhile: {answer.message}")
            case _:
                self.refuse(row, ImportFindingKind.REFUSED_BY_LEDGER, answer.message)
