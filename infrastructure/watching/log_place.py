"""How far a watch has read the log; each time it reads on, to find out whether new events can be read."""

from __future__ import annotations

from typing import NamedTuple

from domain.errors import HistoryDamaged, PastLost, StoreError
from infrastructure.ledger.ledger import PositionLedger


class LogPlace(NamedTuple):
    """The last event that was read; its hash shows whether the log was replaced by an older copy."""

    nid: int
    hash: str | None

    @classmethod
    def end_of(cls, ledger: PositionLedger) -> LogPlace:
        """The place of the last event of the ledger."""
        last = ledger.store.last_event()
        return cls(0, None) if last is None else cls(last.id, last.hash)

    def followed(self, ledger: PositionLedger) -> tuple[LogPlace, tuple[StoreError, ...]]:
        """Read the events after this place: the new place, and the error that stopped the reading, if any.

        After PastLost the new place is the end of the log as it is now, so the loss is reported once.
        Refuses: StoreUnavailable.
        """
        place = self
        try:
            with ledger.subscribe(
                after=self.nid, after_hash=self.hash, timeout_seconds=0, patience_seconds=0
            ) as subscription:
                for entry in subscription:
                    place = LogPlace(entry.nid, entry.hash)
        except PastLost as cause:
            return LogPlace.end_of(ledger), (cause,)
        except HistoryDamaged as cause:
            return place, (cause,)
        return place, ()
