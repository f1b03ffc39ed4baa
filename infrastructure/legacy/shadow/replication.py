"""Mirroring an outbox: change by change up to its end, and on from there when it is run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import tzinfo
from typing import Final

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.shadow.capture.change import ChangeReader, TableChange, Unreadable
from infrastructure.legacy.shadow.capture.outbox import End, Outbox, RawChange
from infrastructure.legacy.shadow.divergence import Divergence, DivergenceKind
from infrastructure.legacy.shadow.replicator import Replicator

BATCH_CHANGES: Final = 100
"""The cursor is stored after so many changes, and after each one that diverged, so that a divergence is told once.

Changes since the cursor was stored are mirrored again after a stop, and change nothing."""


class Replication:
    """One outbox, mirrored into one ledger; `changes` and `commands` count what this run did."""

    def __init__(self, ledger: PositionLedger, outbox: Outbox, zone: tzinfo | None = None) -> None:
        """Begin where this ledger stopped; earlier changes are read again, for not each of them left an event.

        Refuses: NoOutbox, StoreUnavailable.
        """
        self._ledger, self._outbox = ledger, outbox
        self._reader = ChangeReader(zone)
        self._replicator = Replicator(ledger, self._reader, self._last_change)
        self._name = self._ledger_name()
        self._cursor = 0 if self._name is None else outbox.cursor(self._name)
        self._end: End | None = None
        self.changes = 0
        self._recall()

    @property
    def commands(self) -> int:
        """How many commands were recorded."""
        return self._replicator.commands

    @property
    def is_waiting(self) -> bool:
        """Whether changes are held back until the transactions are over that may still write before them."""
        return self._end is not None

    def _recall(self) -> None:
        after = 0
        while batch := self._outbox.changes(after, self._cursor, BATCH_CHANGES):
            for raw in batch:
                with suppress(Unreadable):
                    self._replicator.recall(self._reader.read(raw.id, raw.at, raw.was, raw.becomes))
            after = batch[-1].id

    def step(self) -> Iterator[Divergence]:
        """Mirror everything that is settled, or nothing while something is not.

        Refuses: StoreError, OutcomeUnknown, LedgerError of an outbox that is gone.
        """
        self._end = self._end or self._outbox.end(self._cursor)
        if self._end is None or not self._outbox.is_settled(self._end):
            return
        while batch := self._outbox.changes(self._cursor, self._end.id, BATCH_CHANGES):
            for raw in batch:
                found = False
                for divergence in self._take(raw):
                    found = True
                    yield divergence
                if found or raw is batch[-1]:
                    self._note(raw.id)
        self._end = None

    def _take(self, raw: RawChange) -> Iterator[Divergence]:
        self.changes += 1
        try:
            yield from self._replicator.take(self._reader.read(raw.id, raw.at, raw.was, raw.becomes))
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

    def _last_change(self, legacy_id: str, upto: int) -> TableChange | None:
        last = self._outbox.last_change(legacy_id, upto)
        try:
            return None if last is None else self._reader.read(last.id, last.at, last.was, last.becomes)
        except Unreadable:
            return None
