"""What the live page knows of a ledger at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger.questions.history import HistoryEntry
from projections.health.ledger_status import LedgerStatus


class LostPast(NamedTuple):
    """Events that were shown, and do not stand in the log any more."""

    noticed_at: datetime
    words: str


@dataclass(frozen=True)
class LiveView:
    """How everything stood that is open when the database answered last, and what came last.

    `silence` is why the database does not answer any more: then nothing here is known to be so still. `trouble` is
    what keeps the log from being followed while the database answers; `lost` says which part of the past is gone and
    since when the page knows, and the log is followed anew then.
    """

    status: LedgerStatus
    place: ReplicaPlace | None
    recent: tuple[HistoryEntry, ...]
    """The events that came last, the newest first."""
    trouble: str | None = None
    lost: LostPast | None = None
    silence: str | None = None
