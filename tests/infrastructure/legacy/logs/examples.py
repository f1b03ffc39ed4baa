"""Logs as the old bot wrote them, and how tests have them analysed."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from infrastructure.legacy.logs.analysis import Analysis
from infrastructure.legacy.logs.log_report import LogReport
from infrastructure.legacy.logs.parsing.filter import LogFilter
from infrastructure.legacy.logs.reading.clock import DatedZone, LogClock
from infrastructure.legacy.logs.reading.lines import batches
from infrastructure.legacy.logs.reading.reader import TimeRange

SAMPLES = Path(__file__).parents[3] / "samples_logs"
PERP = (SAMPLES / "perp.log").read_bytes()
DAY = (SAMPLES / "day.log").read_bytes()

VIOLATION = 'duplicate key value violates unique constraint "idx_unique_active_position"'
DETAIL = "DETAIL:  Key (symbol, exchange)=({}, {}) already exists."
MANAGER = "core.atomic_position_manager"


def line(time: str, message: str, level: str = "INFO", logger: str = MANAGER) -> str:
    return f"2025-10-22 {time} - {logger} - {level} - {message}"


def created(time: str, symbol: str, position_id: int = 1) -> list[str]:
    return [
        line(time, f"🔍 REPO DEBUG: create_position() called for {symbol}", logger="database.repository"),
        line(
            time,
            f"🔍 REPO DEBUG: INSERT completed, returned position_id={position_id} for {symbol}",
            logger="database.repository",
        ),
    ]


def started(time: str, symbol: str, unix: int = 1761082525) -> str:
    return line(time, f"🔄 Starting atomic operation: pos_{symbol}_{unix}")


def violated(time: str, symbol: str, exchange: str = "binance") -> list[str]:
    failed = line(time, f"❌ Atomic position creation failed: {VIOLATION}", "ERROR")
    return [failed, DETAIL.format(symbol, exchange)]


def analysed(
    *text: str | bytes | Iterable[str],
    zone: str = "UTC",
    span: TimeRange | None = None,
    wanted: LogFilter | None = None,
) -> LogReport:
    return analysed_parts([joined(*text)], zone=zone, span=span, wanted=wanted)


def joined(*text: str | bytes | Iterable[str]) -> bytes:
    parts = []
    for part in text:
        if isinstance(part, bytes):
            parts.append(part)
        else:
            lines = [part] if isinstance(part, str) else part
            parts.append("".join(f"{each}\n" for each in lines).encode())
    return b"".join(parts)


def analysed_parts(
    parts: Iterable[bytes], *, zone: str = "UTC", span: TimeRange | None = None, wanted: LogFilter | None = None
) -> LogReport:
    clock = LogClock([DatedZone.parse(zone)])
    analysis = Analysis(clock, span or TimeRange(), wanted or LogFilter())
    for part in parts:
        for lines in batches(io.BufferedReader(io.BytesIO(part)), lambda _: None, analysis.report.tally.cut.add):
            analysis.read(lines)
    return analysis.finish()
