"""Alarms: the symptoms of a ledger as notices for people, one alarm for each subject of a check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar, NamedTuple

from domain.json_object import JsonObject
from projections.health.checks import Check, Section, Severity, Symptom, worst_first


class AlarmKey(NamedTuple):
    """The identity of an alarm: its check and its subject."""

    check: Check
    subject: str


@dataclass(frozen=True)
class Alarm(JsonObject):
    """What a check finds wrong with one subject: the worst symptom as a sentence, and the next command."""

    check: Check
    subject: str
    severity: Severity
    message: str
    advice: str
    since: datetime | None

    @property
    def key(self) -> AlarmKey:
        """Its identity."""
        return AlarmKey(self.check, self.subject)


def alarms_of(sections: Iterable[Section]) -> list[Alarm]:
    """An alarm for each subject of each check."""
    found: defaultdict[AlarmKey, list[Symptom]] = defaultdict(list)
    for section in sections:
        for symptom in section.symptoms:
            found[AlarmKey(section.check, symptom.subject)].append(symptom)
    return [_of(key, worst_first(symptoms)) for key, symptoms in found.items()]


def _of(key: AlarmKey, symptoms: list[Symptom]) -> Alarm:
    first = symptoms[0]
    message = first.message + (f"; and {len(symptoms) - 1} more" if len(symptoms) > 1 else "")
    return Alarm(*key, first.severity, message, first.advice, first.since)


class NoticeKind(StrEnum):
    """Why a sink gets a notice about an alarm."""

    ALARM = "alarm"
    WORSE = "worse"
    """It was a warning at the last notice, and is critical now."""
    AGAIN = "again"
    """A reminder: the last notice was a while ago, and nothing has changed."""
    OVER = "over"
    MISSED = "missed"
    """It began and ended while the sink could not be reached."""


@dataclass(frozen=True)
class Notice(JsonObject):
    """A notice to one sink about one alarm; if it is sent twice, it has the same `id`."""

    id: str
    kind: NoticeKind
    alarm: Alarm
    raised_at: datetime
    over_at: datetime | None

    json_keys: ClassVar = ("id", "kind", "raised_at", "over_at", "**alarm")

    @classmethod
    def of(cls, kind: NoticeKind, alarm: Alarm, raised_at: datetime, over_at: datetime | None, count: int) -> Notice:
        """The notice that follows `count` earlier ones about this alarm."""
        what = (*alarm.key, raised_at.isoformat(), kind, str(count))
        return cls(sha256("\x1f".join(what).encode()).hexdigest()[:32], kind, alarm, raised_at, over_at)

    @property
    def in_words(self) -> str:
        """The notice on one line."""
        alarm = self.alarm
        what = f"{alarm.subject}: {alarm.check.value.replace('_', ' ')}"
        if self.kind is NoticeKind.OVER:
            return f"over: {what}"
        if self.kind is NoticeKind.MISSED:
            return f"over, and was {alarm.severity.value}: {what}: {alarm.message}"
        again = "" if self.kind is NoticeKind.ALARM else f"{self.kind.value}: "
        return f"{again}{alarm.severity.value}: {what}: {alarm.message}; next: {alarm.advice}"
