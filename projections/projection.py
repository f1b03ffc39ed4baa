"""A projection that follows the log with one row for each cycle, and the poison event at which it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from domain.alteration import TypedStruct
from domain.events import PositionEvent
from domain.json_object import JsonObject
from projections.metrics.cycle_metrics import CycleFacts, fold
from projections.positions import Project, project

Row = TypeVar("Row", bound=TypedStruct)


class Fold(Protocol[Row]):
    """A fold: applies one event to a row."""

    def __call__(self, row: Row | None, event: PositionEvent, projected: Project = project, /) -> Row:
        """The row after the event."""


@dataclass(frozen=True)
class Projection(Generic[Row]):
    """A projection of the log: how each event changes the row of its cycle.

    `fold` may count and add up, because every event is applied exactly once: rows and checkpoint change together. A
    caller that has the PositionRow after the event already passes it as `projected`. `ended_at` is the time after which
    no query needs a row any more; None while its cycle is open.
    """

    name: str
    fold: Fold[Row]
    rows: type[Row]
    ended_at: Callable[[Row], datetime | None]


STATISTICS = Projection[CycleFacts](
    name="statistics",
    fold=fold,
    rows=CycleFacts,
    ended_at=lambda facts: facts.told_until,
)

PROJECTIONS: tuple[Projection[Any], ...] = (STATISTICS,)
"""All projections that follow the log; the positions table does not, because it is written with the events."""


@dataclass(frozen=True)
class PoisonEvent(JsonObject):
    """An event that cannot be read or applied: its place, and the cause."""

    nid: int
    stream: str
    version: int
    stored_type: str
    cause: str


@dataclass(frozen=True, kw_only=True)
class SkippedEvent(JsonObject):
    """A poison event that an operator left out of a projection: which one, who did it, when and why."""

    projection: str
    nid: int
    stream: str
    version: int
    stored_type: str
    cause: str
    reason: str
    skipped_by: str
    ts_recorded: datetime


@dataclass(frozen=True)
class ProjectionStatus(JsonObject):
    """How far a projection has come; `poison` is the event that it cannot apply, or None."""

    projection: str
    generation: int
    nid: int
    behind: int
    """How many events it has not applied yet."""
    poison: PoisonEvent | None
    skips: tuple[SkippedEvent, ...]
