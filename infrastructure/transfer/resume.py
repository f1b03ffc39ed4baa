"""What a ledger holds before an import: the beginning of the very same file, or else the import is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.transfer.transfer_errors import ImportRefused
from projections.rebuild import BATCH_EVENTS

Item = TypeVar("Item")


class PresentEvents(Generic[Item]):
    """Records that the ledger holds already, compared with those of the file as they are read."""

    def __init__(self, found: Iterator[Item], what: str) -> None:
        self._found, self._what = found, what
        self._next = next(found, None)
        self.count = 0

    def has(self, line: int, item: Item) -> bool:
        """Whether the thing that a line holds is there already. Refuses: ImportRefused, when another is."""
        if self._next is None:
            return False
        if self._next != item:
            raise ImportRefused(
                f"this ledger is not empty, and {self._what} number {self.count + 1:,} of it is not that of line "
                f"{line:,}; import into an empty ledger, or go on with the file that the import was begun with"
            )
        self._next = next(self._found, None)
        self.count += 1
        return True

    def end(self) -> None:
        """Refuse a ledger that has more than the file up to here."""
        if self._next is not None:
            raise ImportRefused(
                f"this ledger is not empty: it has more {self._what}s than the {self.count:,} that the file has by "
                "then; import into an empty ledger"
            )


def present_events(store: Store) -> Iterator[tuple[object, ...]]:
    """Every event that a store holds, without its columns: place, stream, version, type, payload and hash."""
    end, after = AsOf(nid=store.high_water_mark()), 0
    while page := list(store.log(after=after, as_of=end, limit=BATCH_EVENTS)):
        for event in page:
            yield bare(event)
        after = page[-1].id


def bare(event: RecordedEvent) -> tuple[object, ...]:
    """An event as `present_events` gives it."""
    return event[:6]
