"""What is held on spot legs beside the balances of an account: less than held is a finding, more is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, plain
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.stream_state import StreamState

_ZERO = Decimal(0)


def of_balances(known: Mapping[PositionKey, StreamState], snapshot: AccountSnapshot) -> Iterator[Discrepancy]:
    """Every spot leg that holds something.

    Shape: what several keys hold of one asset is held by one balance, so their sum is compared. Of an asset that is not
           among the balances there is none.
    """
    held = [each for each in known.values() if each.key.leg is Leg.SPOT and each.total_qty]
    for standing in sorted(held, key=lambda each: each.key.stream):
        ours = standing.total_qty
        if snapshot.balances is None:
            kind, message = DiscrepancyKind.UNJUDGED, "no balances are shown, and nothing else tells of a spot holding"
        elif standing.changed_after(snapshot.taken_at):
            kind, message = DiscrepancyKind.UNJUDGED, "the ledger has later news of it than the snapshot"
        else:
            asset, there = _balance(standing.key, snapshot.balances)
            beside = [each for each in held if each.key.is_base(asset)] if asset else [standing]
            total = sum((each.total_qty for each in beside), _ZERO)
            if there >= total:
                kind, message = DiscrepancyKind.MATCHED, f"long {plain(ours)}, by a balance of {plain(there)}"
            else:
                kind = DiscrepancyKind.SHORTFALL
                message = (
                    f"the ledger holds long {plain(total)} of it on {_legs(len(beside))}, the balance is "
                    f"{plain(there)}, {plain(EXACT.subtract(total, there))} less: record what was sold, or look where "
                    "the rest is kept"
                )
        yield Discrepancy(kind=kind, standing=standing, message=message)


def _balance(key: PositionKey, balances: Mapping[str, Decimal]) -> tuple[str | None, Decimal]:
    return next(((asset, there) for asset, there in balances.items() if key.is_base(asset)), (None, _ZERO))


def _legs(count: int) -> str:
    return "its spot leg" if count == 1 else f"{count} spot legs"
