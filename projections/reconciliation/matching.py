"""Matching positions at the exchange with positions of the ledger: each key of either side once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.orders.cycle_orders import of_role
from domain.values import EXACT, Leg, total_of
from projections.account_snapshot import PositionReport
from projections.positions import PositionRow
from projections.reconciliation.stream_state import StreamState

PRICE_TOLERANCE: Final = Decimal("0.000001")
"""Average prices count as equal if they differ by less than a millionth, because exchanges round theirs. Quantities and
sides are compared exactly."""

ALIKE: Final = Decimal("0.01")
"""Two positions may be the same if their quantities or their entries differ by less than this: a fill or correction
that is not recorded changes one of the two; in a snapshot of another account (or a test network) both differ."""

_LEGS: Final = (Leg.BOTH, Leg.LONG, Leg.SHORT)
"""The legs under which one derivative position may appear; the spot leg never matches another one."""


@dataclass(frozen=True, slots=True)
class Match:
    """One key on both sides; `position` is None when the exchange does not show it."""

    state: StreamState
    position: PositionReport | None = None


def pairs(known: Mapping[PositionKey, StreamState], seen: Sequence[PositionReport]) -> Iterator[Match]:
    """Every key that is open in the ledger or held at the exchange, in the order of their names.

    A list of positions does not show spot holdings, so spot legs are not missed in it. An account may have been
    switched to hedge mode, or a file may leave out the legs: then the open cycle of the same symbol and side on another
    leg is the same position, unless that leg has a position of its own.
    """
    owned = {position.key for position in seen if _is_held(known, position.key)}
    found = {position.key: Match(known.get(position.key, StreamState(position.key)), position) for position in seen}
    for position in seen:
        if position.key not in owned and (other := _on_other_leg(known, position, owned)):
            owned.add(other.key)
            found[position.key] = Match(other, position)
    unseen = [state for key, state in known.items() if state.is_held and key not in owned and key.leg is not Leg.SPOT]
    yield from sorted([*found.values(), *map(Match, unseen)], key=lambda pair: pair.state.key.stream)


def _is_held(known: Mapping[PositionKey, StreamState], key: PositionKey) -> bool:
    return key in known and known[key].is_held


def _on_other_leg(
    known: Mapping[PositionKey, StreamState], position: PositionReport, owned: set[PositionKey]
) -> StreamState | None:
    for leg in _LEGS:
        state = known.get(position.key.on(leg))
        if state and state.row and state.key not in owned and state.row.side is position.side:
            return state
    return None


def is_same(row: PositionRow, seen: PositionReport) -> bool:
    """Whether a position at the exchange seems to be that of a row: same side, and about the same quantity or entry."""
    if (row.symbol, row.side) != (seen.key.symbol, seen.side):
        return False
    if row.avg_px_open is None or seen.avg_px_open is None:
        return True
    return _differ_little(row.quantity, seen.quantity, ALIKE) or _differ_little(
        row.avg_px_open, seen.avg_px_open, ALIKE
    )


def counts_contracts(row: PositionRow, seen: PositionReport) -> bool:
    """Whether the ledger's quantity equals the number of contracts, where a contract is not one unit."""
    return row.quantity != seen.quantity and seen.contract_size != 1 and row.quantity == seen.contracts


def is_one_price(ours: Decimal | None, theirs: Decimal | None) -> bool:
    """Whether two average prices differ by rounding only; a price that the exchange does not state equals any."""
    if theirs is None or ours is None:
        return theirs is None
    return _differ_little(ours, theirs, PRICE_TOLERANCE)


def is_left_of_fills(row: PositionRow) -> bool:
    """Whether fills account for everything that was entered, and a part of it is closed by now.

    Then the ledger's average follows from the fills and exits, and is not corrected. It may differ from the exchange's
    if exits were recorded in another order than they happened; the profit of the whole cycle is exact nevertheless.
    """
    told = total_of(order.traded_qty for order in of_role(row.orders, "entry"))
    return row.filled_qty == told and row.quantity < told


def _differ_little(ours: Decimal, theirs: Decimal, share: Decimal) -> bool:
    return EXACT.subtract(ours, theirs).copy_abs() <= EXACT.multiply(theirs, share)
