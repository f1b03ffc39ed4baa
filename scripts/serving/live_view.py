"""What the live page knows of a ledger at a moment."""

from __future__ import annotations

from dataclasses import dataclass

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger.questions.history import HistoryEntry
from projections.health.ledger_status import LedgerStatus


@dataclass(frozen=True)
class LiveView:
    """How everything stood that is open when the database answered last, and what came last.

    `silence` is why the database does not answer any more: then nothing here is known to be so still. `trouble` is
    what keeps the log from being followed while the database answers.
    """

    status: LedgerStatus
    place: ReplicaPlace | None
    recent: tuple[HistoryEntry, ...]
    """The events that came last, the newest first."""
    trouble: str | None = None
    silence: str | None = None
