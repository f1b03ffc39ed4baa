"""A mapping that grows item by item equals a dictionary, and copies few of its items."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from domain.orders.layered_map import LayeredMap


@given(st.lists(st.tuples(st.integers(0, 60), st.integers()), max_size=200), st.integers(0, 200))
def test_it_is_what_a_dictionary_would_be(items: list[tuple[int, int]], until: int) -> None:
    known: dict[int, int] = {}
    grown: LayeredMap[int, int] = LayeredMap({})
    then, before = {**known}, grown
    for number, (key, value) in enumerate(items):
        if number == until:
            then, before = {**known}, grown
        known[key] = value
        grown = grown.with_item(key, value)
    assert [*grown.items()] == [*known.items()] and len(grown) == len(known)
    assert all(grown[key] == grown.get(key) == value and key in grown for key, value in known.items())
    assert grown.get(-1) is None and grown.get(-1, 7) == 7 and -1 not in grown
    assert [*before.items()] == [*then.items()], "what was before stays as it was"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers()), max_size=120), st.integers(0, 120))
def test_it_tells_what_changed_since(items: list[tuple[int, int]], until: int) -> None:
    boxes: dict[int, list[int]] = {}
    grown: LayeredMap[int, list[int]] = LayeredMap({})
    before, then = grown, {**boxes}
    for number, (key, value) in enumerate(items):
        if number == until:
            before, then = grown, {**boxes}
        boxes[key] = [value]
        grown = grown.with_item(key, boxes[key])
    changed = grown.changed_since(before)
    assert sorted(map(id, changed)) == sorted(id(box) for key, box in boxes.items() if then.get(key) is not box)


def test_one_more_item_copies_few() -> None:
    grown, copied, many = LayeredMap[int, int]({}), 0, 40_000
    for number in range(many):
        shared, grown = _layers(grown), grown.with_item(number, number)
        copied += sum(len(layer) for layer in _layers(grown) if all(layer is not other for other in shared))
    assert copied < 2 * many * math.isqrt(many), "and a dictionary made anew each time copies many * many / 2"


def _layers(grown: LayeredMap[int, int]) -> list[dict[int, int]]:
    return [getattr(grown, name) for name in ("_above", "_below")]
