"""What a ledger knows of the rows of one key, read back from its events: no table of its own is needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Self

from pydantic import JsonValue

from domain.events import PositionEvent, PositionImported
from infrastructure.event_store.codec import decode
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow
from infrastructure.legacy.source.row_translation import Translator
from projections.positions import PositionRow, project


@dataclass
class ReplicatedKey:
    """To which position each row of a key belongs, which changes opened a position, and which was mirrored last.

    Changes are mirrored in order, so all before the last one that left an event are done. What such a change left
    without an event, a second row above all, is gathered again from the outbox (`Replicator.recall`).
    """

    positions: dict[str, str] = field(default_factory=dict)
    """By legacy id of the row."""
    imports: dict[str, PositionImported] = field(default_factory=dict)
    opened: dict[int, str] = field(default_factory=dict)
    """What a change opened."""
    joined: dict[str, int] = field(default_factory=dict)
    """From which change on a row is mirrored, so that its import is behind it."""
    last_change: int = 0
    holders: list[tuple[int, str | None]] = field(default_factory=list)
    """Who held the slot from a change on."""

    @classmethod
    def read(cls, ledger: PositionLedger, stream: str) -> Self:
        """Read it back from the events of a key."""
        return cls.of(map(decode, ledger.store.history(stream)))

    @classmethod
    def of(cls, events: Iterable[PositionEvent]) -> Self:
        """Gather it from events in their order."""
        known = cls()
        rows: dict[str, PositionRow] = {}
        for event in events:
            place = event.position_id
            change, was = outbox_id(event.metadata), rows.get(place)
            rows[place] = project(was, event)
            if isinstance(event, PositionImported) and event.legacy_id is not None:
                known.imports[event.legacy_id] = event
                known.positions[event.legacy_id] = place
            elif change is not None and was is None:
                known.opened[change] = place
            known.remember(event.metadata, place, is_open=rows[place].status.is_open)
        known.give_superseded_rows_to_the_one_that_was_kept()
        return known

    def give_superseded_rows_to_the_one_that_was_kept(self) -> None:
        """Of several open rows of a key an import keeps one: what becomes of the others is news of that one."""
        kept = next((event.position_id for event in self.imports.values() if event.status.is_open), None)
        for legacy_id, event in self.imports.items():
            if kept is not None and legacy_id not in self.joined and _is_superseded(event):
                self.positions[legacy_id] = kept

    def was_imported_open(self, legacy_id: str) -> bool:
        """Whether a row was open when it was imported."""
        event = self.imports.get(legacy_id)
        return event is not None and (event.status.is_open or _is_superseded(event))

    def remember(self, metadata: dict[str, JsonValue] | None, position_id: str, *, is_open: bool) -> None:
        """Take in what was accepted; of what no shadow sent only who holds the slot now."""
        match metadata:
            case {"legacy_id": str(legacy_id), "outbox_id": int(change)}:
                self.positions[legacy_id] = position_id
                self.joined.setdefault(legacy_id, change)
                self.last_change = max(self.last_change, change)
        if is_open or self.holder_before(self.last_change + 1) == position_id:
            self.holders.append((self.last_change, position_id if is_open else None))

    def holder_before(self, change: int) -> str | None:
        """Who held the slot when a change came."""
        return next((held for since, held in reversed(self.holders) if since < change), None)

    def rows_of(self, position_id: str) -> list[str]:
        """The legacy ids of the rows that belong to a position, lower numbers first."""
        belonging = (legacy_id for legacy_id, held in self.positions.items() if held == position_id)
        return sorted(belonging, key=lambda legacy_id: (len(legacy_id), legacy_id))


def outbox_id(metadata: dict[str, JsonValue] | None) -> int | None:
    """The change that an event is from; None when no shadow recorded it."""
    match metadata:
        case {"outbox_id": int(change)}:
            return change
    return None


def _is_superseded(event: PositionImported) -> bool:
    """Whether the import closed what was open in the old table, for another row kept the slot.

    The event has the row as it was; in which zone its naive times are read does not matter to that.
    """
    if event.status.is_open:
        return False
    row = Translator(UTC).read(RawRow(0, tuple(event.row), tuple(event.row.values())))
    return isinstance(row, LegacyRow) and row.is_open
