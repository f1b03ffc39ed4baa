"""Comparing spot holdings with the balances of an account: a balance that is too small is a finding, more is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, plain, total_of
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow

_ZERO = Decimal(0)


def shortfalls(rows: Iterable[PositionRow], snapshot: AccountSnapshot) -> dict[PositionKey, str]:
    """A sentence for each spot holding whose asset has too small a balance; all holdings of an asset are added up.

    Shape: empty where the snapshot has no balances. A balance beyond what the ledger holds is no concern of the ledger.
    """
    if snapshot.balances is None:
        return {}
    by_asset: dict[str, dict[PositionKey, Decimal]] = defaultdict(dict)
    for row in rows:
        key = PositionKey.parse(row.stream)
        if key.leg is Leg.SPOT and row.quantity:
            by_asset[_base(key, snapshot.balances)][key] = row.quantity
    found: dict[PositionKey, str] = {}
    for asset, held in by_asset.items():
        there, together = snapshot.balances.get(asset, _ZERO), total_of(held.values())
        if together > there:
            lacking = plain(EXACT.subtract(together, there))
            words = f"the ledger holds {plain(together)} {asset}, the account {plain(there)}: {lacking} less"
            found |= dict.fromkeys(held, words)
    return found


def _base(key: PositionKey, balances: Mapping[str, Decimal]) -> str:
    """The asset that is held: the symbol without its quote; of several readings, one that has a balance."""
    symbol = key.symbol
    cuts = [end for end in range(len(symbol) - 1, 0, -1) if key.is_settled_in(symbol[end:])]
    bases = [symbol[:end].rstrip("/") for end in cuts] or [symbol]
    return next((base for base in bases if base in balances), bases[-1])
