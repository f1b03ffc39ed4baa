"""Cleaning up a ledger only by commands, with evidence of the exchange; nothing is ever deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.values import Source
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.cleanup.plan import Mode
from infrastructure.operations.account_comparison import comparisons
from infrastructure.operations.apply_corrections import Applied, apply
from infrastructure.operations.recovery_proposals import recoveries
from projections.account_snapshot import AccountSnapshot
from projections.formatting import date_and_time
from projections.reconciliation.command_text import in_words
from projections.reconciliation.corrections import Correction, corrections
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.grace_periods import UNDER_WAY
from projections.reconciliation.result import Reconciliation, ReconciliationRules
from scripts.legacy.cleaning.cleaning_report import DONE, Cleaning, CleaningLine
from scripts.options.filters import Filter

_KINDS: Final = {
    Mode.ORPHANED_DB: (DiscrepancyKind.PHANTOM, DiscrepancyKind.SIDE),
    Mode.ORPHANED_EX: (DiscrepancyKind.ORPHAN,),
}


@dataclass(frozen=True)
class InLedger:
    """The cleanup of a ledger and its options; the snapshots may be of several accounts and times."""

    ledger: PositionLedger
    mode: Mode
    age: timedelta
    snapshots: Sequence[AccountSnapshot]
    rules: ReconciliationRules
    wanted: Filter
    now: datetime

    def clean(self, reason: str | None) -> Cleaning:
        """Find what is wrong, and with a reason correct it. Refuses: StoreError, OutcomeUnknown."""
        cleaning = Cleaning(self.ledger.store.settings.shown, confirmed=reason is not None)
        planned: list[tuple[CleaningLine, Correction]] = []
        for mode in self.mode.each:
            if mode is Mode.DUPLICATES:
                self._count_refused(cleaning)
            elif mode is Mode.INCOMPLETE:
                planned += self._incomplete(cleaning, reason)
            else:
                done = [line for line, _ in planned]
                planned += [each for each in self._orphaned(cleaning, mode, reason) if not _is_seen_to(each[0], done)]
        cleaning.changes = [line for line, _ in planned]
        cleaning.left = [line for line in cleaning.left if not _is_seen_to(line, cleaning.changes)]
        if reason is not None:
            answers = apply(self.ledger, [correction for _, correction in planned])
            for (line, _), answer in zip(planned, answers, strict=True):
                line.outcome = _outcome(answer)
        return cleaning

    def _count_refused(self, cleaning: Cleaning) -> None:
        refused = Counter(
            each.stream for each in self.ledger.rejections() if each.key is not None and self.wanted.takes(each.key)
        )
        cleaning.details["refused_duplicates"] = dict(refused.most_common())
        cleaning.notes.append(
            f"duplicates: a ledger has none, for a slot has one open cycle; refused before any order: {refused.total()}"
        )

    def _incomplete(self, cleaning: Cleaning, reason: str | None) -> Iterator[tuple[CleaningLine, Correction]]:
        """Entries and rollbacks that have been unfinished for long enough, judged as `recover` judges them."""
        found = recoveries(
            self.ledger, self.snapshots, now=self.now, rules=self.rules, takes=self.wanted.takes, reason=reason
        )
        for each in found:
            row = each.cycle.row
            if row.status not in UNDER_WAY or each.cycle.age < self.age or not each.needs_attention:
                continue
            since = f"{row.status.value} since {date_and_time(row.opened_at)} UTC"
            if each.due or each.missing or not each.commands:
                missing = f"missing: {', '.join(each.missing)}" if each.missing else ""
                why = "; ".join(filter(None, (since, each.message, str(each.due or ""), missing)))
                details = {"mode": Mode.INCOMPLETE.value, "why": why, **each.as_json()}
                cleaning.left.append(CleaningLine(Mode.INCOMPLETE.value, row.position_id, "", why, details))
            for correction in map(_by_operator, each.commands):
                yield self._line(Mode.INCOMPLETE, correction, in_words(correction.command), since), correction

    def _orphaned(
        self, cleaning: Cleaning, mode: Mode, reason: str | None
    ) -> Iterator[tuple[CleaningLine, Correction]]:
        rows = self.ledger.positions()
        for found in comparisons(self.ledger.store, rows, self.snapshots, now=self.now, rules=self.rules).values():
            planned = [_by_operator(each) for each in corrections(found, reason)]
            for finding in found.of(*_KINDS[mode]):
                if not self.wanted.takes(finding.key):
                    continue
                mine = [each for each in planned if each.finding is finding]
                for each in mine:
                    yield self._line(mode, each, in_words(each.command), finding.message), each
                if not mine and not _never_held_anything(finding):
                    why = _why_not(found, finding)
                    details = {"mode": mode.value, **finding.as_json(), "why": why}
                    cleaning.left.append(CleaningLine(mode.value, finding.name, "", why, details))

    def _line(self, mode: Mode, correction: Correction, what: str, why: str) -> CleaningLine:
        return CleaningLine(
            mode.value, correction.finding.name, what, why, {"mode": mode.value, "why": why, **correction.as_json()}
        )


def _never_held_anything(finding: Discrepancy) -> bool:
    """Whether it is an unfinished entry, which is no orphan."""
    return finding.row is not None and finding.row.status in UNDER_WAY and not finding.row.quantity


def _by_operator(correction: Correction) -> Correction:
    command = correction.command.model_copy(update={"source": Source.OPERATOR})
    return replace(correction, command=command)


def _is_seen_to(line: CleaningLine, changes: Iterable[CleaningLine]) -> bool:
    """Whether another mode of `cleanup` corrects it."""
    return any(change.where == line.where and change.mode != line.mode for change in changes)


def _why_not(found: Reconciliation, finding: Discrepancy) -> str:
    if hindrances := [*found.doubts, *filter(None, [found.hindrance])]:
        return f"{finding.message}; {'; '.join(hindrances)}"
    needed = found.rules.confirmations
    if finding.kind is not DiscrepancyKind.ORPHAN and finding.confirmations < needed:
        return f"{finding.message}, by {finding.confirmations} of {needed} snapshots: give another --snapshot"
    return f"{finding.message}; the exchange does not say at what price"


def _outcome(applied: Applied) -> str:
    if applied.is_done:
        return DONE
    return "it changed meanwhile; look again" if applied.was_overtaken else str(applied.answer)
