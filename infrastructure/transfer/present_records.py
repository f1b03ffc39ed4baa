"""Checks what a ledger holds before an import: the beginning of the same file, or else the import is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.transfer.transfer_errors import ImportRefused
from projections.rebuild import BATCH_EVENTS

Item = TypeVar("Item")


class PresentRecords(Generic[Item]):
    """The records that the ledger holds already, compared with those of the file one by one."""

    def __init__(self, found: Iterator[Item], what: str) -> None:
        self._found, self._what = found, what
        self._next = next(found, None)
        self.count = 0

    def has(self, line: int, item: Item) -> bool:
        """Whether the ledger has the record of a line already. Refuses: ImportRefused if it has another one there."""
        if self._next is None:
            return False
        if self._next != item:
            raise ImportRefused(
                f"this ledger is not empty, and its {self._what} number {self.count + 1:,} is not the one of line "
                f"{line:,}; import into an empty ledger, or continue with the file that the import was begun with"
            )
        self._next = next(self._found, None)
        self.count += 1
        return True

    def end(self) -> None:
        """Check that the ledger has no more records than the file up to here. Refuses: ImportRefused."""
        if self._next is not None:
            raise ImportRefused(
                f"this ledger is not empty: it has more {self._what}s than the file, which has {self.count:,}; import "
                "into an empty ledger"
            )


def present_events(store: Store) -> Iterator[tuple[object, ...]]:
    """Every event of a store without its index columns: place, stream, version, type, payload and hash."""
    end, after = AsOf(nid=store.high_water_mark()), 0
    while page := list(store.log(after=after, as_of=end, limit=BATCH_EVENTS)):
        for event in page:
            yield bare(event)
        after = page[-1].id


def bare(event: RecordedEvent) -> tuple[object, ...]:
    """An event without its index columns, as in `present_events`."""
    return event[:6]
