"""Long lines are read in a time that grows with their length, not with its square."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from domain import values
from infrastructure import amounts
from infrastructure.legacy.logs.parsing import templates
from infrastructure.legacy.logs.reading import head, lines

SHORT, TIMES = 3_000, 8


def seconds(read: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    read(size)
    return time.process_time() - began


def is_quadratic(read: Callable[[int], object]) -> bool:
    return seconds(read, SHORT * TIMES) > max(0.1, TIMES * 3 * seconds(read, SHORT))


@pytest.mark.parametrize(
    "read",
    [
        lambda size: templates._ERROR_EVENT.search("position_error" + " " * size),
        lambda size: templates._reason(" " * size + "x"),
        lambda size: lines._COLOUR.sub(b"", b"\x1b]" * size),
        lambda size: head._LEVELLED.match(b" " * size + b"x"),
        lambda size: head._LEVELLED.match(b" - " * size + b"x"),
        lambda size: head._NAMED.match(b" - " + b" " * size + b"x"),
        lambda size: head._NAMED.match(b" -" * size + b"x"),
        lambda size: values._NUMBER.fullmatch("1" * size + "x"),
        lambda size: amounts._NUMBER.fullmatch("1" * size + "x"),
        lambda size: amounts._LONG.fullmatch("0." + "1" * size + "x"),
    ],
)
def test_no_pattern_goes_through_a_line_again_and_again(read: Callable[[int], object]) -> None:
    assert not is_quadratic(read)


def test_one_that_does_is_seen() -> None:
    assert is_quadratic(lambda size: re.search(r"\s*\{", " " * size))
