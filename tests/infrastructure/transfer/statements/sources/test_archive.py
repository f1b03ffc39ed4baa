"""An archive is read where it lies: its files and nothing else, and never one that was made to do harm."""

from __future__ import annotations

import io
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, cast

import pytest

from infrastructure.transfer.statements.sources import archive
from infrastructure.transfer.statements.sources.archive import is_archive, laid_down, members
from infrastructure.transfer.statements.sources.file_text import START_MAX
from infrastructure.transfer.statements.sources.statement_file import StatementFile
from infrastructure.transfer.transfer_errors import StatementRefused

CSV = b"a,b\n1,2\n"


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return data.getvalue()


def damaged(data: bytes) -> bytes:
    return data[:40] + bytes([data[40] ^ 255]) + data[41:]


def tarred(files: dict[str, bytes], mode: Literal["w", "w:gz"]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return data.getvalue()


def stream_of(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data), START_MAX)


def rows_of(data: bytes) -> dict[str, list[object]]:
    with ExitStack() as stack:
        found = members(stream_of(data), stack)
        return {name: [row.named for row in StatementFile(member).rows()] for name, member in found.items()}


FILES = {"2026/a.csv": CSV, "b.csv": CSV.replace(b"2", b"3")}
ROWS = {"2026/a.csv": [{"a": "1", "b": "2"}], "b.csv": [{"a": "1", "b": "3"}]}


@pytest.mark.parametrize(
    "data", [zipped(FILES), tarred(FILES, "w"), tarred(FILES, "w:gz")], ids=["zip", "tar", "tar.gz"]
)
def test_each_file_is_read_out_of_it(data: bytes) -> None:
    assert is_archive(stream_of(data))
    assert rows_of(data) == ROWS


def test_what_is_none_is_left_alone() -> None:
    for data in (b"", CSV, b"\x1f\x8b", b"SQLite format 3\x00"):
        assert not is_archive(stream_of(data)), data


def test_what_a_system_puts_in_is_no_file_of_a_person() -> None:
    assert rows_of(zipped({"__MACOSX/._a.csv": b"\0\5", "x/": b"", "x/.DS_Store": b"\0", "a.csv": CSV})).keys() == {
        "a.csv"
    }


def test_a_file_that_would_fill_a_disk_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_BOMB_MIN", 1 << 20)
    with pytest.raises(StatementRefused, match=r"a\.csv in the archive would be 2,097,152 bytes out of "):
        rows_of(zipped({"a.csv": b"0" * (2 << 20)}))
    assert rows_of(zipped({"a.csv": b"a,b\n" + b"1,2\n" * 1_000}))["a.csv"][999] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zipped({"a.zip": zipped(FILES)}), r"a\.zip in the archive is an archive itself; unpack it"),
        (tarred({"a.tgz": tarred(FILES, "w:gz")}, "w"), r"a\.tgz in the archive is an archive itself; unpack it"),
        (zipped({}), "there is no file in the archive"),
        (zipped({f"{number}.csv": CSV for number in range(1_001)}), "there are 1,001 files in the archive"),
        (zipped(FILES)[:-30], "was cut off, or is damaged"),
        (tarred(FILES, "w:gz")[:-40], "was cut off, or is damaged"),
        (damaged(zipped({"a.csv": CSV})), "was cut off, or is damaged"),
    ],
    ids=["zip in zip", "tar in tar", "empty", "many", "zip cut off", "tar cut off", "damaged"],
)
def test_what_cannot_be_read_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(StatementRefused, match=says):
        rows_of(data)


def test_a_file_with_a_password_is_refused() -> None:
    data = bytearray(zipped({"a.csv": CSV}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(StatementRefused, match=r"a\.csv in the archive has a password; unpack it"):
        rows_of(bytes(data))


def test_a_database_is_laid_down_with_its_last_changes() -> None:
    files = {"a.sqlite": b"SQLite", "a.sqlite-wal": b"changes", "b.sqlite": b"other"}
    with ExitStack() as stack:
        inside = members(stream_of(zipped(files)), stack)
        with laid_down("a.sqlite", inside) as path:
            assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == (b"SQLite", b"changes")
        assert not path.exists()
        with laid_down("b.sqlite", inside) as path:
            assert (path.read_bytes(), Path(f"{path}-wal").exists()) == (b"other", False)


def test_an_archive_that_lacks_something_in_its_middle_is_refused(tmp_path: Path) -> None:
    """A place before the beginning of the file is sought, which a file on a disk refuses as the system does."""
    path, data = tmp_path / "a.zip", zipped({"a.csv": CSV})
    path.write_bytes(data[:30] + data[36:])
    says = pytest.raises(StatementRefused, match="was cut off, or is damaged: ")
    with path.open("rb", buffering=START_MAX) as stream, ExitStack() as stack, says:
        members(cast("io.BufferedReader", stream), stack)
