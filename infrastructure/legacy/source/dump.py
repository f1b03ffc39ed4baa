"""A dump of the legacy table in any supported format: pg_dump's plain text or CSV, perhaps in gzip."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from typing import IO, Final, cast

from infrastructure.legacy.source.csvtext import delimiter_of, read_csv
from infrastructure.legacy.source.pgdump import PgDump
from infrastructure.legacy.source.raw import RawRow, UnreadableDump, decoded

_BOM: Final = b"\xef\xbb\xbf"
_COMPRESSED: Final = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
_STATEMENT = re.compile(r"(?:COPY|INSERT|CREATE|SET)\s", re.IGNORECASE)
_HEADER_BYTES_MAX: Final = 100_000


def read_dump(stream: IO[bytes], table: str | None = None) -> Iterator[RawRow]:
    """Read the rows of the legacy table, line by line.

    Shape:   of a pg_dump, the rows of `table` (schema.name, or just the name), or else of the one table that is named
             `positions` and has the columns; of CSV, all rows.
    Refuses: UnreadableDump, perhaps only at the end of the file: for a file that is cut off, not text, not UTF-8, or in
             another format, or that has no such table, or several.
    """
    buffered = io.BufferedReader(cast("io.RawIOBase", stream))
    start = buffered.peek(8)
    try:
        if start.startswith(b"\x1f\x8b"):
            yield from read_dump(cast("IO[bytes]", gzip.GzipFile(fileobj=buffered)), table)
            return
        _refuse_other_formats(start)
        first, line = _first_line(buffered)
        header = line.decode("utf-8", errors="replace").rstrip("\r\n")
        delimiter = None if _STATEMENT.match(header) else delimiter_of(header)
        if delimiter is not None:
            if table is not None:
                raise UnreadableDump(f"this is CSV, in which there is no table to choose: leave out {table!r}")
            yield from read_csv(_text(line, buffered, first), delimiter)
        else:
            yield from PgDump(buffered, first, line, table).rows()
    except (EOFError, zlib.error, gzip.BadGzipFile) as wrong:
        raise UnreadableDump(f"the file is cut off or damaged: {wrong}") from None
    finally:
        buffered.detach()  # the caller closes the stream


def _refuse_other_formats(start: bytes) -> None:
    if start.startswith(b"PGDMP"):
        raise UnreadableDump("this is a dump in PostgreSQL's custom format; turn it into text: pg_restore -f plain.sql")
    if start.startswith(b"toc.dat"):
        raise UnreadableDump("this is a dump in PostgreSQL's tar format; turn it into text: pg_restore -f plain.sql")
    if start.startswith(_WIDE):
        raise UnreadableDump("this is UTF-16 text; save it as UTF-8")
    for magic, name in _COMPRESSED.items():
        if start.startswith(magic):
            raise UnreadableDump(f"this is compressed with {name}; decompress it, or use gzip")


def _first_line(stream: IO[bytes]) -> tuple[int, bytes]:
    """The number of the first line that is not blank, and the line."""
    number = 0
    while line := stream.readline(_HEADER_BYTES_MAX):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            return number, line
    raise UnreadableDump("the file is empty")


def _text(line: bytes, rest: IO[bytes], number: int) -> Iterator[str]:
    yield from "\n" * (number - 1)
    while line:
        yield decoded(line, number)
        line, number = rest.readline(), number + 1
