"""Which position at the exchange is which position of the ledger: the union of their keys, each paired once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.identifiers import PositionKey
from domain.values import Leg
from projections.account_snapshot import PositionReport
from projections.reconciliation.stream_state import StreamState

_LEGS: Final = (Leg.BOTH, Leg.LONG, Leg.SHORT)


@dataclass(frozen=True, slots=True)
class Match:
    """One slot on both sides; `position` is None when the exchange does not show it."""

    standing: StreamState
    position: PositionReport | None = None


def pairs(known: Mapping[PositionKey, StreamState], seen: Sequence[PositionReport]) -> Iterator[Match]:
    """Every slot that is open in the ledger or held at the exchange, in the order of their names.

    An account may have been switched to hedge mode, or its legs left out of a file: then the open cycle of the same
    symbol and side on another leg is the same position, unless it has one of its own.
    """
    owned = {position.key for position in seen if _is_open(known, position.key)}
    found = {position.key: Match(known.get(position.key, StreamState(position.key)), position) for position in seen}
    for position in seen:
        if position.key not in owned and (other := _on_other_leg(known, position, owned)):
            owned.add(other.key)
            found[position.key] = Match(other, position)
    unseen = [standing for key, standing in known.items() if standing.row is not None and key not in owned]
    yield from sorted([*found.values(), *map(Match, unseen)], key=lambda pair: pair.standing.key.stream)


def _is_open(known: Mapping[PositionKey, StreamState], key: PositionKey) -> bool:
    return key in known and known[key].row is not None


def _on_other_leg(
    known: Mapping[PositionKey, StreamState], position: PositionReport, owned: set[PositionKey]
) -> StreamState | None:
    for leg in _LEGS:
        key = position.key
        standing = known.get(PositionKey(key.symbol, key.exchange, key.account, leg))
        if standing and standing.row and standing.key not in owned and standing.row.side is position.side:
            return standing
    return None


def shown_twice(seen: Sequence[PositionReport]) -> list[PositionKey]:
    """Keys that a snapshot shows more than once: which of them is true cannot be known."""
    return [key for key, count in Counter(position.key for position in seen).items() if count > 1]
