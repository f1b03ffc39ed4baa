"""Recovering the unfinished cycles of a ledger: compared with the exchange, judged, and with a reason recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from domain.errors import HistoryDamaged
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.ledger.late_fills import left_over
from infrastructure.ledger.ledger import PositionLedger
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow
from projections.reconciliation.compare import reconcile
from projections.reconciliation.result import Reconciliation, Rules
from projections.recovery.in_flight import unfinished
from projections.recovery.proposals import Proposal, recover
from projections.recovery.required_orders import PlannedOrders

Account = tuple[str | None, str | None]


def comparisons(
    rows: Sequence[PositionRow], snapshots: Iterable[AccountSnapshot], *, now: datetime, rules: Rules
) -> dict[Account, Reconciliation]:
    """Compare every account of which there are snapshots; those of one account confirm each other."""
    by_account: dict[Account, list[AccountSnapshot]] = defaultdict(list)
    for snapshot in snapshots:
        by_account[snapshot.exchange, snapshot.account].append(snapshot)
    return {account: reconcile(rows, seen, now=now, rules=rules) for account, seen in by_account.items()}


def recoveries(
    ledger: PositionLedger,
    snapshots: Iterable[AccountSnapshot],
    *,
    now: datetime,
    rules: Rules,
    takes: Callable[[PositionRow], bool] = lambda _: True,
    reason: str | None = None,
) -> list[Proposal]:
    """Every unfinished cycle that is wanted, with what is proposed; nothing is written. Refuses: StoreUnavailable."""
    snapshots = list(snapshots)
    rows = ledger.positions(open=not snapshots)
    found = comparisons(rows, snapshots, now=now, rules=replace(rules, symbol=None))
    return [
        recover(cycle, found.get((cycle.row.exchange, cycle.row.account)), promised(ledger.store, cycle.row), reason)
        for cycle in unfinished(filter(takes, rows), now, filter(takes, left_over(ledger.store)))
    ]


def promised(store: Store, row: PositionRow) -> PlannedOrders | None:
    """What the events of a cycle said would be ordered; None when they cannot be read."""
    try:
        return PlannedOrders.by(map(decode, store.history(row.stream, row.cycle)))
    except HistoryDamaged:
        return None
