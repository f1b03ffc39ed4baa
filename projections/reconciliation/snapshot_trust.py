"""Whether a snapshot may be believed about what it does not show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from domain.identifiers import PositionKey
from domain.values import timestamp_text
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.matching import shown_twice
from projections.reconciliation.stream_state import StreamState

CLOCKS_APART_MAX: Final = timedelta(minutes=1)
"""How far a clock may run ahead of ours before its time is not believed."""


def doubts_about(
    snapshot: AccountSnapshot,
    known: Mapping[PositionKey, StreamState],
    now: datetime,
    age_max: timedelta | None,
    *,
    trust_empty: bool,
) -> tuple[str, ...]:
    """Why absence from this snapshot proves nothing; empty when it does.

    An exchange answered "no positions" 23 times while 13 to 19 were open (I-29), so that is believed only when it is
    asked for, or when the ledger holds nothing either.
    """
    doubts = list(snapshot.doubts)
    if snapshot.exchange is None:
        doubts.append("it does not say of which exchange it is: name it with --exchange")
    if snapshot.positions is None:
        doubts.append("it has no list of positions, so it was not asked for them or not answered: that is not zero")
    else:
        doubts += [f"it shows {key} twice" for key in shown_twice(snapshot.positions)]
    held = [standing for standing in known.values() if standing.row is not None and standing.row.quantity]
    if snapshot.positions == () and held and not trust_empty:
        doubts.append(
            f"it shows no positions at all while the ledger holds {len(held)}; if that is so, say --trust-empty"
        )
    if snapshot.taken_at is None:
        doubts.append("it does not say when it was taken: say it with --taken-at")
        return tuple(doubts)
    if snapshot.taken_at > now + CLOCKS_APART_MAX:
        doubts.append(f"it was taken at {timestamp_text(snapshot.taken_at)}, which is yet to come: look at --timezone")
    if age_max is not None and now - snapshot.taken_at > age_max:
        doubts.append(f"it is stale: it was taken at {timestamp_text(snapshot.taken_at)}")
    if held and all(standing.changed_after(snapshot.taken_at) for standing in held):
        doubts.append(
            f"it is stale: it was taken at {timestamp_text(snapshot.taken_at)}, and all that the ledger holds there "
            "changed after that"
        )
    return tuple(doubts)
