"""CSV is read as programs and spreadsheets write it; a line that has another shape is named where it begins."""

from __future__ import annotations

import pytest

from infrastructure.transfer.statements.statement_fill import StatementRefused
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
