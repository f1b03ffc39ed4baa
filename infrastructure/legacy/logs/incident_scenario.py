"""Which race led to a duplicate error, and what in the log says so.

A  two signals for one key close together
B  a signal against the synchroniser
C  a retry after a rollback
D  a restart in mid-entry, then a new signal
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from infrastructure.legacy.logs.finders.creations import Creation, Origin
from infrastructure.legacy.logs.finders.duplicates import Duplicate
from infrastructure.legacy.logs.finders.restarts import Restart
from infrastructure.legacy.logs.reading.clock import SECOND, seconds

UNKNOWN: Final = "unknown"
ENTRY: Final = 120 * SECOND
"""An entry that failed had begun at most so long ago."""

RETRY: Final = 300 * SECOND
CRASH: Final = 1_800 * SECOND
SIGNALS: Final = 60 * SECOND
TOLD_LATE: Final = 10 * SECOND
"""The synchroniser may say what it did after the error."""

_SYNCHRONISER: Final = re.compile(r"synchroni|position_sync|(?<![a-z])sync(?![a-z])", re.IGNORECASE)


def scenario(duplicate: Duplicate, creations: Iterable[Creation], restarts: Sequence[Restart]) -> tuple[str, list[str]]:
    """Name the race, with the evidence; `unknown` when the log holds none.

    The strongest evidence counts first: the synchroniser seen at work on the symbol (B), an unfinished entry before a
    restart (D), a rollback before the entry (C), a second entry (A).
    """
    at = duplicate.at
    creations = [each for each in creations if each.at <= at + TOLD_LATE]
    last_start = max((restart.first for restart in restarts if restart.first <= at), default=at - ENTRY)
    since = max(at - ENTRY, last_start)
    ours = [each for each in creations if each.origin is not Origin.SYNCHRONISER and since <= each.at <= at]
    begun = _failed_one(duplicate, ours)
    evidence = (
        ("B", _synchroniser(duplicate, creations, begun)),
        ("D", _restart(creations, restarts, begun)),
        ("C", _retry(creations, begun)),
        ("A", _second_signal(ours, begun)),
    )
    for name, words in evidence:
        if words:
            return name, [words]
    if begun is None:
        return UNKNOWN, ["the log does not show the entry that failed"]
    return UNKNOWN, [f"the entry began {_apart(begun.at, at)} before; nothing in the log shows who held the key"]


def _failed_one(duplicate: Duplicate, ours: Sequence[Creation]) -> Creation | None:
    """The entry that met the error: named by its operation, or else the oldest that was still under way."""
    named = [each for each in ours if duplicate.operation and each.operation == duplicate.operation]
    running = [each for each in ours if each.ended_at is None or each.ended_at >= duplicate.at]
    return next(iter(named or running or ours[-1:]), None)


def _synchroniser(duplicate: Duplicate, creations: Sequence[Creation], begun: Creation | None) -> str | None:
    since = duplicate.at - ENTRY if begun is None else begun.at
    for each in creations:
        if each.origin is Origin.SYNCHRONISER and since <= each.at:
            row = f" as row {each.position_id}" if each.position_id else ""
            when = "" if begun is None else f" {_apart(begun.at, each.at)} after the entry began"
            return f"the synchroniser added {each.symbol}{row}{when}"
    for moment in duplicate.timeline:
        if since <= moment.at < duplicate.at and _SYNCHRONISER.search(f"{moment.logger} {moment.message}"):
            said = f"{moment.message[:120]!r}"
            return f"the synchroniser was at work on it {_apart(moment.at, duplicate.at)} before: {said}"
    return None


def _restart(creations: Sequence[Creation], restarts: Sequence[Restart], begun: Creation | None) -> str | None:
    if begun is None:
        return None
    for restart in reversed(restarts):
        if not begun.at - CRASH <= restart.at <= begun.at:
            continue
        for each in creations:
            unfinished = each.ended_at is None or each.ended_at > restart.first
            if each is not begun and restart.first - CRASH <= each.at < restart.first and unfinished:
                return (
                    f"an entry began {_apart(each.at, restart.first)} before a restart and had no end; the new one "
                    f"began {_apart(restart.at, begun.at)} after it"
                )
    return None


def _retry(creations: Sequence[Creation], begun: Creation | None) -> str | None:
    if begun is None:
        return None
    for each in reversed(creations):
        if (
            each is not begun
            and each.is_failed
            and each.ended_at is not None
            and 0 <= begun.at - each.ended_at <= RETRY
        ):
            return f"an earlier attempt was rolled back {_apart(each.ended_at, begun.at)} before this one began"
    return None


def _second_signal(ours: Sequence[Creation], begun: Creation | None) -> str | None:
    for each in ours:
        if begun is None or each is begun or abs(each.at - begun.at) > SIGNALS:
            continue
        first, second = sorted((begun, each), key=lambda creation: creation.at)
        if first.ended_at is None or first.ended_at >= second.at:
            return f"two entries for it began {_apart(first.at, second.at)} apart"
    return None


def _apart(earlier: int, later: int) -> str:
    return f"{seconds(later - earlier):.3f} s"
