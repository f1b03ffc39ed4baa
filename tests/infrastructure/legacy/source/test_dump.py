"""Dumps: every way in which one is made, and every way in which one is broken."""

from __future__ import annotations

import gzip
import io
from typing import IO, cast

import pytest

from infrastructure.legacy.source.dump import read_dump
from infrastructure.legacy.source.raw import UnreadableDump
from tests.infrastructure.legacy.examples import CLEAN, SAMPLE, copied, dumped, raw, sample

NAMES = ", ".join(CLEAN)
ROW = copied(raw())


def refusal(text: str | bytes, name: str | None = None) -> str:
    with pytest.raises(UnreadableDump) as refused:
        dumped(text, name)
    return refused.value.message


def test_the_sample_is_read_row_for_row() -> None:
    rows = sample()
    lines = SAMPLE.read_text().splitlines()
    assert [row.values[0] for row in rows] == [
        "2438",
        "2439",
        "2548",
        "2549",
        "275",
        "276",
        "277",
        "278",
        "583",
        "589",
        "2558",
        "2566",
        "2468",
        "31",
        "301",
        "309",
        "410",
        "411",
    ]
    for row in rows:
        assert [value or "\\N" for value in row.values] == lines[row.line - 1].split("\t")
    assert rows[0].as_dict()["signal_id"] == "5368032"
    assert rows[1].as_dict()["signal_id"] is None


def test_other_tables_are_passed_over_whatever_is_in_them() -> None:
    noise = b"COPY public.logs (text) FROM stdin;\nCOPY monitoring.positions (id) FROM stdin;\n\xff\xfe\n\\.\n"
    assert [row.as_dict() for row in dumped(noise + ROW.encode() + noise)] == [CLEAN]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_dump_that_went_through_windows_is_the_same(end: str, bom: str) -> None:
    assert dumped(bom + ROW.replace("\n", end)) == dumped(ROW)


def test_gzip_is_understood_and_a_cut_one_refused() -> None:
    packed = gzip.compress(SAMPLE.read_bytes())
    assert dumped(packed) == sample()
    assert "cut off or damaged" in refusal(packed[:-20])
    assert "cut off or damaged" in refusal(packed[:200] + b"x" * 50 + packed[250:])


def test_rows_are_read_one_by_one() -> None:
    class Endless(io.RawIOBase):
        head = io.BytesIO(ROW.removesuffix("\\.\n").encode())

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # the library's type is wider
            piece = self.head.read(len(buffer)) or (ROW.splitlines()[1] + "\n").encode()[: len(buffer)]
            buffer[: len(piece)] = piece
            return len(piece)

    rows = read_dump(cast("IO[bytes]", Endless()))
    assert [next(rows).line for _ in range(1000)] == list(range(2, 1002))


def test_an_escaped_line_end_belongs_to_the_value() -> None:
    reason = "first\nsecond\\"
    line = ROW.replace("target", "first\\\nsecond\\\\")
    assert [row.as_dict() for row in dumped(line + ROW)] == [CLEAN | {"exit_reason": reason}, CLEAN]
    assert "cut off" in refusal(ROW.replace("53190368\n\\.\n", "53190368\\"))


def test_a_table_in_several_blocks_is_one_table() -> None:
    other = raw(id="2")
    assert [row.as_dict()["id"] for row in dumped(ROW + copied(other))] == ["1", "2"]


def test_a_block_without_rows_is_an_empty_table() -> None:
    assert dumped(f"COPY monitoring.positions ({NAMES}) FROM stdin;\n\\.\n") == []


def test_of_tables_of_one_name_the_one_with_the_columns_is_taken() -> None:
    ours = "position_id, stream, cycle, symbol, exchange, side, quantity, status, opened_at"
    ledger = f"COPY public.positions ({ours}) FROM stdin;\n{chr(9).join('x' * 9)}\n\\.\n"
    other = "COPY archive.positions (id, latitude) FROM stdin;\n1\t2\n\\.\n"
    assert [row.as_dict() for row in dumped(ledger + other + ROW)] == [CLEAN]
    assert refusal(other) == ("archive.positions has no column symbol, exchange, side, quantity, status, opened_at")
    assert refusal(ledger) == "public.positions is the positions table of a ledger, not a legacy one"


def test_several_such_tables_are_a_question() -> None:
    both = ROW + copied(raw(id="2"), name='public."positions"')
    message = refusal(both)
    assert "monitoring.positions and public.positions" in message
    assert "--table public.positions" in message
    assert [row.as_dict()["id"] for row in dumped(both, "public.positions")] == ["2"]
    assert [row.as_dict()["id"] for row in dumped(both, "Monitoring.Positions")] == ["1"]


def test_a_table_of_another_name_is_chosen_by_it() -> None:
    old = copied(raw(), name='monitoring."Positions_2024"')
    assert "choose with --table monitoring.Positions_2024" in refusal(old)
    assert [row.as_dict() for row in dumped(old, '"Positions_2024"')] == [CLEAN]
    assert "no data of positions_2025 in this dump" in refusal(old, "positions_2025")
    assert refusal("COPY a.b (id) FROM stdin;\n1\n\\.\n", "a.b").startswith("a.b has no column symbol")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"PGDMP\x01\x0e\x00", "pg_restore -f plain.sql"),
        (b"toc.dat" + b"\0" * 600, "pg_restore -f plain.sql"),
        (b"\xff\xfei\0d\0", "UTF-16"),
        (b"BZh91AY", "bzip2"),
        (b"\x28\xb5\x2f\xfd\0", "zstd"),
        (b"PK\x03\x04", "zip"),
        ("INSERT INTO monitoring.positions VALUES (1, 'x');\n", "--inserts"),
        (f"INSERT INTO monitoring.positions ({NAMES}) VALUES (1, 'x');\n", "--inserts"),
        ("hello\nworld\n", "neither CSV with a header nor a pg_dump"),
        (b"\x00\x01\x02\xff" * 1000, "neither CSV with a header nor a pg_dump"),
        ("SET client_encoding = 'WIN1251';\n" + ROW, "make it with pg_dump --encoding=UTF8"),
        (ROW.removesuffix("\\.\n"), "monitoring.positions, from line 1, has no end"),
        ("COPY public.logs (text) FROM stdin;\nsomething\n", "public.logs, from line 1, has no end"),
        (ROW.replace("53190368", "53190368\tx"), "line 2 has 22 fields, but monitoring.positions has 21 columns"),
        (ROW.replace("\\.\n", "\n\\.\n"), "line 3 has 1 fields"),
        (ROW.encode().replace(b"target", b"\xff"), "line 2 is not UTF-8"),
        (ROW.encode().replace(b"target", b"\\xff"), "line 2 is not UTF-8"),
        (ROW.replace("FROM stdin;", "FROM stdin WITH CSV;"), "another format"),
    ],
)
def test_what_cannot_be_read_says_why(text: str | bytes, words: str) -> None:
    assert words in refusal(text)


def test_sql_ascii_that_is_utf8_is_read() -> None:
    assert len(dumped("SET client_encoding = 'SQL_ASCII';\n" + ROW)) == 1
