"""Mirroring an outbox: change by change up to its end, and on from there when it is run again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Final

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.shadow.capture.change import ChangeReader, Unreadable
from infrastructure.legacy.shadow.capture.outbox import End, Outbox, RawChange
from infrastructure.legacy.shadow.divergence import Divergence, DivergenceKind
from infrastructure.legacy.shadow.replicator import Replicator

BATCH_CHANGES: Final = 100
"""After so many the place is noted: stopped in between, they are mirrored again and change nothing."""


class Replication:
    """One outbox, mirrored into one ledger; `changes` and `commands` count what this run did."""

    def __init__(self, ledger: PositionLedger, outbox: Outbox, zone: tzinfo | None = None) -> None:
        """Begin where this ledger stopped. Refuses: NoOutbox, StoreUnavailable."""
        self._ledger, self._outbox = ledger, outbox
        self._reader = ChangeReader(zone)
        self._mirror = Replicator(ledger, self._reader, self._was_open)
        self._name = self._ledger_name()
        self._cursor = 0 if self._name is None else outbox.cursor(self._name)
        self._end: End | None = None
        self.changes = 0

    @property
    def commands(self) -> int:
        """How many commands were recorded."""
        return self._mirror.commands

    @property
    def is_waiting(self) -> bool:
        """Whether changes are held back until the transactions are over that may still write before them."""
        return self._end is not None

    def step(self) -> Iterator[Divergence]:
        """Mirror everything that is settled, or nothing while something is not.

        Refuses: StoreError, OutcomeUnknown, LedgerError of an outbox that is gone.
        """
        self._end = self._end or self._outbox.end(self._cursor)
        if self._end is None or not self._outbox.is_settled(self._end):
            return
        while batch := self._outbox.changes(self._cursor, self._end, BATCH_CHANGES):
            for raw in batch:
                yield from self._take(raw)
            self._note(batch[-1].id)
        self._end = None

    def _take(self, raw: RawChange) -> Iterator[Divergence]:
        self.changes += 1
        try:
            yield from self._mirror.take(self._reader.read(raw.id, raw.at, raw.was, raw.becomes))
        except Unreadable as wrong:
            yield Divergence(DivergenceKind.UNREADABLE, raw.id, raw.at, None, None, str(wrong))

    def _note(self, number: int) -> None:
        self._cursor = number
        self._name = self._name or self._ledger_name()
        if self._name is not None:
            self._outbox.advance(self._name, number)

    def _ledger_name(self) -> str | None:
        """What tells ledgers apart: the hash of the first event. An empty one has no name yet."""
        first = next(iter(self._ledger.store.log(limit=1)), None)
        return None if first is None else first.hash

    def _was_open(self, legacy_id: str, change: int) -> bool | None:
        last = self._outbox.last_change(legacy_id, change)
        if last is None:
            return None
        if last.becomes is None:
            return False
        try:
            return self._reader.read(last.id, last.at, None, last.becomes).row.is_open
        except Unreadable:
            return False
