"""A file that an option names is replaced atomically; one that cannot be written is a usage error."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click
import pytest

from scripts.options.output_file import write_file


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"older and longer")
    write_file(path, b"new")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "a.json"
    with pytest.raises(click.UsageError, match=r"nowhere/a\.json cannot be written: No such file or directory"):
        write_file(path, b"new")


def test_a_link_is_left_and_the_way_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    link = tmp_path / "a.json"
    link.symlink_to("kept")
    with pytest.raises(click.UsageError, match="name the file that it leads to"):
        write_file(link, b"new")
    assert (tmp_path / "kept").read_bytes() == b"kept" and link.is_symlink()


def test_sigterm_leaves_the_older_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"older")
    monkeypatch.setattr(os, "fsync", lambda _: signal.raise_signal(signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # else it would end the tests
    try:
        with pytest.raises(SystemExit, match="143"):
            write_file(path, b"new")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]
