"""The files of an archive, in which exchanges send them: ZIP, or tar with or without gzip.

They are read without unpacking; only a database is written to the disk, because it needs random access.
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
from infrastructure.transfer.transfer_errors import StatementRefused

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""The beginning of an archive with files, and of one without."""
_TAR_MARK: Final = slice(257, 262)
_MEMBERS_MAX: Final = 1_000
_BOMB_MIN: Final = 1 << 26
_BOMB_RATIO: Final = 200
"""Tables of numbers are packed to a tenth or a thirtieth of their size; less than this part was made to fill a disk."""
_OF_SYSTEMS: Final = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")
"""Files that operating systems add."""
_ENCRYPTED: Final = 1
LAST_CHANGES: Final = "-wal"
"""The suffix of the file with the last changes of a database that was in use."""


def is_archive(stream: io.BufferedReader) -> bool:
    """Whether a file is an archive and not a workbook, by its beginning; the stream stays where it is."""
    if stream.peek(START_MAX).startswith(_ZIP):
        return not is_workbook(stream)
    return first_bytes(stream, START_MAX)[_TAR_MARK] == b"ustar"


def members(stream: io.BufferedReader, stack: ExitStack) -> dict[str, io.BufferedReader]:
    """Every file of an archive by its name, open until the stack is closed. Refuses: StatementRefused."""
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
    """The path of a temporary copy of a database, with its last changes if the archive has them.

    Refuses: StatementRefused.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "database"
        for suffix in ("", LAST_CHANGES):
            if (member := found.get(name + suffix)) is not None:
                with whole(), Path(f"{path}{suffix}").open("wb") as copy:
                    shutil.copyfileobj(member, copy)
        yield path


def _of_zip(stream: io.BufferedReader, stack: ExitStack) -> Iterator[tuple[str, io.BufferedReader]]:
    archive = stack.enter_context(zipfile.ZipFile(stream))
    files = [file for file in archive.infolist() if not file.is_dir() and _is_of_user(file.filename)]
    _check_count(len(files))
    for file in files:
        if file.flag_bits & _ENCRYPTED:
            raise StatementRefused(f"{file.filename} in the archive has a password; unpack it, and give its files")
        if file.file_size > _BOMB_MIN and file.file_size > _BOMB_RATIO * file.compress_size:
            raise StatementRefused(
                f"{file.filename} in the archive would be {file.file_size:,} bytes out of {file.compress_size:,}, more "
                f"than {_BOMB_RATIO} times as many, as no statement is; if it is one, unpack it, and give that"
            )
        yield file.filename, _buffered(stack.enter_context(archive.open(file)))


def _of_tar(stream: io.BufferedReader, stack: ExitStack) -> Iterator[tuple[str, io.BufferedReader]]:
    archive = stack.enter_context(tarfile.TarFile.open(fileobj=stream, mode="r:*"))
    files = [file for file in archive if file.isfile() and _is_of_user(file.name)]
    _check_count(len(files))
    for file in files:
        member = archive.extractfile(file)
        assert member is not None, "it is a file"
        yield file.name, _buffered(member)


def _buffered(member: object) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", member), START_MAX)


def _is_of_user(name: str) -> bool:
    return not name.lower().startswith(_OF_SYSTEMS) and not name.lower().endswith(_OF_SYSTEMS)


def _check_count(count: int) -> None:
    if count > _MEMBERS_MAX:
        raise StatementRefused(f"there are {count:,} files in the archive; unpack it, and give those that are meant")
