"""Stretches of time as people write them: `24h`, `7d`, or from a moment with its zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import click

from domain.values import utc

_AGO: Final = re.compile(r"([1-9][0-9]{0,5})\s*(m|h|d|w)", re.ASCII)
_UNITS: Final = {
    "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1),
}  # fmt: skip


def moment(text: str, now: datetime, option: str) -> datetime:
    """A time with its zone, or so long before now. Refuses: a usage error that names the option."""
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - int(ago[1]) * _UNITS[ago[2]]
        return utc(text)
    except (ValueError, OverflowError) as wrong:
        raise click.UsageError(f"{option} {text!r:.80}: {wrong}; or say how long ago: 90m, 24h, 7d, 4w") from None
