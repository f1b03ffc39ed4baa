"""Reading an export line by line, and checking that each line follows the lines before it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final, cast

from pydantic import ValidationError

from infrastructure.transfer.export_lines import (
    END,
    FORMAT,
    EndLine,
    EventLine,
    ExportLine,
    Line,
    RejectionLine,
    Seal,
    parse,
)
from infrastructure.transfer.exporting import ExportScope
from infrastructure.transfer.transfer_errors import ImportRefused

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_LINE_BYTES_MAX: Final = 256 * 1024 * 1024
_ONLY_JSON_LINES: Final = (
    "only JSON Lines can be imported, as `position-ledger export` writes them; CSV and Parquet are for analysis"
)


@dataclass(slots=True)
class NumberedLine:
    """A line, its number in the file, and the checksum that it must have at this place."""

    number: int
    says: Line
    crc: str

    def vouch(self) -> None:
        """Check that the line is unchanged and follows the one before it. Refuses: ImportRefused."""
        if self.says.crc != self.crc:
            raise ImportRefused.at(
                self.number,
                f"its checksum is {self.says.crc}, but the lines up to here have {self.crc}: it was changed, or lines "
                "before it are missing, doubled or out of order",
            )


class ExportFile:
    """An export of a ledger whose first line was read: it has everything up to the place `nid` in the log.

    Shape:   `is_whole` is False if a line does not follow those before it, or if the last line is missing. A pipe
             cannot be checked before it is read, and is taken for whole.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        """Check whether a file, which may be compressed by gzip, is whole, and read its first line.

        Refuses: ImportRefused for a file that is not an export of a ledger.
        """
        self.is_whole = True
        if stream.seekable():
            self.is_whole = _is_whole(stream)
            stream.seek(0)
        self._seal, self._texts = Seal(), enumerate(_texts(stream), start=1)
        line = self._next(ExportLine)
        if line is None:
            raise ImportRefused(f"the file is empty; {_ONLY_JSON_LINES}")
        line.vouch()
        first = line.says
        assert isinstance(first, ExportLine), "asked for"
        if first.format != FORMAT:
            raise ImportRefused.at(1, f"this export has format {first.format}; this software reads format {FORMAT}")
        if first.what != ExportScope.LEDGER.value:
            raise ImportRefused.at(
                1, f"this is an export of {first.what}; only one of the whole ledger can be imported (--what ledger)"
            )
        self.nid = first.nid

    def lines(self) -> Iterator[NumberedLine]:
        """All further lines, the last one included.

        Refuses: ImportRefused, naming the line, for a line that is not one of an export, or if the file was cut off.
        """
        number, last = 1, None
        while line := self._next(EventLine, RejectionLine, EndLine):
            number = line.number
            if isinstance(last, EndLine):
                raise ImportRefused.at(number, "stands after the last line of the export")
            last = line.says
            yield line
        if not isinstance(last, EndLine):
            raise ImportRefused.at(number + 1, "the file ends before the last line of the export: it was cut off")

    def be_whole(self) -> None:
        """Check a file of which all lines were accepted: if it is not whole, nothing of it was written.

        Refuses: ImportRefused.
        """
        if not self.is_whole:
            raise ImportRefused("a checksum is not written in the way in which `export` writes it: export it again")

    def _next(self, *expected: type[Line]) -> NumberedLine | None:
        for number, text in self._texts:
            says = _parsed(number, text)
            if not isinstance(says, expected):
                raise ImportRefused.at(number, f"a line of kind {says.kind!r} does not belong here; {_ONLY_JSON_LINES}")
            return NumberedLine(number, says, self._seal.expected(text))
        return None


def _is_whole(stream: io.BufferedReader) -> bool:
    """Whether every line has the right checksum, and the last line is there: ten times as fast as reading the file."""
    seal, last = Seal(), b""
    try:
        for last in _texts(stream):
            if not seal.is_of(last):
                return False
    except ImportRefused:
        return False
    return last.startswith(END)


def _texts(stream: io.BufferedReader) -> Iterator[bytes]:
    start, number = stream.peek(4), 0
    if start.startswith(_PARQUET):
        raise ImportRefused(f"this is a Parquet file; {_ONLY_JSON_LINES}")
    plain = gzip.GzipFile(fileobj=stream) if start.startswith(_GZIP) else stream
    try:
        while line := cast("IO[bytes]", plain).readline(_LINE_BYTES_MAX):
            number += 1
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as wrong:
        raise ImportRefused.at(number + 1, f"the file was cut off here, or is damaged: {wrong}") from None


def _parsed(number: int, text: bytes) -> Line:
    try:
        return parse(text)
    except ValidationError as wrong:
        if number == 1:
            raise ImportRefused.at(1, f"this is not the first line of an export; {_ONLY_JSON_LINES}") from None
        if not text.endswith(b"\n"):
            raise ImportRefused.at(number, "the file ends in the middle of this line: it was cut off") from None
        error = wrong.errors(include_url=False)[0]
        where = ".".join(map(str, error["loc"][-1:]))
        raise ImportRefused.at(
            number, f"cannot be read: {f'{where}: ' if where else ''}{error['msg']} ({text[:80]!r})"
        ) from None
