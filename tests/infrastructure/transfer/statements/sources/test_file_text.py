"""A file is read in gzip as without, in UTF-16 as in UTF-8; cut off, it is refused."""

from __future__ import annotations

import codecs
import gzip

import pytest

from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import file_of

CSV = "a,b\n1,ü\n"
LONG = CSV + "2,x\n" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode(),
        codecs.BOM_UTF8 + CSV.encode(),
        CSV.encode("utf-16"),
        codecs.BOM_UTF16_BE + CSV.encode("utf-16-be"),
        gzip.compress(CSV.encode(), mtime=0),
        gzip.compress(CSV.encode("utf-16"), mtime=0),
    ],
    ids=["plain", "utf-8 with a mark", "utf-16", "utf-16, big-endian", "gzip", "utf-16 in gzip"],
)
def test_a_text_is_the_same_however_it_is_written(data: bytes) -> None:
    file = file_of(data)
    assert file.start.names == ("a", "b")
    assert [row.named for row in file.rows()] == [{"a": "1", "b": "ü"}]


def test_json_is_read_so_as_well() -> None:
    file = file_of(gzip.compress('[{"a": 1}]'.encode("utf-16"), mtime=0))
    assert [row.named for row in file.rows()] == [{"a": 1}]


@pytest.mark.parametrize("kept", [-1, -20, 30_000])
def test_gzip_that_is_cut_off_is_refused(kept: int) -> None:
    file = file_of(gzip.compress(LONG.encode(), compresslevel=0, mtime=0)[:kept])
    assert file.start.names == ("a", "b")
    with pytest.raises(StatementRefused, match="cut off"):
        list(file.rows())


def test_gzip_that_is_damaged_is_refused() -> None:
    packed = gzip.compress(LONG.encode(), compresslevel=0, mtime=0)
    with pytest.raises(StatementRefused, match="damaged"):
        list(file_of(packed[:-6] + b"\0\0" + packed[-4:]).rows())
    with pytest.raises(StatementRefused, match="damaged"):
        _ = file_of(b"\x1f\x8b" + b"\xff" * 30).start


def test_a_text_in_utf_16_that_is_cut_off_is_refused_with_its_line() -> None:
    with pytest.raises(StatementRefused, match=r"line 3: .*UTF-16"):
        list(file_of((CSV + "2,x").encode("utf-16")[:-1]).rows())
