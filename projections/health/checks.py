"""The checks of a ledger: severities, symptoms and sections, and the commands that they advise."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from projections.positions import PositionRow

PROGRAM: Final = "position-ledger"
ASKED: Final = frozenset({"binance", "bybit", "okx", "krakenfutures", "hyperliquid"})
"""The exchanges that can be asked; of any other a person has to bring a snapshot."""
NAMELESS: Final = ("--account", "")
"""The option for the account without a name. Only who knows that evidence is of it may say so."""
_NO_AGE: Final = datetime.max.replace(tzinfo=UTC)
_IN_WORDS: Final = re.compile(f"`({PROGRAM} [^`]+)`")
_named: ContextVar[tuple[str, ...]] = ContextVar("_named", default=())
"""The option by which a command named its ledger: two commands in one process, each in its context, may name two."""


class Severity(StrEnum):
    """The severity of a symptom."""

    OK = "ok"
    WARNING = "warning"
    """A person should look at it."""
    CRITICAL = "critical"
    """Money is at risk, or the stored data cannot be relied on."""

    @property
    def rank(self) -> int:
        """The order of severities."""
        return list(Severity).index(self)


class Check(StrEnum):
    """The names of the checks."""

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
    """Problems of a watch itself, which `status` cannot know."""


@dataclass(frozen=True)
class Symptom(JsonObject):
    """One thing that is wrong: with which position (or stream, or projection), and the next command to run."""

    severity: Severity
    subject: str
    message: str
    advice: str
    since: datetime | None = None
    """Since when it has been so; None for a symptom without an age."""

    json_keys: ClassVar = ("severity", "subject", "message", "advice", "since?")


@dataclass(frozen=True)
class Section(JsonObject):
    """The result of one check: a sentence, and every symptom that it found."""

    check: Check
    says: str
    symptoms: tuple[Symptom, ...] = ()

    json_keys: ClassVar = ("check", "severity", "says", ("findings", "symptoms"))

    @property
    def severity(self) -> Severity:
        """The severity of the worst symptom."""
        return worst(symptom.severity for symptom in self.symptoms)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of some severities; OK if there are none."""
    return max(severities, key=lambda severity: severity.rank, default=Severity.OK)


def worst_first(symptoms: Iterable[Symptom]) -> list[Symptom]:
    """Symptoms in the order of reports: the worst first, of equal ones the oldest first, and those without age last."""
    return sorted(symptoms, key=lambda each: (-each.severity.rank, each.since or _NO_AGE, each.subject))


def name_ledger(url: str | None) -> None:
    """Let all that is advised in this context name a ledger too; None: it is found without an option."""
    _named.set(() if url is None else ("--database", url))


def command_line(verb: str, *arguments: str) -> str:
    """A command line about the ledger, ready to paste into a shell."""
    return shlex.join([PROGRAM, verb, *arguments, *_named.get()])


def naming_ledger(words: str) -> str:
    """Words in which every command line between backticks names the ledger, as `command_line` does."""
    return _IN_WORDS.sub(lambda found: f"`{' '.join([found[1], shlex.join(_named.get())]).strip()}`", words)


def advised(verb: str, where: PositionKey | PositionRow, *arguments: str) -> str:
    """A command line about one key."""
    asked = ["--symbol", where.symbol, "--exchange", where.exchange]
    if where.account is not None:
        asked += ["--account", where.account]
    return command_line(verb, *asked, *arguments)


def taken(exchange: str, account: str | None) -> str:
    """The command that takes a snapshot of an account."""
    named = [] if account is None else ["--account", account]
    return shlex.join([PROGRAM, "snapshot", "--exchange", exchange, *named])


def history_of(place: str) -> str:
    """The command that shows what happened to a key or a position."""
    return command_line("history", place)
