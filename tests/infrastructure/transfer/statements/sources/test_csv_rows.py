"""CSV is read as programs and spreadsheets write it; what stands above the columns is said of all lines."""

from __future__ import annotations

import pytest

from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import file_of

ROWS = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def rows_of(text: str) -> list[object]:
    file = file_of(text)
    assert file.start.names == ("a", "b")
    return [row.named for row in file.rows()]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "A;B\r\n1;2\r\n3;4\r\n",
        "a\tb\n1\t2\n3\t4",
        "sep=;\na;b\n1;2\n3;4\n",
        "SEP=,\r\na,b\r\n1,2\r\n3,4",
        "a,b\n1,2,\n\n,\n3,4,,\n",
    ],
    ids=["commas", "semicolons", "tabs", "a spreadsheet's", "a spreadsheet's of commas", "blanks"],
)
def test_columns_are_found_however_they_are_separated(text: str) -> None:
    assert rows_of(text) == ROWS


def test_an_export_of_a_time_without_trades_has_no_lines() -> None:
    """It refused the other months with it."""
    assert rows_of("a,b\nNo data matches the criteria.\n") == []
    with pytest.raises(StatementRefused, match="line 2: has 1 columns; the first line has 2"):
        rows_of("a,b\nNo data\n")


def test_a_comma_goes_before_what_else_may_separate() -> None:
    assert file_of("a;x,b\n").start.names == ("a;x", "b")


@pytest.mark.parametrize(("line", "count"), [("3", 1), ("3,4,5", 3), ('"x\ny",2,3', 3)])
def test_a_line_of_another_shape_is_named_where_it_begins(line: str, count: int) -> None:
    with pytest.raises(StatementRefused) as refused:
        rows_of(f'a,b\n"1\n1",2\n{line}\n')
    assert refused.value.message == f"line 4: has {count} columns; the first line has 2"


def test_what_is_cut_off_within_quotes_is_refused() -> None:
    with pytest.raises(StatementRefused, match="line 2: is no CSV: unexpected end of data"):
        rows_of('a,b\n1,"2')


ABOVE = "UID:7,Account Type:Main,Time Zone:UTC+3\n"
TABLE = "id,Time\n1,x\n"
SAID = {"uid": "7", "account type": "Main", "time zone": "UTC+3"}


@pytest.mark.parametrize(
    "above",
    [
        ABOVE,
        ABOVE.replace(",", ",\ufeff"),
        f"\ufeff{ABOVE}",
        ABOVE.replace(":", ": ").replace("\n", "\r\n\r\n"),
        "uid : 7,Account Type: Main,Time Zone: UTC+3\n\n",
    ],
)
def test_what_stands_above_is_said_of_all_lines(above: str) -> None:
    file = file_of(above + TABLE)
    assert file.start.names == ("id", "time", "uid", "account type", "time zone")
    (row,) = file.rows()
    assert row.named == {**SAID, "id": "1", "time": "x"}
    assert row.line == above.count("\n") + 2


def test_every_line_may_begin_with_a_mark() -> None:
    (row,) = file_of(ABOVE + TABLE.replace("id", "\ufeffid").replace("1,", "\ufeff1,")).rows()
    assert row.named == {**SAID, "id": "1", "time": "x"}


def test_a_column_goes_before_what_stands_above() -> None:
    (row,) = file_of("UID: 7,Company Name: ,Country: \nUid,Type\n8,TRADE\n").rows()
    assert row.named == {"uid": "8", "type": "TRADE", "company name": "", "country": ""}


@pytest.mark.parametrize("header", ["uid,time\n", "uid\n", "a:b,uid:7\n", "'uid',time\n"])
def test_names_of_columns_are_no_such_line(header: str) -> None:
    names = tuple(header.strip().split(","))
    assert file_of(header + "1,x\n").start.names == names


def test_nothing_below_is_nothing() -> None:
    file = file_of(ABOVE)
    assert (file.start.names, list(file.rows())) == (("uid", "account type", "time zone"), [])


def test_a_line_that_lacks_a_column_is_named() -> None:
    with pytest.raises(StatementRefused, match="line 3: has 3 columns; the first line has 2"):
        list(file_of(ABOVE + "id,Time\n1,x,y\n").rows())


@pytest.mark.parametrize(
    ("column", "zone"), [("Time(UTC+8)", "UTC+8"), ("Time (utc-05:30)", "UTC-05:30"), ("Trade Time(UTC+0)", None)]
)
def test_a_column_of_times_says_their_zone(column: str, zone: str | None) -> None:
    file = file_of(f"id,{column}\n1,2026-03-17 09:34:12\n")
    (row,) = file.rows()
    name = "time" if zone else column.lower()
    assert (name in file.start.names, row.named.get("time zone")) == (True, zone)
    hours = {"UTC+8": "01:34", "UTC-05:30": "15:04", None: "09:34"}[zone]
    assert f"{row.time(name):%H:%M}" == hours


def test_of_two_zones_none_is_said() -> None:
    (row,) = file_of("a(UTC+8),b(UTC+7)\n1,2\n").rows()
    assert row.named == {"a(utc+8)": "1", "b(utc+7)": "2"}
