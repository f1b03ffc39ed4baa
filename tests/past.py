"""Times that passed a moment ago, as commands take them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.values import timestamp_text


def before_now(seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> str:
    return timestamp_text(datetime.now(UTC) - timedelta(seconds=seconds, minutes=minutes, hours=hours))
