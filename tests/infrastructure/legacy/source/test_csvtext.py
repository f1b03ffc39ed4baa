"""CSV with a header, as different programs write it."""

from __future__ import annotations

import csv
import io

import pytest

from infrastructure.legacy.source.csvtext import delimiter_of
from infrastructure.legacy.source.raw import RawRow, UnreadableDump
from tests.infrastructure.legacy.examples import CLEAN, dumped, raw, sample

HEADER = "id,symbol,exchange,side,quantity,status,opened_at\n"
LINE = "1,APTUSDT,binance,long,61.8,active,2025-10-22 18:50:40+00\n"


def as_csv(rows: list[RawRow], delimiter: str = ",", null: str = "") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(rows[0].columns)
    writer.writerows([null if value is None else value for value in row.values] for row in rows)
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("null", ["", "NULL", "\\N"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_csv_says_the_same_as_copy(delimiter: str, null: str, bom: str) -> None:
    found = dumped(bom + as_csv(sample(), delimiter, null))
    assert [row.as_dict() for row in found] == [row.as_dict() for row in sample()]


def test_values_may_have_delimiters_quotes_and_line_ends_in_them() -> None:
    strange = raw(exit_reason='a, "b"\nc;\td')
    assert [row.as_dict() for row in dumped(as_csv([strange]))] == [strange.as_dict()]


def test_a_row_knows_its_line() -> None:
    text = f"\n\n{HEADER}{LINE}\n{LINE.replace('1,', chr(34) + '1' + chr(10) + chr(34) + ',', 1)}{LINE}"
    assert [row.line for row in dumped(text)] == [4, 7, 8]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,symbol,exchange,side\n1,2,3,4\n", "no column quantity, status, opened_at; it has id, symbol, exchange"),
        (HEADER.replace("id,", "symbol,") + LINE, "names 'symbol' twice"),
        (HEADER + LINE + "1,2\n", "line 3 has 2 fields, but the header names 7 columns"),
        (HEADER + LINE + '"never closed', "line 3 is not CSV"),
        (HEADER + '"a"b,' + LINE, "line 2 is not CSV"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, words: str) -> None:
    with pytest.raises(UnreadableDump, match=words):
        dumped(text)


def test_a_byte_that_is_not_utf8_is_named_by_its_line() -> None:
    with pytest.raises(UnreadableDump, match=r"line 3 is not UTF-8: .* at its byte 2"):
        dumped((HEADER + LINE).encode() + b"1,\xff" + LINE.encode())


def test_there_is_no_table_to_choose() -> None:
    with pytest.raises(UnreadableDump, match="this is CSV"):
        dumped(HEADER + LINE, "monitoring.positions")


def test_a_header_alone_is_an_empty_table() -> None:
    assert dumped(HEADER) == []
    assert dumped(HEADER.rstrip()) == []


@pytest.mark.parametrize("line", ["COPY monitoring.positions (id, symbol) FROM stdin;", "--", "", "symbol", "a,b,c"])
def test_what_is_no_header_is_not_taken_for_one(line: str) -> None:
    assert delimiter_of(line) is None


def test_a_header_is_known_in_any_case_and_in_quotes() -> None:
    assert delimiter_of(";".join(f'"{name.upper()}"' for name in CLEAN)) == ";"
