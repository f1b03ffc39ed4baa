"""What came of comparing snapshots with the ledger, and by which rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from domain.json_object import JsonObject
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.confirmations import Confirmations
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationRules:
    """What the operator decides: how many snapshots must agree, how old one may be, whether "nothing" is believed."""

    confirmations: int = 2
    age_max: timedelta | None = None
    """Older is stale. None: any age may be compared, but only a recent one corrects anything."""
    trust_empty: bool = False
    """Whether one is believed that shows none, or little, of what the ledger holds, or of its stops."""
    symbol: str | None = None
    """Only this one, in the spelling of keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation(JsonObject):
    """The latest snapshot of one account beside the ledger; earlier ones only confirm what is absent."""

    snapshot: AccountSnapshot
    findings: tuple[Discrepancy, ...]
    doubts: tuple[str, ...]
    """Why the snapshot is not reliable; nothing is corrected then."""
    hindrance: str | None = None
    """Why nothing may be corrected although it is reliable."""
    order_doubts: tuple[str, ...] = ()
    """Why nothing is concluded from orders that it does not show, beside what it says itself."""
    stops_missing: int = 0
    """How many stops there are in the ledger, when as many snapshots as must agree list orders, and none of them."""
    rules: ReconciliationRules = ReconciliationRules()
    confirming: Confirmations
    """All snapshots as witnesses, among them the reliable ones, oldest first."""

    json_keys: ClassVar = (
        ("exchange", "snapshot.exchange"),
        ("account", "snapshot.account"),
        ("taken_at", "snapshot.taken_at"),
        ("snapshot_reliable", "is_reliable"),
        ("protection_judged", "shows_orders"),
        (
            "doubts",
            lambda found: [
                *found.doubts,
                *found.snapshot.order_doubts,
                *found.order_doubts,
                *found.snapshot.row_doubts,
            ],
        ),
        ("notes", lambda found: [*found.snapshot.notes, *([found.hindrance] if found.hindrance else [])]),
        ("**findings", lambda found: {kind: found.of(kind) for kind in DiscrepancyKind}),
    )

    @property
    def is_reliable(self) -> bool:
        """Whether what the snapshot does not show was not there."""
        return not self.doubts

    @property
    def shows_orders(self) -> bool:
        """Whether an order that the snapshot does not show was not there."""
        return self.is_reliable and self.snapshot.shows_orders and not self.order_doubts

    def shows_orders_of(self, symbol: str) -> bool:
        """Whether an order of this symbol that the snapshot does not show was not there."""
        is_judged = self.is_reliable and self.snapshot.lists_orders and not self.order_doubts
        return is_judged and not self.snapshot.hides_orders(symbol)

    def of(self, *kinds: DiscrepancyKind) -> list[Discrepancy]:
        """Findings of some kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    @property
    def problems(self) -> list[Discrepancy]:
        """What is not as it should be."""
        return [finding for finding in self.findings if not finding.kind.is_quiet]
