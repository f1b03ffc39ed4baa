"""A projection that follows the log, one row a cycle; and the event at which it cannot go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from domain.alteration import TypedStruct
from domain.events import PositionEvent
from projections.metrics.cycle_metrics import CycleFacts, fold
from projections.positions import Project, project

Row = TypeVar("Row", bound=TypedStruct)


class Fold(Protocol[Row]):
    """Takes one event into a row."""

    def __call__(self, row: Row | None, event: PositionEvent, projected: Project = project, /) -> Row:
        """The row after it."""


@dataclass(frozen=True)
class Projection(Generic[Row]):
    """What is made of the log, event by event.

    `fold` may count and add up, for every event is taken in exactly once: rows and cursor change together; whoever has
    folded the row of the cycle already hands it that as `projected`. `ended_at` is when a row was of use for the last
    time; None while its cycle is open.
    """

    name: str
    fold: Fold[Row]
    rows: type[Row]
    ended_at: Callable[[Row], datetime | None]


STATISTICS = Projection[CycleFacts](
    name="statistics",
    fold=fold,
    rows=CycleFacts,
    ended_at=lambda facts: facts.ended_at,
)

PROJECTIONS: tuple[Projection[Any], ...] = (STATISTICS,)
"""Everything that follows the log; `positions` does not: it is written with the events."""


@dataclass(frozen=True)
class PoisonEvent:
    """An event that cannot be read, or not be projected: where it stands, and why."""

    nid: int
    stream: str
    version: int
    stored_type: str
    cause: str


@dataclass(frozen=True, kw_only=True)
class SkippedEvent:
    """A poisonous event that an operator left out of a projection: which, who, when and why."""

    projection: str
    nid: int
    stream: str
    version: int
    stored_type: str
    cause: str
    reason: str
    skipped_by: str
    ts_recorded: datetime
