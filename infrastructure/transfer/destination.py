"""Where an export is written: to stdout, or to a file that appears only when it is complete."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Final, cast

from infrastructure.atomic_file import whole_file
from infrastructure.transfer.transfer_errors import ExportRefused

STDOUT: Final = "-"
_COMPRESSION_LEVEL: Final = 6


@contextmanager
def opened(path: str, *, force: bool) -> Iterator[IO[bytes]]:
    """A stream to write to; a path that ends in .gz is compressed.

    A file appears under its name at the end of the block, or not at all if the block fails; a pipe or a device is
    written to directly. Refuses: ExportRefused for a file or a link that exists, unless `force`, and for a destination
    that cannot be written.
    """
    try:
        with _stream(path, force=force) as out:
            yield out
    except BrokenPipeError:
        raise
    except FileExistsError as there:
        raise ExportRefused(f"{path} {there.strerror}; name another file, or overwrite it with --force") from None
    except OSError as wrong:
        where = "stdout" if path == STDOUT else path
        raise ExportRefused(f"{where} cannot be written: {wrong.strerror or wrong}") from wrong


def _stream(path: str, *, force: bool) -> AbstractContextManager[IO[bytes]]:
    if path == STDOUT:
        return _stdout()
    target = Path(path)
    file = whole_file(target, replaces=force, follows=force)
    return _compressed(file) if target.suffix == ".gz" and not _is_stream(target) else file


@contextmanager
def _stdout() -> Iterator[IO[bytes]]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError:
        # else Python would try to write the rest again when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _is_stream(target: Path) -> bool:
    return target.exists() and not target.is_file()


@contextmanager
def _compressed(file: AbstractContextManager[IO[bytes]]) -> Iterator[IO[bytes]]:
    with file as out, gzip.GzipFile("", "wb", _COMPRESSION_LEVEL, out, mtime=0) as compressed:
        yield cast("IO[bytes]", compressed)
