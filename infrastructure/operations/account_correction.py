"""Reconciling a ledger with account snapshots: compare, on request correct, then compare again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.json_object import JsonObject
from infrastructure.operations.account_comparison import comparisons
from infrastructure.operations.apply_corrections import Applied, apply
from infrastructure.operations.operable import OperableLedger
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.corrections import Correction, corrections
from projections.reconciliation.result import Reconciliation, ReconciliationRules


@dataclass(frozen=True)
class Reconciled(JsonObject):
    """One account: the comparison, the planned corrections, those that were sent, and the comparison afterwards."""

    found: Reconciliation
    corrections: tuple[Correction, ...]
    applied: tuple[Applied, ...]
    left: Reconciliation

    json_keys: ClassVar = (
        "**found",
        "corrections",
        "applied",
        ("left", lambda each: len(each.left.problems)),
    )

    @property
    def ok(self) -> bool:
        """Whether no problem is left, and no snapshot is in doubt."""
        left = self.left
        is_unclear = left.doubts or left.order_doubts or left.snapshot.row_doubts
        return not (left.problems or is_unclear) and all(each.is_done for each in self.applied)


def reconciled(
    ledger: OperableLedger,
    snapshots: Sequence[AccountSnapshot],
    *,
    now: datetime,
    rules: ReconciliationRules,
    reason: str | None = None,
) -> list[Reconciled]:
    """Compare every account that has snapshots; with a reason, correct what is certain.

    Every correction expects the version that was compared, so that it is refused if another process was faster.
    Refuses: StoreError, OutcomeUnknown.
    """
    results = []
    for account, found in comparisons(ledger.store, ledger.positions(), snapshots, now=now, rules=rules).items():
        planned = tuple(corrections(found, reason))
        applied = tuple(apply(ledger, planned)) if reason is not None else ()
        left = found
        if applied:
            left = comparisons(ledger.store, ledger.positions(), snapshots, now=now, rules=rules)[account]
        results.append(Reconciled(found, planned, applied, left))
    return results
