"""Comparing spot legs with the balances of an account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from domain.values import plain
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.aspects.strays import of_strays
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.result import ReconciliationRules
from projections.reconciliation.stream_state import StreamState
from projections.spot_balances import shortfalls


def of_spot(
    known: Iterable[StreamState], snapshot: AccountSnapshot, rules: ReconciliationRules
) -> Iterator[Discrepancy]:
    """The findings about spot legs; a balance beyond what the ledger holds is no finding.

    Shape: without balances no spot leg is judged, because positions of derivatives do not show it.
    """
    held = sorted((each for each in known if each.is_held), key=lambda each: each.key.stream)
    lacking = shortfalls([each.row for each in held if each.row is not None], snapshot)
    for standing in held:
        if rules.asks_for(standing.key):
            yield from of_strays(standing, None, 0, is_judged=False)
            if standing.row is not None and standing.row.quantity:
                kind, message = _judged(standing, snapshot, lacking.get(standing.key))
                yield Discrepancy(kind=kind, standing=standing, message=message)


def _judged(standing: StreamState, snapshot: AccountSnapshot, lacking: str | None) -> tuple[DiscrepancyKind, str]:
    if snapshot.balances is None:
        return DiscrepancyKind.UNJUDGED, "no balances are shown, and nothing else tells of a spot leg"
    if standing.changed_after(snapshot.taken_at):
        return DiscrepancyKind.UNJUDGED, "the ledger has later news of it than the snapshot"
    if lacking is not None:
        return DiscrepancyKind.SHORTFALL, lacking
    return DiscrepancyKind.MATCHED, f"long {plain(standing.open_qty)}, and the balance is not less"
