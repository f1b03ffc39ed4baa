"""Which cycle of a key a payment belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

AFTER_MAX: Final = timedelta(seconds=60)
"""Exchanges pay out for a moment some seconds after it; what was held then may be gone by now."""


class CycleSpan(NamedTuple):
    """When a cycle was open; `ended` is None while it is."""

    cycle: int
    opened: datetime
    ended: datetime | None


def cycle_at(time: datetime, spans: Iterable[CycleSpan]) -> int | None:
    """The cycle that was open at a time; None when there was none.

    It is the one that was open just before; else the one that ended up to a minute before; else the one that opened at
    the very moment, for many files have no parts of a second.
    """
    began = [span for span in spans if span.opened <= time]
    for span in began:
        if span.opened < time and (span.ended is None or time <= span.ended):
            return span.cycle
    for span in reversed(began):
        if span.ended is not None and span.ended < time <= span.ended + AFTER_MAX:
            return span.cycle
    return next((span.cycle for span in reversed(began) if span.opened == time), None)
