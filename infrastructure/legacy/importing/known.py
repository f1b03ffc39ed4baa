"""What a ledger has of the keys of a legacy table before the import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.events import PositionImported
from domain.identifiers import PositionKey
from domain.values import Source
from infrastructure.event_store.codec import decode
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.importing.conflict_resolution import Holder


@dataclass
class Known:
    """A key of which the ledger has cycles; the last cycle is the one that was opened last."""

    last_position_id: str
    last_opened_at: datetime
    has_native: bool = False
    holder: Holder | None = None


def known_keys(ledger: PositionLedger, streams: set[str]) -> dict[str, Known]:
    """The keys of these streams that are in the ledger, by one pass over its positions."""
    found: dict[str, Known] = {}
    for row in ledger.store.rows():
        if row.stream not in streams:
            continue
        known = found.setdefault(row.stream, Known(row.position_id, row.opened_at))
        known.last_position_id, known.last_opened_at = row.position_id, row.opened_at
        known.has_native |= row.source is not Source.IMPORT
        if row.status.is_open:
            known.holder = Holder(row.position_id, row.opened_at)
    return found


def imported_events(ledger: PositionLedger, key: PositionKey) -> dict[str, PositionImported]:
    """The imported rows of a key, by the command that imported them."""
    events = map(decode, ledger.store.history(key.stream))
    return {event.command_id: event for event in events if isinstance(event, PositionImported)}
