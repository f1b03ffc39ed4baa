"""Where an export goes: into a file that is there whole or not at all, or to stdout."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Final, cast
from uuid import uuid4

from infrastructure.transfer.transfer_errors import ExportRefused

STDOUT: Final = "-"
_COMPRESSION_LEVEL: Final = 6


@contextmanager
def opened(path: str, *, force: bool) -> Iterator[IO[bytes]]:
    """A stream to write to; a path that ends in .gz is compressed.

    A file appears under its name at the end of the block, when all of it is on the disk; until then it stands beside,
    and if the block fails it is gone. What is no file, such as a pipe, is written to directly.
    Refuses: ExportRefused for a file that is there, unless forced, or that cannot be written.
    """
    try:
        with _stream(path, force=force) as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as wrong:
        where = "stdout" if path == STDOUT else path
        raise ExportRefused(f"{where} cannot be written: {wrong.strerror or wrong}") from wrong


def _stream(path: str, *, force: bool) -> AbstractContextManager[IO[bytes]]:
    if path == STDOUT:
        return _stdout()
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        return target.open("wb")
    if target.exists() and not force:
        raise ExportRefused(f"{path} is there already; name another file, or overwrite it with --force")
    return _compressed(target) if target.suffix == ".gz" else _replacing(target)


@contextmanager
def _stdout() -> Iterator[IO[bytes]]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left would be tried again at the end
        raise


@contextmanager
def _compressed(target: Path) -> Iterator[IO[bytes]]:
    with _replacing(target) as out, gzip.GzipFile("", "wb", _COMPRESSION_LEVEL, out, mtime=0) as compressed:
        yield cast("IO[bytes]", compressed)


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    beside = target.with_name(f".{target.name}.{uuid4().hex[:12]}")
    try:
        with beside.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        beside.replace(target)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
