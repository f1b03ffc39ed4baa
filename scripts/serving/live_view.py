"""What the live page shows of a ledger at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger.questions.history import HistoryEntry
from projections.health.ledger_status import LedgerStatus


class LostPast(NamedTuple):
    """Events that were shown, but are not in the log any more."""

    noticed_at: datetime
    words: str


@dataclass(frozen=True)
class LiveView:
    """The open cycles when the database answered last, and the last events.

    `silence` is why the database does not answer any more: then the view may be out of date. `trouble` is the error
    that prevents reading the log although the database answers. `lost` says which part of the past is gone, and when
    the page noticed; the log has been followed from a new place since then.
    """

    status: LedgerStatus
    place: ReplicaPlace | None
    recent: tuple[HistoryEntry, ...]
    """The last events, the newest first."""
    trouble: str | None = None
    lost: LostPast | None = None
    silence: str | None = None
