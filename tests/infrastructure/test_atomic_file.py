"""A file is written completely or not at all; devices are written directly, and links are followed only on request."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.atomic_file import whole_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def test_until_the_end_it_stands_beside(folder: Path) -> None:
    path = folder / "a.txt"
    with whole_file(path) as out:
        out.write(b"all of it")
        assert not path.exists()
    assert (path.read_bytes(), [*folder.iterdir()]) == (b"all of it", [path])


def test_a_block_that_fails_or_is_interrupted_leaves_nothing(folder: Path) -> None:
    def write_half(error: type[BaseException]) -> None:
        with whole_file(folder / "a.txt") as out:
            out.write(b"half of it")
            raise error

    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error):
            write_half(error)
    assert [*folder.iterdir()] == []


def test_one_that_is_there_is_replaced_when_that_is_asked_for(folder: Path) -> None:
    path = folder / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError), whole_file(path):
        pass
    assert path.read_bytes() == b"old"
    with whole_file(path, replaces=True) as out:
        out.write(b"new")
    assert path.read_bytes() == b"new"


def test_one_that_came_meanwhile_is_not_replaced(folder: Path) -> None:
    path = folder / "a.txt"
    with pytest.raises(FileExistsError), whole_file(path):
        path.write_bytes(b"theirs")
    assert (path.read_bytes(), [*folder.iterdir()]) == (b"theirs", [path])


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_followed_only_when_that_is_asked_for(folder: Path, *, is_there: bool) -> None:
    link, target = folder / "link", folder / "target"
    link.symlink_to(target)
    if is_there:
        target.write_bytes(b"theirs")
    for replaces in (True, False):
        with pytest.raises(FileExistsError), whole_file(link, replaces=replaces):
            pass
    assert target.exists() == is_there and link.is_symlink()
    with whole_file(link, replaces=True, follows=True) as out:
        out.write(b"new")
    assert (target.read_bytes(), link.is_symlink()) == (b"new", True)


def test_an_interrupt_leaves_nothing_behind(folder: Path) -> None:
    words = "import sys, pathlib\nfrom infrastructure.atomic_file import whole_file\n"
    words += "with whole_file(pathlib.Path('a.txt')) as out:\n    print('begun', flush=True)\n    sys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", words],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as writing:
        assert writing.stdout is not None
        assert writing.stdout.readline() == b"begun\n"
        assert len([*folder.iterdir()]) == 1
        writing.send_signal(signal.SIGINT)
        writing.wait(20)
    assert [*folder.iterdir()] == []
