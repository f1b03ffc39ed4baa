"""The book of alarms: which there are, who was told of which, and who is to be told now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from pydantic import AwareDatetime, TypeAdapter

from projections.health.alarm import Alarm, AlarmKey, Notice, NoticeKind
from projections.health.checks import PROGRAM, Check, Severity

KEPT_MAX: Final = 1_000
"""How many alarms are told apart, so that memory is bounded; of what comes beyond, the number is an alarm."""
MORE: Final = "more alarms"


@dataclass(frozen=True)
class Telling:
    """What a sink was told of an alarm last."""

    at: AwareDatetime
    severity: Severity
    count: int
    is_over: bool


@dataclass
class KeptAlarm:
    """An alarm that there is, or that is over and somebody has not been told so; `told` is by sink."""

    alarm: Alarm
    raised_at: AwareDatetime
    over_at: AwareDatetime | None = None
    told: dict[str, Telling] = field(default_factory=dict)

    def notice(self, sink: str, at: datetime, again: timedelta) -> Notice | None:
        """What a sink is to be told now."""
        told = self.told.get(sink)
        kind = self._kind(told, at, again)
        count = 0 if told is None else told.count
        return None if kind is None else Notice.of(kind, self.alarm, self.raised_at, self.over_at, count)

    def _kind(self, told: Telling | None, at: datetime, again: timedelta) -> NoticeKind | None:
        if self.over_at is not None:
            if told is None:
                return NoticeKind.MISSED
            return None if told.is_over else NoticeKind.OVER
        if told is None or told.is_over:
            return NoticeKind.ALARM
        if self.alarm.severity.rank > told.severity.rank:
            return NoticeKind.WORSE
        return NoticeKind.AGAIN if at - told.at >= again else None


class AlarmBook:
    """All alarms that somebody is to be told of, or was.

    Nothing is queued: what a sink is to be told follows from what there is and what it was told, so a sink that is
    down for long costs no memory, and is told how things are when it is back.
    """

    def __init__(self, kept: Iterable[KeptAlarm] = ()) -> None:
        """Go on with what was kept."""
        self._kept: dict[AlarmKey, KeptAlarm] = {each.alarm.key: each for each in kept}

    def __iter__(self) -> Iterator[KeptAlarm]:
        return iter(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def see(self, alarms: Sequence[Alarm], judged: Collection[Check], at: datetime) -> bool:
        """Take in what there is at a moment; an alarm is over when its check was judged, and did not find it.

        Shape: whether something came, went, or got worse or better, so that it is to be remembered.
        """
        fit = self._fitting(alarms)
        changed = False
        for alarm in fit:
            changed |= self._take(alarm, at)
        present = {alarm.key for alarm in fit}
        for key, kept in self._kept.items():
            if key not in present and kept.over_at is None and key.check in judged:
                kept.over_at = at
                changed = True
        return changed

    def _fitting(self, alarms: Sequence[Alarm]) -> list[Alarm]:
        """Those that are told apart: what is kept already, and of the others the worst."""
        known = [alarm for alarm in alarms if alarm.key in self._kept]
        new = sorted((alarm for alarm in alarms if alarm.key not in self._kept), key=lambda each: -each.severity.rank)
        room = max(0, KEPT_MAX - len(self._kept))
        left = new[room:]
        if not left:
            return known + new
        message = f"{len(left):,} more than the {KEPT_MAX:,} that are told apart"
        worst = max((alarm.severity for alarm in left), key=lambda severity: severity.rank)
        return [*known, *new[:room], Alarm(Check.WATCH, MORE, worst, message, f"{PROGRAM} status", None)]

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
        """What a sink is to be told now, the worst first, so much at once."""
        found = [notice for kept in self if (notice := kept.notice(sink, at, again)) is not None]
        found.sort(key=lambda each: (each.over_at is not None, -each.alarm.severity.rank, each.raised_at))
        return found[:most]

    def was_told(self, sink: str, notices: Iterable[Notice], at: datetime) -> None:
        """Remember that a sink was told."""
        for notice in notices:
            if (kept := self._kept.get(notice.alarm.key)) is None:
                continue
            before = kept.told.get(sink)
            count = 1 + (0 if before is None else before.count)
            kept.told[sink] = Telling(at, notice.alarm.severity, count, notice.over_at is not None)

    def forget(self, sinks: Collection[str]) -> None:
        """Let go of what is over, and of which every sink was told so."""
        self._kept = {
            key: kept
            for key, kept in self._kept.items()
            if kept.over_at is None or not all(sink in kept.told and kept.told[sink].is_over for sink in sinks)
        }

    def add(self, kept: Iterable[KeptAlarm]) -> None:
        """Take in what was remembered elsewhere, as far as nothing newer is known here."""
        for each in kept:
            self._kept.setdefault(each.alarm.key, each)


@cache
def book_adapter() -> TypeAdapter[list[KeptAlarm]]:
    """How a book is written and read."""
    return TypeAdapter(list[KeptAlarm])
