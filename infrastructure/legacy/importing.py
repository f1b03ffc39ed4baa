"""Rows that are understood become cycles of a ledger: each once, in order of opening, none left out in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.commands import ImportPosition
from domain.errors import CommandRefused, IdempotencyMismatch, PositionAlreadyOpen
from infrastructure.ledger import PositionLedger
from infrastructure.legacy import cycles
from infrastructure.legacy.content import changes
from infrastructure.legacy.findings import Finding, Kind, Severity
from infrastructure.legacy.known import Known, imported_events, known_keys
from infrastructure.legacy.raw import Progress
from infrastructure.legacy.report import Report
from infrastructure.legacy.row import LegacyRow
from infrastructure.legacy.settling import Resolve, Settlement, settle
from infrastructure.legacy.table import LegacyTable
from infrastructure.receipt import Receipt

BATCH_COMMANDS: Final = 500
"""How many rows are appended in one transaction."""


def import_table(
    ledger: PositionLedger,
    table: LegacyTable,
    resolve: Resolve = Resolve.REFUSE,
    progress: Progress = lambda _: None,
) -> Report:
    """Import a legacy table.

    Shape:   one cycle a row; a row that was imported before is not imported again, whatever it says now. Stopped
             half-way, it can simply be run again.
    Refuses: StoreError, OutcomeUnknown. A row is never refused alone: it is named in the report.
    """
    return _Import(ledger, table, resolve, progress).run()


class _Import:
    """One import into one ledger."""

    def __init__(self, ledger: PositionLedger, table: LegacyTable, resolve: Resolve, progress: Progress) -> None:
        self._ledger, self._resolve, self._progress = ledger, resolve, progress
        self._groups = cycles.by_key(table.rows)
        self._batch: list[tuple[LegacyRow, ImportPosition]] = []
        self._report = Report(
            rows=len(table.rows) + table.unusable,
            refused=table.unusable,
            streams=len(self._groups),
            findings=list(table.findings),
        )

    def run(self) -> Report:
        streams = {group[0].stream for group in self._groups}
        known = known_keys(self._ledger, streams)
        for group in self._groups:
            self._import_key(group, known.get(group[0].stream))
        self._flush()
        self._report.open = sum(row.stream in streams for row in self._ledger.store.rows(open_only=True))
        return self._report

    def _found(
        self, kind: Kind, rows: Sequence[LegacyRow], message: str, severity: Severity = Severity.WARNING
    ) -> Finding:
        finding = Finding(kind, rows[0].stream, tuple(row.name for row in rows), message, severity)
        self._report.findings.append(finding)
        return finding

    def _noted(self, kind: Kind, rows: Sequence[LegacyRow], message: str) -> None:
        """Find something that the events of these rows will say."""
        finding = self._found(kind, rows, message)
        for row in rows:
            row.findings.append(finding)

    # -- the rows of one key ------------------------------------------------------------------------------------

    def _import_key(self, group: Sequence[LegacyRow], known: Known | None) -> None:
        ids = self._command_ids(group)
        self._report.findings += cycles.doubts(list(ids))
        new = self._not_imported(ids, known)
        settlement = self._settled(list(ids), [row for row in new if row.is_open], known)
        if settlement.refusal:
            self._report.refused += len(new)
            self._progress(len(new))
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
            self._batch.append((row, command))
            if len(self._batch) == BATCH_COMMANDS:
                self._flush()

    def _command_ids(self, group: Sequence[LegacyRow]) -> dict[LegacyRow, str]:
        """The rows of a key, each once, with the ids of the commands that import them."""
        ids: dict[LegacyRow, str] = {}
        alike: dict[tuple[str, str, str], list[LegacyRow]] = {}
        for row in group:
            before = alike.setdefault(row.identity, [])
            if twin := next((other for other in before if other.raw.as_dict() == row.raw.as_dict()), None):
                self._found(Kind.REPEATED_ROW, [row], f"line {row.raw.line} repeats line {twin.raw.line}")
                self._count_known()
                continue
            before.append(row)
            if len(before) > 1:
                lines = f"lines {before[0].raw.line} and {row.raw.line}"
                self._noted(Kind.SAME_IDENTITY, [row], f"{lines} have one id and opening time, but differ")
            ids[row] = row.command_id(len(before))
        return ids

    def _not_imported(self, ids: dict[LegacyRow, str], known: Known | None) -> list[LegacyRow]:
        """Rows that the ledger does not have."""
        if known is None:
            return list(ids)
        new: list[LegacyRow] = []
        suspects: list[LegacyRow] = []
        digests = self._ledger.imported(next(iter(ids)).key)
        for row, command_id in ids.items():
            if command_id not in digests:
                new.append(row)
            elif digests[command_id] == row.command(command_id, claims_intent=False).digest:
                self._count_known()
            else:
                suspects.append(row)
        if suspects:
            self._compare_with_imports(suspects, ids)
        return new

    def _compare_with_imports(self, suspects: Sequence[LegacyRow], ids: dict[LegacyRow, str]) -> None:
        events = imported_events(self._ledger, suspects[0].key)
        for row in suspects:
            event = events[ids[row]]
            changed = changes(event.row, row.raw.as_dict())
            if not changed:
                self._count_known()
                continue
            where = f"it was imported as {event.position_id}, but since then {', '.join(changed)}"
            message = f"{where}; it is not imported again, so record with a command what happened"
            self._refused(row, Kind.CHANGED_SINCE_IMPORT, message)

    def _compare_with_others(self, rows: Sequence[LegacyRow], known: Known) -> None:
        if known.has_native:
            message = "the ledger has cycles of this key that were not imported; look whether they are the same ones"
            self._noted(Kind.NATIVE_CYCLES, rows, message)
        if older := [row for row in rows if row.opened_at < known.last_opened_at]:
            message = f"opened before {known.last_position_id} at {known.last_opened_at}, but numbered after it"
            self._noted(Kind.OLDER_THAN_LEDGER, older, message)

    def _settled(self, rows: Sequence[LegacyRow], new_open: Sequence[LegacyRow], known: Known | None) -> Settlement:
        holder = known.holder if known is not None else None
        settlement = settle(new_open, holder, self._resolve)
        all_open = [row for row in rows if row.is_open]
        if len(all_open) > 1 or settlement.outcome:
            open_now = [f"row {row.name}" for row in all_open] + ([holder.position_id] if holder else [])
            message = f"{', '.join(open_now)} are open at once; {settlement.outcome or 'they were looked at before'}"
            severity = Severity.ERROR if settlement.refusal else Severity.WARNING
            finding = self._found(Kind.TWO_OPEN_ROWS, all_open, message, severity)
            for row in new_open:
                row.findings.append(finding)
        return settlement

    def _is_claimed(self, row: LegacyRow, intent_id: str) -> bool:
        cycle = self._ledger.store.cycle_of_intent(row.stream, intent_id)
        if cycle is not None and all(finding.kind is not Kind.INTENT_TWICE for finding in row.findings):
            opened = f"signal {intent_id} opened {row.stream}#{cycle} already"
            self._noted(Kind.INTENT_TWICE, [row], f"{opened}, and row {row.name} again")
        return cycle is not None

    # -- what became of each row --------------------------------------------------------------------------------

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        answers = self._ledger.handle_many(command for _, command in batch)
        for (row, command), answer in zip(batch, answers, strict=True):
            self._count(row, self._claiming_nothing(command) if isinstance(answer, IdempotencyMismatch) else answer)

    def _claiming_nothing(self, command: ImportPosition) -> Receipt | CommandRefused:
        """Send a row again whose intent somebody else claimed since we looked."""
        try:
            return self._ledger.handle(command.model_copy(update={"claims_intent": False}))
        except CommandRefused as refusal:
            return refusal

    def _count(self, row: LegacyRow, answer: Receipt | CommandRefused) -> None:
        match answer:
            case Receipt(outcome="recorded"):
                self._report.imported += 1
                self._progress(1)
            case Receipt():
                self._count_known()
            case PositionAlreadyOpen():
                self._refused(row, Kind.TWO_OPEN_ROWS, f"the slot was taken meanwhile: {answer.message}")
            case _:
                self._refused(row, Kind.REFUSED_BY_LEDGER, answer.message)

    def _count_known(self) -> None:
        self._report.already_imported += 1
        self._progress(1)

    def _refused(self, row: LegacyRow, kind: Kind, message: str) -> None:
        self._found(kind, [row], message, Severity.ERROR)
        self._report.refused += 1
        self._progress(1)
