"""Recovering the unfinished cycles of a ledger: comparing each with the exchange, and proposing what to record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from domain.commands.requests import SetStopLoss
from domain.errors import HistoryDamaged
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.ledger.questions.stray_succession import left_over
from infrastructure.operations.account_comparison import comparisons
from infrastructure.operations.operable import OperableLedger
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow
from projections.reconciliation.result import ReconciliationRules
from projections.recovery.in_flight import unfinished
from projections.recovery.judgement import recover
from projections.recovery.proposals import Proposal
from projections.recovery.required_orders import PlannedOrders


def recoveries(
    ledger: OperableLedger,
    snapshots: Iterable[AccountSnapshot],
    *,
    now: datetime,
    rules: ReconciliationRules,
    takes: Callable[[PositionRow], bool] = lambda _: True,
    reason: str | None = None,
) -> list[Proposal]:
    """A proposal for every unfinished cycle that `takes` accepts; nothing is written. Refuses: StoreUnavailable."""
    snapshots = list(snapshots)
    rows = ledger.positions(open=not snapshots)
    left = left_over(ledger.store) if snapshots else [row for row in rows if row.stray]
    found = comparisons(ledger.store, rows, snapshots, now=now, rules=replace(rules, symbol=None), strays=left)
    proposed: list[Proposal] = []
    ahead: Counter[str] = Counter()
    for cycle in unfinished(filter(takes, rows), now, filter(takes, left)):
        row = cycle.row
        planned, seen = planned_orders(ledger.store, row), found.get((row.exchange, row.account))
        proposed.append(recover(cycle, seen, planned, reason, ahead=ahead[row.stream]))
        sent = [step.command for step in proposed[-1].commands]
        ahead[row.stream] += len(sent) + sum(isinstance(each, SetStopLoss) and each.activate for each in sent)
    return proposed


def planned_orders(store: Store, row: PositionRow) -> PlannedOrders | None:
    """The orders that the events of a cycle planned; None when an event cannot be read."""
    try:
        return PlannedOrders.by(map(decode, store.history(row.stream, row.cycle)))
    except HistoryDamaged:
        return None
