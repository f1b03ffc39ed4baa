"""The narratives of the cycles of one key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from domain.events import PositionEvent
from domain.identifiers import PositionKey
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.as_of import as_of as moment_of
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.questions.stray_succession import successors
from infrastructure.ledger_clock import now
from projections.audit.narrative import Narrative, story
from projections.positions import PositionRow, project


def tell(ledger: PositionLedger, entries: Sequence[HistoryEntry], *, as_of: str | None = None) -> list[Narrative]:
    """The narratives of the cycles of one key, up to now or as of a moment in the past."""
    if not entries:
        return []
    key = PositionKey.parse(entries[0].event.originator_id)
    until, end = now(), now()
    if as_of is not None:
        time = moment_of(as_of).time
        until = time or max(entry.event.ts_recorded for entry in entries)
        end = time or datetime.min.replace(tzinfo=UTC)
    refused = [refusal for refusal in ledger.rejections(key) if refusal.ts_recorded <= until]
    of_cycles = (entry.event for entry in entries if entry.event.has_cycle)
    by_cycle = sorted(of_cycles, key=lambda event: (event.cycle, event.originator_version))
    cycles = [list(events) for _, events in groupby(by_cycle, key=lambda event: event.cycle)]
    taken_over = successors(ledger.store, [_last_row(events) for events in cycles], moment_of(as_of))
    return [story(events, refused, end, taken_over.get(events[0].position_id)) for events in cycles]


def _last_row(cycle: Sequence[PositionEvent]) -> PositionRow:
    row: PositionRow | None = None
    for event in cycle:
        row = project(row, event)
    assert row is not None, "a cycle has an event"
    return row


def title_of(stories: Sequence[Narrative], entries: Sequence[HistoryEntry]) -> str:
    """The position id of a single cycle, or the key of several cycles."""
    return stories[0].row.position_id if len(stories) == 1 else str(entries[0].event.originator_id)
