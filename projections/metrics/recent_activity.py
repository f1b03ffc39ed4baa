"""What a stretch of time came to: cycles by status, failures by hour, refused duplicates, and the criteria."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.values import Status, timestamp_text
from projections.metrics.objectives import Criterion
from projections.metrics.statistics import MeasuredWindow, RefusalRecord, Refusals
from projections.positions import PositionRow

FAILED: Final = (Status.FAILED, Status.CANCELED, Status.ROLLED_BACK)


@dataclass(frozen=True)
class Activity:
    """The rates of a window.

    `by_status` counts the cycles that were opened in it, as they stand now; `failures` those that failed, were
    cancelled or rolled back in it, by hour (UTC); hours without any are not there. `criteria` None is "not known".
    """

    window: MeasuredWindow
    by_status: dict[Status, int]
    failures: dict[datetime, int]
    refusals: Refusals
    criteria: tuple[Criterion, ...] | None

    @classmethod
    def of(
        cls,
        rows: Iterable[PositionRow],
        refusals: Iterable[RefusalRecord],
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
        return cls(window, by_status, dict(sorted(failed.items())), Refusals.of(refusals), criteria)

    def as_json(self) -> dict[str, Any]:
        """The rates as a program reads them."""
        return {
            "since": timestamp_text(self.window.since),
            "until": timestamp_text(self.window.until),
            "by_status": {status.value: count for status, count in self.by_status.items()},
            "failures_per_hour": [
                {"hour": timestamp_text(hour), "count": count} for hour, count in self.failures.items()
            ],
            "rejections": self.refusals.as_json(),
            "criteria": None if self.criteria is None else [each.as_json() for each in self.criteria],
        }
