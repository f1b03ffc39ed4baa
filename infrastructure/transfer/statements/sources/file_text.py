"""The text of a file: unpacked where it is in gzip, and decoded by the mark that it begins with."""

from __future__ import annotations

import codecs
import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL
from typing import IO, Final, cast

from infrastructure.transfer.statements.statement_fill import StatementRefused

START_MAX: Final = 1 << 18
"""How much of a file is looked at to recognise it; what opens one gives it so much of a buffer."""
_GZIP: Final = b"\x1f\x8b"
_GZIP_HEADER: Final = 31
"""What zlib calls the window of a stream that gzip has written."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How Windows begins a text in UTF-16; what begins otherwise is taken for UTF-8, with a mark or without."""

_DAMAGED: Final = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError, NotImplementedError)
"""What those who unpack raise; the last of them for a method of packing that they do not know.

Of an archive that lacks something in its middle a place is sought before its beginning, which is EINVAL.
"""


def first_bytes(stream: io.BufferedReader, most: int) -> bytes:
    """What a file begins with, unpacked; nothing is taken from it. Refuses: StatementRefused."""
    start = stream.peek(most)
    if not start.startswith(_GZIP):
        return start
    with whole():
        return zlib.decompressobj(_GZIP_HEADER).decompress(start, most)


def decoded(start: bytes) -> str:
    """A beginning as text, wherever it was cut off."""
    return start.decode(_encoding(start), "replace").removeprefix("\ufeff")


def text_of(stream: io.BufferedReader, newline: str | None = None, encoding: str | None = None) -> io.TextIOWrapper:
    """All of a file as text, to be read within `whole`."""
    encoding = encoding or _encoding(first_bytes(stream, len(codecs.BOM_UTF8)))
    packed = stream.peek(len(_GZIP)).startswith(_GZIP)
    plain = cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if packed else stream
    return io.TextIOWrapper(plain, encoding, newline=newline)


@contextmanager
def whole() -> Iterator[None]:
    """Name what is wrong with a packed file that is read here. Refuses: StatementRefused."""
    try:
        yield
    except (*_DAMAGED, OSError) as wrong:
        if not isinstance(wrong, _DAMAGED) and wrong.errno != EINVAL:
            raise
        raise StatementRefused(f"the packed file was cut off, or is damaged: {wrong}") from None


def _encoding(start: bytes) -> str:
    return "utf-16" if start.startswith(_UTF16) else "utf-8-sig"
