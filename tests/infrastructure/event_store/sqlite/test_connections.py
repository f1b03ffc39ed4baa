"""The meaning of an SQLite error is read from its code, not from its message."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import SchemaMismatch, StoreUnavailable
from infrastructure.event_store.sqlite.connections import explained
from infrastructure.settings import Settings


def failing(connection: sqlite3.Connection, statement: str) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement)
    return caught.value


def test_a_file_that_another_connection_writes_to_was_locked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0)) as other:
        holder.execute("BEGIN IMMEDIATE")
        error = explained(failing(other, "BEGIN IMMEDIATE"), Settings("sqlite", str(path)))
    assert isinstance(error, StoreUnavailable)
    assert "was locked by another process" in str(error)


def test_a_name_that_contains_the_word_is_not_a_lock() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        error = explained(failing(connection, "SELECT busy_or_locked()"), Settings("sqlite", ":memory:"))
    assert isinstance(error, StoreUnavailable)
    assert "no such function: busy_or_locked" in str(error)
    assert "another process" not in str(error)


def test_a_missing_table_is_not_a_ledger() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        error = explained(failing(connection, "SELECT 1 FROM locked"), Settings("sqlite", ":memory:"))
    assert isinstance(error, SchemaMismatch)


def test_an_error_of_python_itself_has_no_code_and_keeps_its_words() -> None:
    connection = sqlite3.connect(":memory:")
    connection.close()
    error = explained(failing(connection, "SELECT 1"), Settings("sqlite", ":memory:"))
    assert "closed database" in str(error)


def test_a_file_that_may_only_be_read_is_written_to_by_nobody_and_read_from_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    sqlite3.connect(path).close()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        error = explained(failing(connection, "CREATE TABLE x (y)"), Settings("sqlite", str(path)))
    assert isinstance(error, StoreUnavailable)
    assert "nothing was written. Whoever records needs the right to write" in str(error)
    assert "to read a ledger that nobody has open, copy it, with its -wal if there is one" in str(error)


def test_whoever_meets_a_disk_that_fails_is_told_to_keep_the_log_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    os.mkfifo(path)  # SQLite cannot read at a place of it, as it cannot on a disk that fails
    with pytest.raises(sqlite3.Error) as caught, closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT 1 FROM sqlite_schema")
    error = explained(caught.value, Settings("sqlite", str(path)))
    assert isinstance(error, StoreUnavailable)
    assert "nothing was written. Look at the disk" in str(error) and "keep the -wal beside the file" in str(error)
