"""Comparing spot legs with the balances of an account: too small a balance is a finding, a larger one is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from domain.identifiers import PositionKey
from domain.values import EXACT, ZERO, Leg, plain, total_of
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow
from projections.reconciliation.aspects.strays import of_strays
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.result import ReconciliationRules
from projections.reconciliation.stream_state import StreamState

Judgement = tuple[DiscrepancyKind, str]
"""A kind of finding and its message."""


def of_spot(
    known: Iterable[StreamState], snapshot: AccountSnapshot, rules: ReconciliationRules
) -> Iterator[Discrepancy]:
    """The findings about spot legs; a balance beyond what the ledger holds is no finding.

    Shape: without balances no spot leg is judged, because positions of derivatives do not show it.
    """
    held = sorted((each for each in known if each.is_held), key=lambda each: each.key.stream)
    judged = _by_balances([each.row for each in held if each.row is not None], snapshot)
    for state in held:
        if rules.asks_for(state.key):
            yield from of_strays(state, None, 0, is_judged=False)
            if state.row is not None and state.row.quantity:
                kind, message = _judged(state, snapshot, judged.get(state.key))
                yield Discrepancy(kind=kind, state=state, message=message)


def _judged(state: StreamState, snapshot: AccountSnapshot, found: Judgement | None) -> Judgement:
    if snapshot.balances is None:
        return DiscrepancyKind.UNJUDGED, "no balances are shown, and nothing else tells of a spot leg"
    if state.changed_after(snapshot.taken_at):
        return DiscrepancyKind.UNJUDGED, "the ledger has later news of it than the snapshot"
    return found or (DiscrepancyKind.MATCHED, f"long {plain(state.open_qty)}, and the balance is not less")


def _by_balances(rows: Iterable[PositionRow], snapshot: AccountSnapshot) -> dict[PositionKey, Judgement]:
    """What is found of each spot holding whose asset has too small a balance, or one that is not known.

    Shape: empty where the snapshot has no balances. All holdings of an asset are added up. An asset that is not among
           the balances has none.
    """
    if snapshot.balances is None:
        return {}
    by_asset: dict[str, dict[PositionKey, Decimal]] = defaultdict(dict)
    for row in rows:
        key = PositionKey.parse(row.stream)
        if key.leg is Leg.SPOT and row.quantity:
            by_asset[_base(key, snapshot.balances)][key] = row.quantity
    found: dict[PositionKey, Judgement] = {}
    for asset, held in by_asset.items():
        there, together = snapshot.balances.get(asset, ZERO), total_of(held.values())
        if there is None:
            found |= dict.fromkeys(held, (DiscrepancyKind.UNJUDGED, f"the balance of {asset} is not known"))
        elif together > there:
            lacking = plain(EXACT.subtract(together, there))
            words = f"the ledger holds {plain(together)} {asset}, the account {plain(there)}: {lacking} less"
            found |= dict.fromkeys(held, (DiscrepancyKind.SHORTFALL, words))
    return found


def _base(key: PositionKey, balances: Collection[str]) -> str:
    """The asset that is held: the symbol without its quote; of several readings, one that has a balance."""
    symbol = key.symbol
    cuts = [end for end in range(len(symbol) - 1, 0, -1) if key.is_settled_in(symbol[end:])]
    bases = [symbol[:end].rstrip("/") for end in cuts] or [symbol]
    return next((base for base in bases if base in balances), bases[-1])
