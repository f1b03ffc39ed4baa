"""What a ledger knows of the rows of one key, read back from its events: no table of its own is needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from pydantic import JsonValue

from domain.events import PositionEvent, PositionImported
from infrastructure.event_store.codec import decode
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.importing.import_findings import ImportFindingKind
from infrastructure.legacy.shadow.change_translation import CLAIM, TAKE_IN, command_id


@dataclass
class ReplicatedPosition:
    """Which position a row belongs to, by legacy id; which commands were accepted, and of which change the last was.

    Changes are mirrored in order, so all before the last one that left an event are done.
    """

    positions: dict[str, str] = field(default_factory=dict)
    imports: dict[str, PositionImported] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    """Rows of which a change was mirrored, so that their import is behind them."""
    last_change: int = 0

    @classmethod
    def read(cls, ledger: PositionLedger, stream: str) -> Self:
        """Read it back from the events of a key."""
        return cls.of(map(decode, ledger.store.history(stream)))

    @classmethod
    def of(cls, events: Iterable[PositionEvent]) -> Self:
        """Gather it from events in their order."""
        known = cls()
        for event in events:
            if isinstance(event, PositionImported) and event.legacy_id is not None:
                known.imports[event.legacy_id] = event
                known.positions[event.legacy_id] = event.position_id
            else:
                known.remember(event.command_id, event.metadata, event.position_id)
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

    def remember(self, command_id: str, metadata: dict[str, JsonValue] | None, position_id: str) -> None:
        """Take in a command that was accepted; of one that no shadow sent nothing is remembered."""
        match metadata:
            case {"legacy_id": str(legacy_id), "outbox_id": int(change)}:
                self.positions[legacy_id] = position_id
                self.joined.add(legacy_id)
                self.accepted.add(command_id)
                self.last_change = max(self.last_change, change)

    def rows_of(self, position_id: str) -> list[str]:
        """The legacy ids of the rows that belong to a position."""
        return [legacy_id for legacy_id, held in self.positions.items() if held == position_id]

    def is_claimed_by(self, change: int) -> bool:
        """Whether a change opened a position."""
        return not self.accepted.isdisjoint({command_id(change, CLAIM), command_id(change, TAKE_IN)})


def _is_superseded(event: PositionImported) -> bool:
    return not event.status.is_open and any(note.startswith(ImportFindingKind.TWO_OPEN_ROWS) for note in event.findings)
