"""Restarts: lines about stopping and starting that are close together are grouped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind
from infrastructure.legacy.logs.reading.clock import SECOND, seconds, timestamp_of

ONE_RESTART: Final = 120 * SECOND
"""Lines of stopping and starting within this of each other are one restart."""

EVIDENCE_MAX: Final = 5


@dataclass(eq=False)
class Restart(JsonObject):
    """The bot stopped, started, or both. Units: moments in microseconds since 1970."""

    first: int
    last: int
    stopped_at: int | None = None
    started_at: int | None = None
    evidence: list[str] = field(default_factory=list)

    json_keys: ClassVar = (
        ("timestamp", timestamp_of("at")),
        ("stopped_at", timestamp_of("stopped_at")),
        ("started_at", timestamp_of("started_at")),
        "down_seconds",
        "evidence",
    )

    @property
    def at(self) -> int:
        """When the bot started again, or else the time of the first line."""
        return self.first if self.started_at is None else self.started_at

    @property
    def down_seconds(self) -> float | None:
        """How long the bot was down; None unless both its stop and its start are in the log."""
        if self.stopped_at is None or self.started_at is None:
            return None
        return seconds(self.started_at - self.stopped_at)


class Restarts:
    """The restart that is in progress."""

    def __init__(self) -> None:
        self._current: Restart | None = None

    def see(self, fact: Fact) -> Restart | None:
        """Process a fact; returns the restart if it begins one."""
        if fact.kind not in (FactKind.BOT_STARTED, FactKind.BOT_STOPPED):
            return None
        current = self._current
        is_new = current is None or not 0 <= fact.at - current.last <= ONE_RESTART or _begins_anew(current, fact)
        if current is None or is_new:
            current = self._current = Restart(fact.at, fact.at)
        current.last = fact.at
        if fact.kind is FactKind.BOT_STARTED and current.started_at is None:
            current.started_at = fact.at
        if fact.kind is FactKind.BOT_STOPPED and current.stopped_at is None:
            current.stopped_at = fact.at
        if len(current.evidence) < EVIDENCE_MAX:
            current.evidence.append(fact.text)
        return current if is_new else None


def _begins_anew(current: Restart, fact: Fact) -> bool:
    """Whether a fact begins the next restart: the bot stops after it has started."""
    return fact.kind is FactKind.BOT_STOPPED and current.started_at is not None
