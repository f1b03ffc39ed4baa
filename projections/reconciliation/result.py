"""The result of a reconciliation, and its rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.symbols.spelling import means
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.confirmations import Confirmations
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationRules:
    """What the operator decides: how many snapshots must agree, how old they may be, whether to believe empty ones."""

    confirmations: int = 2
    age_max: timedelta | None = None
    """An older snapshot is stale. None: any age may be compared, but only a recent one corrects anything."""
    trust_empty: bool = False
    """Whether to believe a snapshot that shows none or few of the positions or stops that the ledger holds."""
    symbol: str | None = None
    """Compare only this symbol, in any spelling."""

    def asks_for(self, key: PositionKey) -> bool:
        """Whether a key is to be compared."""
        return self.symbol is None or means(self.symbol, key.symbol, key.exchange, key.leg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation(JsonObject):
    """The comparison of an account's latest snapshot with the ledger; earlier ones only confirm what is missing."""

    snapshot: AccountSnapshot
    findings: tuple[Discrepancy, ...]
    doubts: tuple[str, ...]
    """Why the snapshot is not reliable; nothing is corrected then."""
    hindrance: str | None = None
    """Why nothing may be corrected although it is reliable."""
    order_doubts: tuple[str, ...] = ()
    """Why nothing is concluded from orders that it does not show, in addition to the snapshot's own doubts."""
    stops_missing: int = 0
    """How many stops the ledger has, if enough snapshots agree that all of them are missing; else 0."""
    rules: ReconciliationRules = ReconciliationRules()
    confirming: Confirmations
    """All snapshots as evidence of what is gone."""

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
        """Whether a position that the snapshot does not show did not exist."""
        return not self.doubts

    @property
    def shows_orders(self) -> bool:
        """Whether an order that the snapshot does not show did not exist."""
        return self.is_reliable and self.snapshot.shows_orders and not self.order_doubts

    def shows_orders_of(self, symbol: str) -> bool:
        """Whether an order of this symbol that the snapshot does not show did not exist."""
        is_judged = self.is_reliable and self.snapshot.lists_orders and not self.order_doubts
        return is_judged and not self.snapshot.hides_orders(symbol)

    def of(self, *kinds: DiscrepancyKind) -> list[Discrepancy]:
        """Findings of some kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    @property
    def problems(self) -> list[Discrepancy]:
        """The findings that are problems."""
        return [finding for finding in self.findings if not finding.kind.is_quiet]
