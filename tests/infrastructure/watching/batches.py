"""Notices for sinks."""

from __future__ import annotations

from datetime import UTC, datetime

from infrastructure.watching.sinks.sink import NoticeBatch
from projections.health.alarm import Alarm, Notice, NoticeKind
from projections.health.checks import Check, Severity

AT = datetime(2025, 10, 22, 18, 50, tzinfo=UTC)


def batch(count: int = 1, message: str = "short 61 without a confirmed stop for 45 s") -> NoticeBatch:
    alarms = [
        Alarm(Check.UNPROTECTED, f"APTUSDT.binance#{number}", Severity.CRITICAL, message, "recover", AT)
        for number in range(1, count + 1)
    ]
    notices = [Notice.of(NoticeKind.ALARM, alarm, AT, None, 0) for alarm in alarms]
    return NoticeBatch("sqlite:///ledger.db", "watch", AT, notices)
