"""Which cycle of a key a payment belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

AFTER_MAX: Final = timedelta(seconds=60)
"""Exchanges pay some seconds after the moment that they pay for; the position may have been closed meanwhile."""


class CycleSpan(NamedTuple):
    """When a cycle was open; `ended` is None while it is."""

    cycle: int
    opened: datetime
    ended: datetime | None


def cycle_at(time: datetime, spans: Iterable[CycleSpan]) -> int | None:
    """The cycle to which a payment of a time belongs; None when there is none.

    It is the one that was open just before; else the one that ended up to a minute before; else the one that opened at
    that very time, because many files have no fractions of seconds.
    """
    began = [span for span in spans if span.opened <= time]
    for span in began:
        if span.opened < time and (span.ended is None or time <= span.ended):
            return span.cycle
    for span in reversed(began):
        if span.ended is not None and span.ended < time <= span.ended + AFTER_MAX:
            return span.cycle
    return next((span.cycle for span in reversed(began) if span.opened == time), None)
