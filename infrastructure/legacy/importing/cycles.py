"""The rows of one key in order of opening, and findings about them: overlaps, repeated signals, spellings."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from datetime import datetime

from infrastructure.legacy.importing.import_findings import ImportFinding, ImportFindingKind
from infrastructure.legacy.source.legacy_row import LegacyRow


def by_key(rows: Iterable[LegacyRow]) -> list[list[LegacyRow]]:
    """Rows grouped by key, each group in order of opening; the group with the first opening is the first."""
    groups: dict[str, list[LegacyRow]] = {}
    for row in rows:
        groups.setdefault(row.stream, []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: row.order)
    return sorted(groups.values(), key=lambda group: (group[0].opened_at, group[0].stream))


def doubts(rows: Sequence[LegacyRow]) -> list[ImportFinding]:
    """All findings about the rows of a key together; each is also added to the rows that it concerns."""
    return [*_overlaps(rows), *_repeated_intents(rows), *_spellings(rows)]


def _overlaps(rows: Sequence[LegacyRow]) -> Iterable[ImportFinding]:
    """A finding for each row that was opened before earlier ones were closed; it names only a few of many."""
    endless: list[LegacyRow] = []
    running: list[tuple[datetime, int, LegacyRow]] = []
    for place, row in enumerate(rows):
        while running and running[0][0] <= row.opened_at:
            heapq.heappop(running)
        if named := [*endless[-2:], *(held for _, _, held in running[:2])]:
            unnamed = len(endless) + len(running) - len(named)
            message = f"row {row.name} was opened at {row.opened_at}, but {'; '.join(map(_end_of, named))}" + (
                f"; and {unnamed} more" if unnamed else ""
            )
            ids = (*(earlier.name for earlier in named), row.name)
            finding = ImportFinding(ImportFindingKind.OVERLAPPING_CYCLES, row.stream, ids, message)
            row.findings.append(finding)
            yield finding
        if row.closed_at is None or row.is_open:
            endless.append(row)
        else:
            heapq.heappush(running, (row.closed_at, place, row))


def _end_of(row: LegacyRow) -> str:
    if row.is_open:
        return f"row {row.name} is still {row.status.value}"
    if row.closed_at is None:
        return f"no time says since when row {row.name} is {row.status.value}"
    return f"row {row.name} was {row.status.value} at {row.closed_at} only"


def _repeated_intents(rows: Sequence[LegacyRow]) -> Iterable[ImportFinding]:
    first: dict[str, LegacyRow] = {}
    for row in rows:
        if row.intent_id is None:
            continue
        before = first.setdefault(row.intent_id, row)
        if before is not row:
            message = f"signal {row.intent_id} opened row {before.name} already, and row {row.name} again"
            finding = ImportFinding(ImportFindingKind.INTENT_TWICE, row.stream, (before.name, row.name), message)
            row.findings.append(finding)
            yield finding


def _spellings(rows: Sequence[LegacyRow]) -> Iterable[ImportFinding]:
    spelled: dict[str, LegacyRow] = {}
    for row in rows:
        spelled.setdefault(row.spelling, row)
    if len(spelled) < 2:
        return
    said = ", ".join(f"{spelling} (row {row.name})" for spelling, row in spelled.items())
    finding = ImportFinding(
        ImportFindingKind.SPELLINGS_FALL_TOGETHER,
        rows[0].stream,
        tuple(row.name for row in spelled.values()),
        f"{said} are one key, {rows[0].stream}",
    )
    spelled_normally = f"{rows[0].key.symbol} at {rows[0].key.exchange}"
    for row in rows:
        if row.spelling != spelled_normally:
            row.findings.append(finding)
    yield finding
