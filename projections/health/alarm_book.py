"""The book of alarms: which alarms there are, what each sink was told, and which notices are due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from pydantic import AwareDatetime, TypeAdapter

from domain.values import is_yet_to_come
from projections.health.alarm import Alarm, AlarmKey, Notice, NoticeKind
from projections.health.checks import Check, Severity, command_line

KEPT_MAX: Final = 1_000
"""How many alarms are kept separately, to limit memory; further ones are counted in one alarm."""
MORE: Final = "more alarms"


@dataclass(frozen=True)
class Telling:
    """The last notice to a sink about an alarm."""

    at: AwareDatetime
    severity: Severity
    count: int
    is_over: bool


@dataclass
class KeptAlarm:
    """An alarm that exists, or that is over while a sink has not been told so yet; `told` is by sink."""

    alarm: Alarm
    raised_at: AwareDatetime
    over_at: AwareDatetime | None = None
    told: dict[str, Telling] = field(default_factory=dict)

    def notice(self, sink: str, at: datetime, again: timedelta) -> Notice | None:
        """The notice that is due to a sink now; None if none is."""
        last = self.told.get(sink)
        kind = self._kind(last, at, again)
        count = 0 if last is None else last.count
        return None if kind is None else Notice.of(kind, self.alarm, self.raised_at, self.over_at, count)

    def _kind(self, last: Telling | None, at: datetime, again: timedelta) -> NoticeKind | None:
        if self.over_at is not None:
            if last is None:
                return NoticeKind.MISSED
            return None if last.is_over else NoticeKind.OVER
        if last is None or last.is_over:
            return NoticeKind.ALARM
        if self.alarm.severity.rank > last.severity.rank:
            return NoticeKind.WORSE
        is_time = at - last.at >= again or is_yet_to_come(last.at, at)  # the clock was set back since
        return NoticeKind.AGAIN if is_time else None


class AlarmBook:
    """All alarms, with what each sink was told of them.

    No notices are queued: which notice is due to a sink follows from the alarms and from what it was told. So a sink
    that is down for long costs no memory, and learns the present state when it is back.
    """

    def __init__(self) -> None:
        self._kept: dict[AlarmKey, KeptAlarm] = {}

    def __iter__(self) -> Iterator[KeptAlarm]:
        return iter(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def see(self, alarms: Sequence[Alarm], judged: Collection[Check], at: datetime) -> bool:
        """Update the book with the alarms of a moment; an alarm is over when its check was `judged` without finding it.

        Shape: whether an alarm began, ended, or changed its severity, so that the book has to be stored.
        """
        within = self._within_limit(alarms)
        changed = False
        for alarm in within:
            changed |= self._take(alarm, at)
        present = {alarm.key for alarm in within}
        for key, kept in self._kept.items():
            if key not in present and kept.over_at is None and key.check in judged:
                kept.over_at = at
                changed = True
        return changed

    def _within_limit(self, alarms: Sequence[Alarm]) -> list[Alarm]:
        """The alarms that are kept separately: known ones, and the worst of the new ones; the rest as one alarm."""
        known = [alarm for alarm in alarms if alarm.key in self._kept]
        new = sorted((alarm for alarm in alarms if alarm.key not in self._kept), key=lambda each: -each.severity.rank)
        room = max(0, KEPT_MAX - len(self._kept))
        left = new[room:]
        if not left:
            return known + new
        message = f"{len(left):,} more, beside the {KEPT_MAX:,} that are kept separately"
        worst = max((alarm.severity for alarm in left), key=lambda severity: severity.rank)
        return [*known, *new[:room], Alarm(Check.WATCH, MORE, worst, message, command_line("status"), None)]

    def _take(self, alarm: Alarm, at: datetime) -> bool:
        kept = self._kept.get(alarm.key)
        if kept is None:
            self._kept[alarm.key] = KeptAlarm(alarm, at)
            return True
        changed = kept.over_at is not None or kept.alarm.severity is not alarm.severity
        if kept.over_at is not None:
            kept.over_at = None
            if any(each.is_over for each in kept.told.values()):
                kept.raised_at = at
        kept.alarm = alarm
        return changed

    def due(self, sink: str, at: datetime, again: timedelta, most: int) -> list[Notice]:
        """The notices that are due to a sink now, the worst first, at most `most`."""
        found = [notice for kept in self if (notice := kept.notice(sink, at, again)) is not None]
        found.sort(key=lambda each: (each.over_at is not None, -each.alarm.severity.rank, each.raised_at))
        return found[:most]

    def was_told(self, sink: str, notices: Iterable[Notice], at: datetime) -> None:
        """Record that a sink got these notices."""
        for notice in notices:
            if (kept := self._kept.get(notice.alarm.key)) is None:
                continue
            before = kept.told.get(sink)
            count = 1 + (0 if before is None else before.count)
            kept.told[sink] = Telling(at, notice.alarm.severity, count, notice.over_at is not None)

    def forget(self, sinks: Collection[str]) -> None:
        """Delete the alarms that are over, and of which every sink was told so."""
        self._kept = {
            key: kept
            for key, kept in self._kept.items()
            if kept.over_at is None or not all(sink in kept.told and kept.told[sink].is_over for sink in sinks)
        }

    def add(self, kept: Iterable[KeptAlarm]) -> None:
        """Add alarms that another process stored, unless this book has them already."""
        for each in kept:
            self._kept.setdefault(each.alarm.key, each)


@cache
def book_adapter() -> TypeAdapter[list[KeptAlarm]]:
    """Writes and reads the alarms of a book as JSON."""
    return TypeAdapter(list[KeptAlarm])
