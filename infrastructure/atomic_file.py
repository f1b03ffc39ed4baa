"""Writing a file atomically: it appears under its name when all of it is on the disk, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4


@contextmanager
def whole_file(path: Path, *, replaces: bool = False, follows: bool = False) -> Iterator[IO[bytes]]:
    """A stream into a temporary file, which gets its name at the end of the block; if the block fails, it is deleted.

    Shape:   a pipe or a device is written to directly and never replaced. `replaces` replaces a file that exists;
             `follows` writes to the target of a link.
    Refuses: OSError; FileExistsError for a file that exists, unless `replaces`, and for a link to a file or to nothing,
             unless `follows`: otherwise whoever may create links could choose which file is overwritten.
    """
    found = path.stat() if path.exists() else None
    if found is not None and not stat.S_ISREG(found.st_mode):
        with _as_it_is(path) as out:
            yield out
        return
    if path.is_symlink():
        if not follows:
            raise FileExistsError(errno.EEXIST, "is a link")
        path = path.resolve()
    if found is not None and not replaces:
        raise FileExistsError(errno.EEXIST, "is there already")
    beside = path.with_name(f".{uuid4().hex}")
    try:
        with beside.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if replaces:
            beside.replace(path)
        else:
            path.hardlink_to(beside)  # like `replace`, but fails if a file has appeared meanwhile
        _sync(path.parent)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _as_it_is(path: Path) -> IO[bytes]:
    opened = os.open(path, os.O_WRONLY | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise FileExistsError(errno.EEXIST, "is there since just now")
    return os.fdopen(opened, "wb")


def _sync(folder: Path) -> None:
    """Flush a folder: a new file survives a power cut only when its folder's entry is on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
