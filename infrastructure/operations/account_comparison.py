"""Comparing a ledger with account snapshots: its rows, its strays, and the terms of its instruments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from domain.errors import HistoryDamaged
from domain.events import InstrumentDefined
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.ledger.questions.stray_succession import left_over
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow
from projections.reconciliation.compare import reconcile
from projections.reconciliation.result import Reconciliation, ReconciliationRules

Account = tuple[str | None, str | None]


def comparisons(
    store: Store,
    rows: Sequence[PositionRow],
    snapshots: Iterable[AccountSnapshot],
    *,
    now: datetime,
    rules: ReconciliationRules,
    strays: Sequence[PositionRow] | None = None,
) -> dict[Account, Reconciliation]:
    """Compare every account that has snapshots; several snapshots of one account confirm each other.

    Shape: `strays` is the result of `left_over`, if the caller has it already; else it is read here.
    """
    by_account: dict[Account, list[AccountSnapshot]] = defaultdict(list)
    for snapshot in snapshots:
        by_account[snapshot.exchange, snapshot.account].append(snapshot)
    if not by_account:
        return {}
    left = left_over(store) if strays is None else strays
    return {
        account: reconcile(rows, seen, now=now, rules=rules, strays=left, defined=_defined(store, account, rows, seen))
        for account, seen in by_account.items()
    }


def _defined(
    store: Store, account: Account, rows: Iterable[PositionRow], seen: Iterable[AccountSnapshot]
) -> Iterator[InstrumentDefined]:
    """The definitions of the instruments that are compared; one that cannot be read is left to `verify` to report."""
    held = {row.stream for row in rows if (row.exchange, row.account) == account and (row.status.is_open or row.stray)}
    shown = {position.key.stream for snapshot in seen for position in snapshot.positions or ()}
    for stream in sorted(held | shown):
        try:
            events = [decode(stored) for stored in store.history(stream, 0)]
        except HistoryDamaged:
            continue
        yield from (event for event in events if isinstance(event, InstrumentDefined))
