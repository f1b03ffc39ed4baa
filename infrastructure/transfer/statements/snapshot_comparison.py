"""The comparison of what is open after an import of statements with what an exchange shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from infrastructure.event_store.port import Store
from infrastructure.operations.account_comparison import comparisons
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.result import ReconciliationRules

_OF_POSITIONS: Final = (
    DiscrepancyKind.PHANTOM,
    DiscrepancyKind.ORPHAN,
    DiscrepancyKind.SIDE,
    DiscrepancyKind.QUANTITY,
    DiscrepancyKind.PRICE,
    DiscrepancyKind.UNIT,
    DiscrepancyKind.UNJUDGED,
)
"""Only differences of positions are reported, because no statement shows which stops there are."""


def compared(
    store: Store,
    ends: Mapping[str, PositionRow | None],
    snapshots: Sequence[AccountSnapshot],
    now: datetime,
    *,
    trust_empty: bool,
) -> list[str]:
    """The differences in words; `ends` has the open cycle of each imported stream after the import, or None."""
    others = [row for row in store.rows(open_only=True) if row.stream not in ends]
    rows = [*others, *(row for row in ends.values() if row is not None)]
    rules = ReconciliationRules(confirmations=1, trust_empty=trust_empty)
    found = comparisons(store, rows, snapshots, now=now, rules=rules).values()
    return [
        difference
        for comparison in found
        for difference in (
            *(f"the snapshot{_whose(comparison.snapshot)} is not reliable: {doubt}" for doubt in comparison.doubts),
            *(f"{one.name}: {one.message}" for kind in _OF_POSITIONS for one in comparison.of(kind)),
        )
    ]


def _whose(snapshot: AccountSnapshot) -> str:
    return "" if snapshot.exchange is None else f" of {snapshot.exchange}"
