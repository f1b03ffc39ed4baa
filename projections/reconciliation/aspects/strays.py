"""Comparing strays, which are held in cycles that are over, with what an exchange shows for their key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from domain.values import EXACT, plain
from projections.account_snapshot import PositionReport
from projections.exposure import STRAY
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.stream_state import StreamState


def signed_qty(position: PositionReport | None) -> Decimal:
    """The quantity that an exchange shows; below zero for a short, zero for no position."""
    return Decimal(0) if position is None else EXACT.multiply(position.quantity, position.side.sign)


def is_with_strays(state: StreamState, position: PositionReport | None) -> bool:
    """Whether the exchange shows the sum of the open cycle and the strays of a key."""
    return bool(state.strays) and signed_qty(position) == state.total_qty


def of_strays(
    state: StreamState, position: PositionReport | None, confirmations: int, *, is_judged: bool
) -> Iterator[Discrepancy]:
    """A finding for every stray of a key.

    Shape: it has the position of which the stray is a part, if the exchange shows that; and the number of snapshots
           that agree that the stray is gone.
    """
    shown = signed_qty(position)
    is_there = is_judged and shown == state.total_qty
    for row in state.strays:
        what = f"{STRAY}: {row.side.value} {plain(row.quantity)} was filled after {row.position_id} was over"
        if not is_judged:
            why, count = "by this snapshot it cannot be judged", 0
        elif is_there:
            why, count = "the exchange holds it, and no stop is of it", 0
        elif shown in (state.open_qty, 0):
            why, count = "the exchange does not hold it any more", confirmations
        else:
            there = "nothing" if position is None else position.in_words
            why = f"with it the ledger holds {_in_words(state.total_qty)} there, and the exchange {there}"
            count = 0
        yield Discrepancy(
            kind=DiscrepancyKind.STRAY,
            state=replace(state, row=row, strays=()),
            position=position if is_there else None,
            message=f"{what}; {why}",
            confirmations=count,
        )


def _in_words(signed: Decimal) -> str:
    if not signed:
        return "nothing"
    return f"{'long' if signed > 0 else 'short'} {plain(signed.copy_abs())}"
