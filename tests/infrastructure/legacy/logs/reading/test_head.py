from __future__ import annotations

import pytest

from infrastructure.legacy.logs.reading.head import PLAIN, LineHead

MESSAGE = "❌ Position WAVESUSDT not found after 20 attempts!"


@pytest.mark.parametrize(
    ("before", "level", "name"),
    [
        ("2025-10-22 01:35:25,774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25.774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("2025-10-22T01:35:25,774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25,774 -  core.manager  -  ERROR    -   ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25,774 - core.manager - WARN - ", "WARNING", "core.manager"),
        ("2025-10-22 01:35:25,774 - core.manager - FATAL - ", "CRITICAL", "core.manager"),
        ("2025-10-22 01:35:25,774 - core.manager - Error - ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25,774 - core.manager - [ERROR] - ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25,774 | core.manager | ERROR | ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25,774 ERROR ", "ERROR", ""),
        ("2025-10-22 01:35:25,774 [ERROR] core.manager: ", "ERROR", ""),
        ("[2025-10-22 01:35:25,774] ERROR: ", "ERROR", ""),
        ("2025-10-22 01:35:25,774+04:00 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("2025-10-22 01:35:25.774 UTC [312] ERROR:  ", "ERROR", ""),
        ("48210:2025-10-22 01:35:25,774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("48210-2025-10-22 01:35:25,774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("logs/bot.log:48210:2025-10-22 01:35:25,774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("  48210\t2025-10-22 01:35:25,774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("bot-1  | 2025-10-22 01:35:25,774 - core.manager - ERROR - ", "ERROR", "core.manager"),
        ("48210: 2025-10-22 01:35:25,774 ", "NONE", ""),
    ],
)  # fmt: skip
def test_a_head_is_read_however_it_is_written(before: str, level: str, name: str) -> None:
    text = (before + MESSAGE).encode()
    head = LineHead.read(text)
    assert head is not None
    assert (head.second.replace(b"T", b" "), head.level) == (b"2025-10-22 01:35:25", level)
    assert head.fraction in (b"774", b"")
    assert name in ("", head.name)
    assert MESSAGE in text[head.begins :].decode()
    assert text[head.begins :].decode().endswith(MESSAGE)


@pytest.mark.parametrize(
    "text",
    [
        "DETAIL:  Key (symbol, exchange)=(PERPUSDT, binance) already exists.",
        "Traceback (most recent call last):",
        '  File "/opt/bot/core/manager.py", line 412, in open_position',
        "48211-DETAIL:  Key (symbol, exchange)=(PERPUSDT, binance) already exists.",
        "  'opened_at': '2025-10-22 01:35:25', 'symbol': 'PERPUSDT'",
        "DETAIL:  Failing row contains (2438, PERPUSDT, 2025-10-22 01:35:25+00, null).",
        "asyncpg.exceptions.UniqueViolationError: duplicate key value",
        "",
    ],
)
def test_a_line_that_continues_a_record_has_no_head(text: str) -> None:
    assert LineHead.read(text.encode()) is None


def test_the_short_way_sees_what_the_long_way_sees() -> None:
    text = ("2025-10-22 01:35:25,774 - core.manager - ERROR - " + MESSAGE).encode()
    plain, head = PLAIN.match(text), LineHead.read(text)
    assert plain is not None
    assert head is not None
    assert (plain[1], plain[2].decode(), plain.end()) == (head.second, head.level, head.begins)
