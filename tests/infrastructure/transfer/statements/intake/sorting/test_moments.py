"""Fills of one moment on both sides are taken in the order in which what was held went up and down."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.values import Leg, plain
from infrastructure.transfer.statements.statement_facts import StatementFill
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.intake.told import fill, take


def told(*changes: str, second: int = 0, begins: str = "0", leg: Leg = Leg.BOTH) -> list[StatementFill]:
    """Fills of one moment, each saying what was held before it; their ids are in no order, as hashes are."""
    fills, held = list[StatementFill](), Decimal(begins)
    for number, change in enumerate(changes):
        key = fill(0, "1").key.on(leg)
        line = 100 * second + number + 2
        fills.append(fill(second, change, line=line, held=held, trade_id=f"{7919 * line % 10007}", key=key))
        held += Decimal(change)
    return fills


def listed(fills: Sequence[StatementFill], *, is_newest_first: bool) -> list[StatementFill]:
    """A file of these fills, from its first line to its last."""
    return [replace(each, line=line) for line, each in enumerate(fills[::-1] if is_newest_first else fills, start=2)]


def books(fills: list[StatementFill]) -> tuple[list[str], list[str]]:
    with memory_ledger() as ledger:
        report = take(ledger, fills)
        assert_sound(ledger)
        rows = ledger.positions()
    return [f"{row.side} {plain(row.quantity)}" for row in rows], report.findings


@pytest.mark.parametrize("is_newest_first", [True, False])
@pytest.mark.parametrize(
    ("changes", "cycles"),
    [
        (["2", "-2"], ["long 0"]),
        (["-1.524", "2.858"], ["short 0", "long 1.334"]),
        (["1", "1", "-3", "-1", "3", "2"], ["long 0", "short 0", "long 3"]),
        (["1", "-1", "-1", "1", "1"], ["long 0", "short 0", "long 1"]),
    ],
)
def test_both_sides_of_one_moment_follow_each_other(
    changes: list[str], cycles: list[str], *, is_newest_first: bool
) -> None:
    fills = [*told(*changes), *told("1", second=9, begins=str(sum(map(Decimal, changes))))]
    rows, findings = books(listed(fills, is_newest_first=is_newest_first))
    assert findings == []
    assert rows[: len(cycles) - 1] == cycles[:-1]


def test_what_comes_back_to_where_it_began_goes_on_from_what_was_held() -> None:
    fills = [*told("1"), *told("1", "-1", second=5, begins="1")[::-1], *told("-1", second=9, begins="1")]
    assert books(fills) == (["long 0"], [])


@pytest.mark.parametrize("is_newest_first", [True, False])
def test_what_a_file_begins_with_and_comes_back_to_is_as_its_lines_stand(*, is_newest_first: bool) -> None:
    first, *others = told("2", "-1", "-1", begins="-2")
    fills = [replace(first, profit=Decimal(20)), *others, *told("2", second=9, begins="-2")]
    rows, (finding,) = books(listed(fills, is_newest_first=is_newest_first))
    assert rows == ["short 0", "short 0"]
    assert finding.startswith("BTCUSDT.binance#1: held before the file begins")


def test_where_no_way_leads_through_all_it_is_the_order_of_the_file() -> None:
    fills = told("2", "1", "-1")
    rows, findings = books([fills[0], fills[2]])
    assert rows == ["long 1"]
    assert len(findings) == 1
    assert "the file says that 3 was held" in findings[0]


@given(changes=st.lists(st.sampled_from(["1", "2", "-1", "-2", "-3"]), min_size=1, max_size=9), data=st.data())
def test_any_order_of_lines_comes_to_the_same(changes: list[str], data: st.DataObject) -> None:
    fills = [*told("1"), *told(*changes, second=1, begins="1")]
    rows, findings = books(data.draw(st.permutations(fills)))
    assert findings == []
    held = [Decimal(1)]
    for change in changes:
        held.append(held[-1] + Decimal(change))
    assert rows[-1].endswith(f" {plain(abs(held[-1]))}")
    assert len(rows) >= sum(one * other < 0 for one, other in pairwise(held))


PAGES = [
    [fill(0, "1", trade_id="a"), fill(60, "-1", "110", trade_id="z")],
    [fill(60, "-2", "120", trade_id="c"), fill(60, "1", trade_id="y"), fill(60, "1", trade_id="d")],
    [fill(60, "1", "130", trade_id="x"), fill(90, "2", "90", trade_id="f")],
]
"""Fills without numbers: three pages, of which the one in the middle has nothing but one moment."""


@pytest.mark.parametrize("is_newest_first", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_pages_in_files_of_their_own_may_part_a_moment(order: Sequence[int], *, is_newest_first: bool) -> None:
    pages = [page[::-1] if is_newest_first else page for page in PAGES]
    files = [
        [replace(told, line=line, order_id=told.trade_id) for line, told in enumerate(pages[number], start=2)]
        for number in order
    ]
    with memory_ledger() as ledger:
        take(ledger, *files)
        assert_sound(ledger)
        rows = [(row.side, row.quantity, row.realized_pnl or Decimal(0)) for row in ledger.positions()]
    assert [f"{side} {plain(held)} earned {plain(earned)}" for side, held, earned in rows] == [
        "long 0 earned 10",
        "short 0 earned 40",
        "long 3 earned 0",
    ]
