"""Cleaning up a legacy table in its database: rows get another status, after a backup; none is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from infrastructure.legacy.cleanup.apply import LiveTable
from infrastructure.legacy.cleanup.backup import Backup
from infrastructure.legacy.cleanup.evidence import CleanupEvidence
from infrastructure.legacy.cleanup.plan import LeftAlone, Mode, Plan, RowChange, clean
from infrastructure.legacy.source.table import understood
from scripts.legacy.cleaning.cleaning_report import DONE, Cleaning, CleaningLine
from scripts.options.filters import Filter
from scripts.output import progress
from scripts.signals import terminable


@dataclass(frozen=True)
class InLegacyTable:
    """The cleanup of a legacy table and its options."""

    url: str
    table: str | None
    zone: tzinfo | None
    mode: Mode
    age: timedelta
    evidence: CleanupEvidence
    wanted: Filter

    def clean(self, reason: str | None, backup: Path | None) -> Cleaning:
        """Look, and with a reason do it; `backup` is where the rows are kept, None for no backup.

        Refuses: UnreadableDump, StoreUnavailable, TableChanged, BackupRefused, OutcomeUnknown.
        """
        with LiveTable.at(self.url, self.table) as table:
            with progress("reading") as advance:
                read = understood(table.rows(), self.zone, advance)
            plan = clean(read.rows, self.mode, self.age, self.evidence).only(self.wanted.takes)
            cleaning = _report(table.name, plan, confirmed=reason is not None)
            if read.unusable:
                cleaning.notes.append(f"{read.unusable} rows cannot be read as positions; import-legacy says why")
            if reason is not None and plan.changes:
                self._apply(table, plan, cleaning, reason, backup)
        return cleaning

    def _apply(self, table: LiveTable, plan: Plan, cleaning: Cleaning, reason: str, backup: Path | None) -> None:
        def before() -> None:
            if backup is not None:
                with terminable():  # SIGTERM deletes the unfinished file
                    Backup(plan.changes, table.name, reason, table.restore, self.evidence.now).write(backup)

        table.apply(plan.changes, self.evidence.now, self.zone, before)
        for line in cleaning.changes:
            line.outcome = DONE
        if backup is not None:
            cleaning.details["backup"] = str(backup)
            cleaning.notes.append(
                f"what they were is in {backup}; to put them back, in psql:\n"
                f"  \\set backup `cat {backup}`\n  {table.restore};"
            )


def default_backup(now: datetime) -> Path:
    """A name that is not in use."""
    return Path(f"cleanup-{now:%Y%m%dT%H%M%S%f}Z.json")


def _report(name: str, plan: Plan, *, confirmed: bool) -> Cleaning:
    return Cleaning(
        name,
        confirmed,
        [_change(change) for change in plan.changes],
        [_left(left) for left in plan.left],
        details={"backup": None},
    )


def _change(change: RowChange) -> CleaningLine:
    row = change.row
    what = f"{row.status.value} -> {change.status.value}"
    return CleaningLine(change.mode.value, f"{row.stream} (row {row.name})", what, change.why, change.as_json())


def _left(left: LeftAlone) -> CleaningLine:
    where = f"{left.stream} (row {', '.join(left.ids)})" if left.ids else left.stream
    return CleaningLine(left.mode.value, where, "", left.why, left.as_json())
