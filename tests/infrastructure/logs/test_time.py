"""The longest lines are read in a time that grows with their length, not with its square."""

from __future__ import annotations

import re
import time
from importlib import import_module

import pytest

from domain import values
from infrastructure.legacy import amounts

MODULES = ("templates", "lines", "names", "failures", "refusals", "head", "pythondict", "scenario", "clock", "files")
BEGINNINGS = (
    "", "position_error", "position_error:", "exchange", "symbol", "status", "code", "unique constraint", "Key (a)=(",
    "Rolling back", "Placing stop-loss", "returned position_id=1", "Position A already exists", "starting ", "BOT ",
    "A: ", "retcode", "'", '"', "{'a':",
)  # fmt: skip
FILLINGS = (
    " ",
    "\t",
    "1",
    "a",
    "A",
    "\x1b]",
    "\x1b[",
    "=",
    "'",
    "\\",
    "(",
    "Key (",
    "exchange ",
    "code ",
    "pos_",
    "1.",
)
SHORT, TIMES = 500, 8


def patterns() -> list[re.Pattern[str] | re.Pattern[bytes]]:
    found: list[re.Pattern[str] | re.Pattern[bytes]] = [values._NUMBER, amounts._NUMBER, amounts._LONG]
    for name in MODULES:
        for value in vars(import_module(f"infrastructure.logs.{name}")).values():
            if isinstance(value, re.Pattern):
                found.append(value)
            elif isinstance(value, tuple) and value and hasattr(value[0], "pattern"):
                found.extend(each.pattern for each in value)
            elif isinstance(value, dict):
                found.extend(each for each in value.values() if isinstance(each, re.Pattern))
    return found


def seconds(pattern: re.Pattern[str] | re.Pattern[bytes], text: str) -> float:
    began = time.process_time()
    for use in (pattern.search, pattern.fullmatch):
        use(text if isinstance(pattern.pattern, str) else text.encode())  # type: ignore[arg-type] # its own kind
    return time.process_time() - began


def is_quadratic(pattern: re.Pattern[str] | re.Pattern[bytes], begin: str, filling: str) -> bool:
    short, long = (begin + filling * (size // len(filling)) + "x" for size in (SHORT, SHORT * TIMES))
    return seconds(pattern, long) > max(0.01, TIMES * 4 * seconds(pattern, short))


@pytest.mark.parametrize("filling", FILLINGS, ids=repr)
def test_no_pattern_goes_through_a_line_again_and_again(filling: str) -> None:
    slow = [
        (pattern.pattern, begin)
        for pattern in patterns()
        for begin in BEGINNINGS
        if is_quadratic(pattern, begin, filling)
    ]
    assert slow == []


def test_one_that_does_is_seen() -> None:
    assert is_quadratic(re.compile(r"\s*[:=]?\s*(?=\{)"), "position_error", " ")
    assert len(patterns()) > 40
