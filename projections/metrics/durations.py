"""Durations over many cycles: median, 95th percentile and maximum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.json_object import JsonObject


@dataclass(frozen=True)
class Durations(JsonObject):
    """Durations of something; `p50` and `p95` are durations that occurred (nearest rank), not interpolated."""

    count: int
    p50: timedelta | None
    p95: timedelta | None
    max: timedelta | None

    @classmethod
    def of(cls, durations: Iterable[timedelta]) -> Durations:
        """Sum up durations; None everywhere when there are none."""
        ordered = sorted(durations)
        if not ordered:
            return cls(0, None, None, None)
        return cls(len(ordered), _percentile(ordered, 50), _percentile(ordered, 95), ordered[-1])


def _percentile(ordered: Sequence[timedelta], percent: int) -> timedelta:
    return ordered[-(-percent * len(ordered) // 100) - 1]
