"""What came of comparing snapshots with the ledger, and by which rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.values import timestamp_text
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator decides: how many snapshots must agree, how old one may be, whether "nothing" is believed."""

    confirmations: int = 2
    age_max: timedelta | None = None
    """Older is stale. None: any age may be compared, but only a recent one corrects anything."""
    trust_empty: bool = False
    symbol: str | None = None
    """Only this one, in the spelling of keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The latest snapshot of one account beside the ledger; earlier ones only confirm what is absent."""

    snapshot: AccountSnapshot
    findings: tuple[Discrepancy, ...]
    doubts: tuple[str, ...]
    """Why the snapshot is not reliable; nothing is corrected then."""
    hindrance: str | None = None
    """Why nothing may be corrected although it is reliable."""
    rules: Rules = Rules()
    trusted: tuple[AccountSnapshot, ...] = ()
    """The reliable snapshots, oldest first."""

    @property
    def is_reliable(self) -> bool:
        """Whether what the snapshot does not show was not there."""
        return not self.doubts

    def of(self, *kinds: DiscrepancyKind) -> list[Discrepancy]:
        """Findings of some kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    @property
    def problems(self) -> list[Discrepancy]:
        """What is not as it should be."""
        return [finding for finding in self.findings if not finding.kind.is_quiet]

    def as_json(self) -> dict[str, Any]:
        """The report as a program reads it."""
        taken_at = self.snapshot.taken_at
        return {
            "exchange": self.snapshot.exchange,
            "account": self.snapshot.account,
            "taken_at": taken_at and timestamp_text(taken_at),
            "snapshot_reliable": self.is_reliable,
            "protection_judged": self.is_reliable and self.snapshot.shows_orders,
            "doubts": [*self.doubts, *self.snapshot.order_doubts],
            "notes": [*self.snapshot.notes, *([self.hindrance] if self.hindrance else [])],
            **{kind.value: [finding.as_json() for finding in self.of(kind)] for kind in DiscrepancyKind},
        }
