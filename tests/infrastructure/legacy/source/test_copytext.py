"""COPY's text format, as PostgreSQL documents it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.legacy.source.copytext import CopyStatement, names, values
from tests.infrastructure.legacy.examples import escaped

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(TEXTS | st.none(), min_size=1))
def test_whatever_copy_writes_is_read_back(row: list[str | None]) -> None:
    assert values("\t".join(map(escaped, row)).encode()) == row


@given(st.binary())
def test_no_line_breaks_the_reader(line: bytes) -> None:
    try:
        found = values(line)
    except UnicodeDecodeError:
        return
    assert 1 <= len(found) <= line.count(b"\t") + 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", [""]),
        (b"\t", ["", ""]),
        (b"\\N", [None]),
        (b"\\\\N", ["\\N"]),
        (b"\\Nx", ["Nx"]),
        (b"a\\N", ["aN"]),
        (b"\\b\\f\\n\\r\\t\\v\\\\", ["\b\f\n\r\t\v\\"]),
        (b'\\a\\.\\"', ['a."']),
        (b"\\101\\7\\60x", ["A\a0x"]),
        (b"\\x41\\x7\\x4g\\xg", ["A\a\x04gxg"]),
        (b"\\303\\251\\xc3\\xa9\xc3\xa9", ["ééé"]),
        (b"a\\\tb\tc", ["a\tb", "c"]),
        (b"a\\\\\tb", ["a\\", "b"]),
        (b"a\\\\\\\tb\t\\N\t", ["a\\\tb", None, ""]),
        (b"a\\", ["a\\"]),
        (b"\\\t\\", ["\t\\"]),
        ("币安人生USDT\t🎉".encode(), ["币安人生USDT", "🎉"]),
    ],
)
def test_escapes_mean_what_postgresql_says(line: bytes, expected: list[str | None]) -> None:
    assert values(line) == expected


@pytest.mark.parametrize("line", [b"\xff", b"\\377", b"\\xed\\xa0\\x80"])
def test_what_is_not_utf8_is_refused(line: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        values(line)


@pytest.mark.parametrize(
    ("text", "table", "columns", "options"),
    [
        ("COPY monitoring.positions (id, side) FROM stdin;\n", ("monitoring", "positions"), ("id", "side"), ""),
        ("copy Positions(ID) from STDIN;", ("positions",), ("id",), ""),
        ('COPY "Mon ""x"".y"."p,(q)" (id, "order", "a, b)") FROM stdin;', ('Mon "x".y', "p,(q)"),
         ("id", "order", "a, b)"), ""),
        ("COPY positions FROM stdin;", ("positions",), (), ""),
        ("COPY positions (id) FROM stdin WITH (FORMAT csv);", ("positions",), ("id",), "WITH (FORMAT csv)"),
    ],
)  # fmt: skip
def test_a_statement_names_its_table_and_columns(
    text: str, table: tuple[str, ...], columns: tuple[str, ...], options: str
) -> None:
    assert CopyStatement.parse(text) == CopyStatement(table, columns, options)


@pytest.mark.parametrize(
    "text", ["COPY positions TO stdout;", "COPY positions FROM '/tmp/x';", "-- COPY a FROM stdin;", "COPY", ""]
)
def test_a_line_that_no_data_follows_is_none(text: str) -> None:
    assert CopyStatement.parse(text) is None


def test_names_are_read_as_sql_reads_them() -> None:
    assert names('Monitoring."Positions"') == ("monitoring", "Positions")
