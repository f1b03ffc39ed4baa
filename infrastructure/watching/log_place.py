"""The place up to which a watch has followed the log: what comes after it is read, and must be readable."""

from __future__ import annotations

from typing import NamedTuple

from domain.errors import HistoryDamaged, PastLost, StoreError
from infrastructure.ledger.ledger import PositionLedger


class LogPlace(NamedTuple):
    """The last event that was read, and its hash, by which a past that is lost is noticed."""

    nid: int
    hash: str | None

    @classmethod
    def end_of(cls, ledger: PositionLedger) -> LogPlace:
        """The last event there is."""
        last = next(ledger.store.select([], [], "nid DESC", 1), None)
        return cls(0, None) if last is None else cls(last.id, last.hash)

    def followed(self, ledger: PositionLedger) -> tuple[LogPlace, tuple[StoreError, ...]]:
        """Read what came since: the new place, and why the log could not be read on, if so.

        A lost past is told once, and followed from what stands there now. Refuses: StoreUnavailable.
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
