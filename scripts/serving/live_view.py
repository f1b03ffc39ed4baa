"""What the live page shows of a ledger at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger.questions.history import HistoryEntry
from projections.health.ledger_status import LedgerStatus


class Silence(NamedTuple):
    """Why nothing newer is known: what does not work, and the error that says so."""

    heading: str
    words: str


@dataclass(frozen=True)
class LiveView:
    """The status when the ledger could be read last, and the last events.

    With a `silence` the ledger cannot be read any more, and the view may be out of date. `unheard` says that it has
    nothing of what is shown, as after a misspelled name: then no position is no good news.
    """

    status: LedgerStatus
    place: ReplicaPlace | None
    recent: tuple[HistoryEntry, ...]
    """The last events, the newest first."""
    unheard: str | None = None
    silence: Silence | None = None
