"""An archive as exchanges send files: ZIP, or tar with gzip or without; each file in it is read where it stands.

A database alone has to be laid down, for it is read here and there.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

from infrastructure.transfer.statements.sources.file_text import START_MAX, first_bytes, whole
from infrastructure.transfer.statements.sources.workbook_lines import is_workbook
from infrastructure.transfer.statements.statement_fill import StatementRefused

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""What the first file of an archive begins with, and the end of one without files."""
_TAR_MARK: Final = slice(257, 262)
_MEMBERS_MAX: Final = 1_000
_BOMB_MIN: Final = 1 << 26
_BOMB_RATIO: Final = 200
"""Tables of numbers become a tenth or a thirtieth of their size; what becomes less was made to fill a disk."""
_OF_SYSTEMS: Final = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")
"""What systems put beside the files of a person."""
_ENCRYPTED: Final = 1
LAST_CHANGES: Final = "-wal"
"""Behind the name of the file that has the last changes of a database that was in use."""


def is_archive(stream: io.BufferedReader) -> bool:
    """Whether a file begins like an archive, and is no workbook; nothing is taken from it."""
    if stream.peek(START_MAX).startswith(_ZIP):
        return not is_workbook(stream)
    return first_bytes(stream, START_MAX)[_TAR_MARK] == b"ustar"


def members(stream: io.BufferedReader, stack: ExitStack) -> dict[str, io.BufferedReader]:
    """Every file in an archive by its name, open until the stack ends. Refuses: StatementRefused."""
    if not stream.seekable():
        raise StatementRefused("an archive cannot be read from standard input; give the name of its file")
    opened = _of_zip if stream.peek(START_MAX).startswith(_ZIP) else _of_tar
    with whole():
        found = dict(opened(stream, stack))
        if not found:
            raise StatementRefused("there is no file in the archive")
        for name, member in found.items():
            if is_archive(member):
                raise StatementRefused(f"{name} in the archive is an archive itself; unpack it, and give its files")
    return found


@contextmanager
def laid_down(name: str, found: Mapping[str, io.BufferedReader]) -> Iterator[Path]:
    """A database of an archive on the disk for as long as it is needed, with its last changes where they are there.

    Refuses: StatementRefused.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "database"
        for behind in ("", LAST_CHANGES):
            if (member := found.get(name + behind)) is not None:
                with whole(), Path(f"{path}{behind}").open("wb") as copy:
                    shutil.copyfileobj(member, copy)
        yield path


def _of_zip(stream: io.BufferedReader, stack: ExitStack) -> Iterator[tuple[str, io.BufferedReader]]:
    archive = stack.enter_context(zipfile.ZipFile(stream))
    files = [each for each in archive.infolist() if not each.is_dir() and _is_ones_own(each.filename)]
    _check_count(len(files))
    for each in files:
        if each.flag_bits & _ENCRYPTED:
            raise StatementRefused(f"{each.filename} in the archive has a password; unpack it, and give its files")
        if each.file_size > _BOMB_MIN and each.file_size > _BOMB_RATIO * each.compress_size:
            raise StatementRefused(
                f"{each.filename} in the archive would be {each.file_size:,} bytes out of {each.compress_size:,}, more "
                f"than {_BOMB_RATIO} times as many, as no statement is; if it is one, unpack it, and give that"
            )
        yield each.filename, _buffered(stack.enter_context(archive.open(each)))


def _of_tar(stream: io.BufferedReader, stack: ExitStack) -> Iterator[tuple[str, io.BufferedReader]]:
    archive = stack.enter_context(tarfile.TarFile.open(fileobj=stream, mode="r:*"))
    files = [each for each in archive if each.isfile() and _is_ones_own(each.name)]
    _check_count(len(files))
    for each in files:
        member = archive.extractfile(each)
        assert member is not None, "it is a file"
        yield each.name, _buffered(member)


def _buffered(member: object) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", member), START_MAX)


def _is_ones_own(name: str) -> bool:
    return not name.lower().startswith(_OF_SYSTEMS) and not name.lower().endswith(_OF_SYSTEMS)


def _check_count(count: int) -> None:
    if count > _MEMBERS_MAX:
        raise StatementRefused(f"there are {count:,} files in the archive; unpack it, and give those that are meant")
