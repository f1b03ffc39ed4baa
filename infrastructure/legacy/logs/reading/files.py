"""The files of a log: rotated files oldest first, packed files unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from infrastructure.legacy.logs.reading.clock import LogClock
from infrastructure.legacy.logs.reading.head import LineHead

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PACKED: Final = re.compile(r"\.(gz|bz2|xz)$", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"[.\-_](\d{1,4})$")
_DATED: Final = re.compile(r"[.\-_](\d{4}-?\d\d-?\d\d(?:[T_\-]?\d[\d\-:]*)?)$")
_PEEKED_BYTES: Final = 1 << 20
_BUFFER_BYTES: Final = 1 << 17
_UNPACKED: Final[dict[bytes, Callable[[io.BufferedReader[_Counted]], io.BufferedIOBase]]] = {
    b"\x1f\x8b": lambda packed: gzip.GzipFile(fileobj=packed),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
_FOREIGN: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}


class UnreadableLog(Exception):
    """This is not a log that can be read; the message says what would work."""


class _Counted(io.RawIOBase):
    """A stream that reports how much of it was read."""

    def __init__(self, stream: IO[bytes], advance: Callable[[int], None]) -> None:
        self._read = getattr(stream, "read1", stream.read)
        self._advance = advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        self._advance(len(data))
        return len(data)


@contextmanager
def opened(stream: IO[bytes], advance: Callable[[int], None] = lambda _: None) -> Iterator[io.BufferedIOBase]:
    """The text of a stream, unpacked if it is gzip, bzip2 or xz; `advance` gets the number of bytes that were read.

    Refuses: UnreadableLog for other formats of compression.
    """
    buffered = io.BufferedReader(_Counted(stream, advance), _BUFFER_BYTES)
    start = buffered.peek(8)[:8]
    for magic, name in _FOREIGN.items():
        if start.startswith(magic):
            raise UnreadableLog(f"this is compressed with {name}; decompress it, or use gzip")
    for magic, unpacked in _UNPACKED.items():
        if start.startswith(magic):
            with unpacked(buffered) as text:
                yield text
            return
    yield buffered


def found(path: Path) -> list[Path]:
    """The log files of a path: itself, or those of a directory. Refuses: UnreadableLog when there is none."""
    if not path.is_dir():
        return [path]
    inside = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith(".")]
    logs = [file for file in inside if ".log" in file.name.lower()] or inside
    if not logs:
        raise UnreadableLog(f"{path} holds no file")
    return logs


def rotated_beside(path: Path) -> list[Path]:
    """The rotated files of a log: files in its folder with its name and a number or a date."""
    if not path.parent.is_dir():
        return []
    beside = (each for each in path.parent.iterdir() if each.is_file() and each.name != path.name)
    return sorted(each for each in beside if _base(each) == path.name)


def _base(path: Path) -> str:
    name = _PACKED.sub("", path.name)
    return _DATED.sub("", _NUMBERED.sub("", name) if not _DATED.search(name) else name)


def oldest_first(paths: Iterable[Path], clock: LogClock) -> list[Path]:
    """Each file once, in the order of their first times; files with the same time in the order of rotation.

    Refuses: ZoneNeeded; UnreadableLog.
    """
    by_number = sorted(dict.fromkeys(paths), key=_rotation)
    if len(by_number) < 2:
        return by_number
    dated: list[tuple[int, Path]] = []
    for path in by_number:
        moment = _first_moment(path, clock)
        if moment is None:  # it has only continuation lines: it follows the file before it
            moment = dated[-1][0] if dated else 0
        dated.append((moment, path))
    return [path for _, path in sorted(dated, key=lambda each: each[0])]


def _rotation(path: Path) -> tuple[str, int, str]:
    """The order of files of one base name: dates, then numbers from the highest on, then the current file."""
    name = _PACKED.sub("", path.name)
    if match := _DATED.search(name):
        return _base(path), -(10**9), match[1]
    if match := _NUMBERED.search(name):
        return _base(path), -int(match[1]), ""
    return name, 1, ""


def _first_moment(path: Path, clock: LogClock) -> int | None:
    with path.open("rb") as file, opened(file) as stream:
        try:
            start = stream.read(_PEEKED_BYTES)
        except (EOFError, OSError, ValueError, lzma.LZMAError):  # damaged: the analysis reports it
            return None
    for line in start.replace(b"\0", b"").splitlines():
        head = LineHead.read(line)
        moment = head and clock.second(head.second, head.zone)
        if moment:
            return moment
    return None
