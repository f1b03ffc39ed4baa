"""The lines of a log in batches, without what terminals and other systems add: colours, marks, carriage returns."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from io import BufferedIOBase
from lzma import LZMAError
from typing import Final

BATCH_BYTES: Final = 1 << 18
LINE_BYTES_MAX: Final = 1 << 17
"""The rest of a longer line is dropped, and the line is counted as cut."""

_COLOUR: Final = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*\x07)")
_MARK: Final = re.compile(rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)")

Report = Callable[[str], None]


def batches(stream: BufferedIOBase, damaged: Report, cut: Report) -> Iterator[list[bytes]]:
    """Read lines to the end of a stream, or to where it is damaged; then `damaged` is called with the reason.

    `cut` is called with the beginning of each line that was too long.
    """
    rest = b""
    is_cutting = False
    for read in _blocks(stream, damaged):
        block = read
        if is_cutting:
            _, end, block = read.partition(b"\n")
            is_cutting = not end
        whole, end, unfinished = block.rpartition(b"\n")
        if end:
            yield _shortened(_clean(rest + whole).split(b"\n"), cut)
            rest = unfinished
        else:
            rest += unfinished
        if len(rest) > LINE_BYTES_MAX:
            yield _shortened([_clean(rest)], cut)
            rest, is_cutting = b"", True
    if rest:
        yield _shortened(_clean(rest).split(b"\n"), cut)


def last(count: int, source: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
    """The last `count` lines only; they are kept in memory."""
    kept: deque[bytes] = deque(maxlen=count)
    for lines in source:
        kept.extend(lines)
    yield list(kept)


def _blocks(stream: BufferedIOBase, damaged: Report) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    is_first = True
    try:
        while part := stream.read1(BATCH_BYTES):
            parts.append(_MARK.sub(b"", part) if is_first else part)
            is_first = False
            size += len(part)
            if size >= BATCH_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
    except (EOFError, OSError, ValueError, zlib.error, LZMAError) as wrong:
        damaged(f"cut off or damaged: {wrong}")
    if parts:
        yield b"".join(parts)


def _clean(text: bytes) -> bytes:
    """The text without colours, carriage returns, and zero bytes, which are from a crash or from UTF-16."""
    if b"\0" in text:
        text = text.replace(b"\0", b"")
    if b"\x1b" in text:
        text = _COLOUR.sub(b"", text)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").removesuffix(b"\r").replace(b"\r", b" ")
    return text


def _shortened(lines: list[bytes], cut: Report) -> list[bytes]:
    if max(map(len, lines)) <= LINE_BYTES_MAX:
        return lines
    for line in lines:
        if len(line) > LINE_BYTES_MAX:
            cut(line[:200].decode("utf-8", "replace"))
    return [line[:LINE_BYTES_MAX] for line in lines]
