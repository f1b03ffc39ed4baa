"""What may be wrong with a ledger: how bad it is, in words, and which command to run next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from projections.positions import PositionRow

PROGRAM: Final = "position-ledger"
_NO_AGE: Final = datetime.max.replace(tzinfo=UTC)


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Somebody should look at it."""
    CRITICAL = "critical"
    """Money is at risk, or what is stored cannot be relied on."""

    @property
    def rank(self) -> int:
        """The order of severities."""
        return list(Severity).index(self)


class Check(StrEnum):
    """What is looked at."""

    INCOMPLETE = "incomplete"
    UNPROTECTED = "unprotected"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ROLLING_BACK = "rolling_back"
    ORDERS = "orders"
    DAMAGE = "damage"
    PROJECTIONS = "projections"
    EXCHANGE = "exchange"
    SPELLING = "spelling"
    DATABASE = "database"
    CRITERIA = "criteria"
    SILENCE = "silence"
    AWAY = "away"
    WATCH = "watch"
    """What is wrong with a watch itself: `status` cannot know it."""


@dataclass(frozen=True)
class Symptom(JsonObject):
    """One thing that is not as it should be: with which position (or stream, or projection), and the next command."""

    severity: Severity
    subject: str
    message: str
    advice: str
    since: datetime | None = None
    """Since when it is so, of what has an age."""

    json_keys: ClassVar = ("severity", "subject", "message", "advice", "since?")


@dataclass(frozen=True)
class Section(JsonObject):
    """One check, what it came to in a sentence, and everything that it found."""

    check: Check
    says: str
    symptoms: tuple[Symptom, ...] = ()

    json_keys: ClassVar = ("check", "severity", "says", ("findings", "symptoms"))

    @property
    def severity(self) -> Severity:
        """That of the worst symptom."""
        return worst(symptom.severity for symptom in self.symptoms)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of some severities; ok of none."""
    return max(severities, key=lambda severity: severity.rank, default=Severity.OK)


def worst_first(symptoms: Iterable[Symptom]) -> list[Symptom]:
    """Symptoms as they are told: the worst first, of those alike the oldest, and at the end what has no age."""
    return sorted(symptoms, key=lambda each: (-each.severity.rank, each.since or _NO_AGE, each.subject))


def advised(verb: str, where: PositionKey | PositionRow, *arguments: str) -> str:
    """A command about one key, as it can be pasted."""
    asked = ["--symbol", where.symbol, "--exchange", where.exchange]
    if where.account is not None:
        asked += ["--account", where.account]
    return shlex.join([PROGRAM, verb, *asked, *arguments])


def taken(exchange: str, account: str | None) -> str:
    """The command that writes down what an exchange shows."""
    named = [] if account is None else ["--account", account]
    return shlex.join([PROGRAM, "snapshot", "--exchange", exchange, *named])


def history_of(place: str) -> str:
    """The command that shows what happened to a key or a position."""
    return shlex.join([PROGRAM, "history", place])
