"""The chart of a running sum: without steps, with one step, and with thousands at the same x."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

import pytest

from scripts.html.curve_chart import draw
from scripts.html.shapes import SIZES, Size, px
from tests.spec import second


def points(*sums: str) -> list[tuple[datetime, Decimal]]:
    return [(second(100 * at), Decimal(total)) for at, total in enumerate(("0", *sums))]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
@pytest.mark.parametrize("sums", [(), ("5",), ("5", "-7", "3"), ("-0.000001",), ("654332.41234", "1")])
def test_a_sum_is_drawn_within_its_room_and_said_in_words(sums: tuple[str, ...], size: Size) -> None:
    drawing = draw(points(*sums), second(1000), "USDT", "Net", size)
    end = next(words for words in drawing.words if words.look == "label of-average")
    assert end.x + px(end.text) <= drawing.width
    assert all(0 <= words.y <= drawing.height for words in drawing.words)
    assert end.text in drawing.description and "at the lowest" in drawing.description


def test_the_line_of_nothing_is_always_there() -> None:
    drawing = draw(points("100", "101"), second(1000), "USDT", "Net", SIZES[0])
    assert [line.look for line in drawing.lines].count("axis") >= 1
    assert "0" in [words.text for words in drawing.words]


def test_a_thousand_steps_at_one_place_stay_light() -> None:
    many = [(second(0), Decimal(0)), *((second(1 + at / 10), Decimal(at % 7)) for at in range(10_000))]
    (line,) = [line for line in draw(many, second(1001), "USDT", "Net", SIZES[0]).lines if line.look == "average"]
    assert len(line.path) < 40_000


def test_the_line_ends_at_the_last_sum_whatever_was_at_the_same_place_before() -> None:
    at_once = [(second(0), Decimal(0)), *((second(500), Decimal(total)) for total in (3, 7, 3))]
    (line,) = [line for line in draw(at_once, second(1000), "USDT", "Net", SIZES[0]).lines if line.look == "average"]
    *_, low, high, last = map(float, re.findall(r"V([\d.]+)", line.path))
    assert (low < high, last) == (True, high), "y grows downwards: the last sum is the lower one, 3"
