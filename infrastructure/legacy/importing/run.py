"""Rows that are understood become cycles of a ledger: each once, in order of opening, none left out in silence."""

from __future__ import annotations

from collections.abc import Sequence

from domain.events import PositionImported
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.importing import cycles
from infrastructure.legacy.importing.conflict_resolution import Resolve, Settlement, settle
from infrastructure.legacy.importing.import_batch import BATCH_COMMANDS, ImportBatch
from infrastructure.legacy.importing.import_findings import FindingSeverity, ImportFindingKind
from infrastructure.legacy.importing.import_report import ImportReport
from infrastructure.legacy.importing.known import Known, imported_events, known_keys
from infrastructure.legacy.importing.row_diff import changes
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.table import LegacyTable
from projections.progress import Progress, no_progress


def import_table(
    ledger: PositionLedger,
    table: LegacyTable,
    resolve: Resolve = Resolve.REFUSE,
    progress: Progress = no_progress,
    *,
    batch_commands: int = BATCH_COMMANDS,
) -> ImportReport:
    """Import a legacy table.

    Shape:   one cycle a row; a row that was imported before is not imported again, whatever it says now. Stopped
             half-way, it can simply be run again.
    Refuses: StoreError, OutcomeUnknown. A row is never refused alone: it is named in the report.
    """
    return _TableImport(ledger, table, resolve, progress, batch_commands).run()


class _TableImport:
    """One import into one ledger."""

    def __init__(
        self, ledger: PositionLedger, table: LegacyTable, resolve: Resolve, progress: Progress, batch_commands: int
    ) -> None:
        self._ledger, self._resolve = ledger, resolve
        self._groups = cycles.by_key(table.rows)
        rows = len(table.rows) + table.unusable
        self._report = ImportReport(
            rows, refused=table.unusable, streams=len(self._groups), findings=list(table.findings)
        )
        self._batch = ImportBatch(ledger, self._report, progress, batch_commands)

    def run(self) -> ImportReport:
        streams = {group[0].stream for group in self._groups}
        known = known_keys(self._ledger, streams)
        for group in self._groups:
            self._import_key(group, known.get(group[0].stream))
        self._batch.flush()
        self._report.open = sum(row.stream in streams for row in self._ledger.store.rows(open_only=True))
        return self._report

    def _import_key(self, group: Sequence[LegacyRow], known: Known | None) -> None:
        ids = self._command_ids(group)
        self._report.findings += cycles.doubts(list(ids))
        new = self._not_imported(ids, known)
        settlement = self._settled(list(ids), [row for row in new if row.is_open], known)
        if settlement.refusal:
            self._batch.count_refused(len(new))
            return
        if known is not None and new:
            self._compare_with_others(new, known)
        claimed: set[str] = set()
        for row in new:
            claims = row.intent_id is not None and row.intent_id not in claimed
            if claims and row.intent_id is not None:
                claimed.add(row.intent_id)
                claims = known is None or not self._is_claimed(row, row.intent_id)
            command = row.command(ids[row], claims_intent=claims, superseded_by=settlement.superseded.get(row))
            self._batch.append(row, command)

    def _command_ids(self, group: Sequence[LegacyRow]) -> dict[LegacyRow, str]:
        """The rows of a key, each once, with the ids of the commands that import them."""
        ids: dict[LegacyRow, str] = {}
        alike: dict[tuple[str, str, str], list[LegacyRow]] = {}
        for row in group:
            before = alike.setdefault(row.identity, [])
            if twin := next((other for other in before if other.raw.as_dict() == row.raw.as_dict()), None):
                self._batch.report(
                    ImportFindingKind.REPEATED_ROW, [row], f"line {row.raw.line} repeats line {twin.raw.line}"
                )
                self._batch.count_known()
                continue
            before.append(row)
            if len(before) > 1:
                lines = f"lines {before[0].raw.line} and {row.raw.line}"
                self._batch.report_and_note(
                    ImportFindingKind.SAME_IDENTITY, [row], f"{lines} have one id and opening time, but differ"
                )
            ids[row] = row.command_id(len(before))
        return ids

    def _not_imported(self, ids: dict[LegacyRow, str], known: Known | None) -> list[LegacyRow]:
        """Rows that the ledger does not have."""
        if known is None:
            return list(ids)
        new: list[LegacyRow] = []
        imported = imported_events(self._ledger, next(iter(ids)).key)
        for row, command_id in ids.items():
            event = imported.get(command_id)
            if event is None:
                new.append(row)
            else:
                self._compare_with_import(row, event)
        return new

    def _compare_with_import(self, row: LegacyRow, event: PositionImported) -> None:
        changed = changes(event.row, row.raw.as_dict())
        if not changed:
            self._batch.count_known()
            return
        where = f"it was imported as {event.position_id}, but since then {', '.join(changed)}"
        message = f"{where}; it is not imported again, so record with a command what happened"
        self._batch.refuse(row, ImportFindingKind.CHANGED_SINCE_IMPORT, message)

    def _compare_with_others(self, rows: Sequence[LegacyRow], known: Known) -> None:
        if known.has_native:
            message = "the ledger has cycles of this key that were not imported; look whether they are the same ones"
            self._batch.report_and_note(ImportFindingKind.NATIVE_CYCLES, rows, message)
        if older := [row for row in rows if row.opened_at < known.last_opened_at]:
            message = f"opened before {known.last_position_id} at {known.last_opened_at}, but numbered after it"
            self._batch.report_and_note(ImportFindingKind.OLDER_THAN_LEDGER, older, message)

    def _settled(self, rows: Sequence[LegacyRow], new_open: Sequence[LegacyRow], known: Known | None) -> Settlement:
        holder = known.holder if known is not None else None
        settlement = settle(new_open, holder, self._resolve)
        all_open = [row for row in rows if row.is_open]
        if len(all_open) > 1 or settlement.outcome:
            open_now = [f"row {row.name}" for row in all_open] + ([holder.position_id] if holder else [])
            message = f"{', '.join(open_now)} are open at once; {settlement.outcome or 'they were looked at before'}"
            severity = FindingSeverity.ERROR if settlement.refusal else FindingSeverity.WARNING
            finding = self._batch.report(ImportFindingKind.TWO_OPEN_ROWS, all_open, message, severity)
            for row in new_open:
                row.findings.append(finding)
        return settlement

    def _is_claimed(self, row: LegacyRow, intent_id: str) -> bool:
        cycle = self._ledger.store.cycle_of_intent(row.stream, intent_id)
        if cycle is not None and all(finding.kind is not ImportFindingKind.INTENT_TWICE for finding in row.findings):
            opened = f"signal {intent_id} opened {row.stream}#{cycle} already"
            self._batch.report_and_note(ImportFindingKind.INTENT_TWICE, [row], f"{opened}, and row {row.name} again")
        return cycle is not None
