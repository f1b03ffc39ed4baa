"""The checks for lost events, and the table of faults on the page."""

from __future__ import annotations

import re
from collections import Counter

from tests.ha.rows import ROWS, Course
from tests.infrastructure.event_store.postgres.load import counted
from tests.infrastructure.event_store.postgres.worker import Tally
from tests.pages import TOP, read, sections


def test_what_is_lost_doubled_or_written_all_the_same_is_counted() -> None:
    told = [Tally(acknowledged=["a", "b"], unknown=["b"]), Tally(acknowledged=["c"], not_written=["x", "y"])]
    assert counted(Counter({"a": 1, "b": 2, "x": 1}), told) == {
        "acknowledged": 3,
        "lost": 1,
        "doubled": 1,
        "unknown": 1,
        "not written": 2,
        "written all the same": 1,
    }


def test_nothing_is_counted_where_all_is_well() -> None:
    figures = counted(Counter(["a", "b"]), [Tally(acknowledged=["a", "b"], not_written=["x"])])
    assert [figures[name] for name in ("lost", "doubled", "written all the same")] == [0, 0, 0]


def test_the_longest_time_without_writes_is_that_from_the_fault_on() -> None:
    told = [Tally(acknowledged_at=[0.0, 10.0, 13.0]), Tally(acknowledged_at=[14.0])]
    assert Course(begun=9.0, ended=14.5).outage_seconds(told) == 3.0


def test_writes_that_never_begin_again_are_an_outage_to_the_end() -> None:
    assert Course(begun=9.0, ended=40.0).outage_seconds([Tally(acknowledged_at=[8.0, 9.5])]) == 30.5


def test_every_row_stands_in_the_table_of_figures() -> None:
    page = sections(read(TOP / "docs" / "reliability.md"))["A cluster under faults"]
    assert re.findall(r"^\| ([a-z][a-z-]+) \|(?: [0-9,.-]+ \|)+$", page, re.MULTILINE) == [row.name for row in ROWS]
