"""The activity in a window: cycles by status, failures by hour, refused duplicates, and the criteria."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from domain.json_object import JsonObject
from domain.rejection import Rejection
from domain.values import Status
from projections.metrics.objectives import Criterion
from projections.metrics.statistics import MeasuredWindow, Refusals, by_hour
from projections.positions import PositionRow

FAILED: Final = (Status.FAILED, Status.CANCELED, Status.ROLLED_BACK)


@dataclass(frozen=True)
class Activity(JsonObject):
    """The rates of a window.

    `by_status` counts the cycles that were opened in it, by their status now. `failures` counts those that failed, were
    cancelled or rolled back in it, by hour (UTC), without hours that have none. `criteria` is None if not known.
    """

    window: MeasuredWindow
    by_status: dict[Status, int]
    failures: dict[datetime, int]
    refusals: Refusals
    criteria: tuple[Criterion, ...] | None

    json_keys: ClassVar = (
        ("since", "window.since"),
        ("until", "window.until"),
        "by_status",
        ("failures_per_hour", lambda activity: by_hour(activity.failures)),
        ("rejections", "refusals"),
        "criteria",
    )

    @classmethod
    def of(
        cls,
        rows: Iterable[PositionRow],
        refusals: Iterable[Rejection],
        criteria: tuple[Criterion, ...] | None,
        window: MeasuredWindow,
    ) -> Activity:
        """Count rows and refusals."""
        known = list(rows)
        opened = Counter(row.status for row in known if row.opened_at in window)
        failed = Counter(
            row.closed_at.replace(minute=0, second=0, microsecond=0)
            for row in known
            if row.status in FAILED and row.closed_at is not None and row.closed_at in window
        )
        by_status = {status: opened[status] for status in Status if opened[status]}
        refused = Refusals.of(refusal for refusal in refusals if refusal.ts_recorded in window)
        return cls(window, by_status, dict(sorted(failed.items())), refused, criteria)
