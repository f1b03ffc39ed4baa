"""What is no statement is called what it is, and what may be one is not."""

from __future__ import annotations

import bz2
import lzma
from io import BufferedReader, BytesIO

import pytest

from infrastructure.transfer.statements.sources.statement_file import StatementFile
from tests.infrastructure.transfer.statements.test_samples import FOLDER

HEADER = "time,symbol,side,price,quantity\n"


def what_else(content: bytes) -> str | None:
    return StatementFile(BufferedReader(BytesIO(content), 1 << 18)).what_else


@pytest.mark.parametrize(
    ("content", "what", "way_out"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF", "export the same as CSV"),
        (b"\x89PNG\r\n\x1a\n", "a picture", "export the same as CSV"),
        (b"Rar!\x1a\x07\x01\x00", "an archive of RAR", "unpack it"),
        (lzma.compress(HEADER.encode()), "packed by xz", "unpack it"),
        (bz2.compress(HEADER.encode()), "packed by bzip2", "unpack it"),
        (b" \r\n<!DOCTYPE html><html>403</html>", "a page of a website", "get the file again"),
        (b"<table><tr><td>time</td></tr></table>", "a page of a website", "save it as CSV"),
        (HEADER.encode("utf-16-le"), "no text", "save it as UTF-8"),
        (b"", "empty", "nothing stands in it"),
        (b"\xef\xbb\xbf \r\n", "empty", "nothing stands in it"),
        (b'{"info":{"0":{"a":1},"1":{}},"price":{"0":1.5}}', "a table that pandas wrote", "orient='records'"),
        (b'{"columns":["a","b"],"index":[0],"data":[[1,2]]}', "a table that pandas wrote", "orient='records'"),
        (b'{"code":-1121,"msg":"Invalid symbol."}', "no statement: it is of a call that failed", "ask the exchange"),
    ],
)
def test_what_is_no_statement_is_called_what_it_is(content: bytes, what: str, way_out: str) -> None:
    said = what_else(content)
    assert said is not None
    assert (said.startswith(what), way_out in said) == (True, True)


@pytest.mark.parametrize(
    "content",
    [HEADER.encode(), HEADER.encode("utf-16"), b"[]", b'{"a":{"b":1}}', b'{"retCode":0,"result":{}}'],
)
def test_what_may_be_one_is_not(content: bytes) -> None:
    assert what_else(content) is None


@pytest.mark.parametrize("path", sorted(path for end in ("json", "jsonl", "csv") for path in FOLDER.glob(f"*.{end}")))
def test_no_sample_is_taken_for_something_else(path: object) -> None:
    assert what_else((FOLDER / str(path)).read_bytes()) is None
