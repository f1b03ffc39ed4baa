"""The text of a file: unpacked if it is in gzip, and decoded by its byte order mark."""

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

from infrastructure.transfer.transfer_errors import StatementRefused

START_MAX: Final = 1 << 18
"""How many bytes are read to recognise a file; whoever opens one must give it a buffer of this size."""
_GZIP: Final = b"\x1f\x8b"
_GZIP_HEADER: Final = 31
"""The `wbits` of zlib for a stream with a header of gzip."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""The marks at the beginning of a text in UTF-16; any other text is taken for UTF-8, with a mark or without."""

_DAMAGED: Final = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError, NotImplementedError)
"""What unpacking raises; NotImplementedError is for an unknown method of compression.

An archive that lacks a part of its middle leads to a seek before its beginning, which fails with EINVAL.
"""


def first_bytes(stream: io.BufferedReader, most: int) -> bytes:
    """The first bytes of a file, unpacked; the stream stays where it is. Refuses: StatementRefused."""
    start = stream.peek(most)
    if not start.startswith(_GZIP):
        return start
    with whole():
        return zlib.decompressobj(_GZIP_HEADER).decompress(start, most)


def decoded(start: bytes) -> str:
    """The first bytes of a file as text; they may end in the middle of a character."""
    return start.decode(_encoding(start), "replace").removeprefix("\ufeff")


def text_of(stream: io.BufferedReader, newline: str | None = None, encoding: str | None = None) -> io.TextIOWrapper:
    """The whole file as text, to be read within `whole`."""
    encoding = encoding or _encoding(first_bytes(stream, len(codecs.BOM_UTF8)))
    packed = stream.peek(len(_GZIP)).startswith(_GZIP)
    plain = cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if packed else stream
    return io.TextIOWrapper(plain, encoding, newline=newline)


@contextmanager
def whole() -> Iterator[None]:
    """Turn the errors of a damaged packed file that is read in the block into StatementRefused."""
    try:
        yield
    except (*_DAMAGED, OSError) as wrong:
        if not isinstance(wrong, _DAMAGED) and wrong.errno != EINVAL:
            raise
        raise StatementRefused(f"the packed file was cut off, or is damaged: {wrong}") from None


def _encoding(start: bytes) -> str:
    return "utf-16" if start.startswith(_UTF16) else "utf-8-sig"
