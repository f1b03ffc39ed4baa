"""A file that a user gives us: its form, the names by which it is recognised, and its rows."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final

from infrastructure.transfer.statements.sources.csv_rows import HEADER_LINES, csv_header, csv_rows
from infrastructure.transfer.statements.sources.file_text import START_MAX, decoded, first_bytes, text_of, whole
from infrastructure.transfer.statements.sources.foreign_form import foreign_form
from infrastructure.transfer.statements.sources.json_rows import call_failed, json_rows, says_nothing
from infrastructure.transfer.statements.sources.parquet_rows import parquet_names, parquet_rows
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.sources.workbook_lines import is_workbook, workbook_lines, workbook_start
from infrastructure.transfer.transfer_errors import StatementRefused

SQLITE_MARK: Final = b"SQLite format 3\x00"
"""The first bytes of a database."""
_PARQUET: Final = b"PAR1"
_OLD_WORKBOOK: Final = b"\xd0\xcf\x11\xe0"
_KEY: Final = re.compile(r'"((?:[^"\\]|\\.){1,60})"\s*:')
_TABLES: Final = "SELECT lower(name) AS name FROM sqlite_master WHERE type = 'table'"


class FileForm(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSON = "json"
    SQLITE = "sqlite"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class FileStart:
    """The form of a file, and the names by which it is recognised: its columns, its first keys, its tables."""

    form: FileForm
    names: tuple[str, ...]
    delimiter: str = ","
    """The delimiter of a CSV file."""


class StatementFile:
    """An open file that is read once; `path` is None for a stream without a path, such as standard input."""

    def __init__(self, stream: io.BufferedReader, path: Path | None = None, *, keeps_case: bool = False) -> None:
        """Take a file from which nothing was read yet."""
        self._stream, self._path, self._keeps_case = stream, path, keeps_case

    def in_its_case(self) -> StatementFile:
        """The same file, whose column names keep their case."""
        return StatementFile(self._stream, self._path, keeps_case=True)

    @cached_property
    def _is_workbook(self) -> bool:
        return is_workbook(self._stream)

    @cached_property
    def start(self) -> FileStart:
        """Its form and names; nothing is consumed. Refuses: StatementRefused for a database without a path."""
        start = first_bytes(self._stream, START_MAX)
        if start.startswith(SQLITE_MARK):
            if self._stream.peek(1)[:1] != SQLITE_MARK[:1]:
                raise StatementRefused("the file is a database in gzip; unpack it, and give the database")
            return FileStart(FileForm.SQLITE, tuple(row.needed("name") for row in self.records(_TABLES)))
        if start.startswith(_PARQUET):
            return FileStart(FileForm.PARQUET, tuple(parquet_names(self._stream)))
        if start.startswith(_OLD_WORKBOOK):
            raise StatementRefused("the file is a workbook; save its sheet as CSV, and give that")
        if self._is_workbook:
            start = workbook_start(self._stream, HEADER_LINES).encode()
        text = decoded(start).lstrip()
        if text.startswith(("{", "[")):
            return FileStart(FileForm.JSON, tuple(dict.fromkeys(_KEY.findall(text))))
        names, delimiter = csv_header(text)
        return FileStart(FileForm.CSV, tuple(names), delimiter)

    @property
    def says_nothing(self) -> bool:
        """Whether it is an empty answer of an exchange, whose kind cannot be recognised."""
        return self.start.form is FileForm.JSON and says_nothing(decoded(first_bytes(self._stream, START_MAX)))

    @property
    def what_else(self) -> str | None:
        """What it is where it can be no statement, whatever is said of it, in words that follow `is`; else None."""
        start = first_bytes(self._stream, START_MAX)
        if self._is_workbook or start.startswith((SQLITE_MARK, _PARQUET)):
            return None
        text = decoded(start)
        return foreign_form(start, text) or call_failed(text)

    def rows(
        self, delimiter: str | None = None, encoding: str | None = None, once: Collection[str] = ()
    ) -> Iterator[StatementRow]:
        """Every row of a file that is not a database.

        Refuses: StatementRefused, naming the line; for CSV also where two columns have the same name of `once`.
        """
        with whole():
            if self.start.form is FileForm.PARQUET:
                yield from parquet_rows(self._stream)
            elif self.start.form is FileForm.JSON:
                with text_of(self._stream) as text:
                    yield from json_rows(text)
            elif self._is_workbook:
                yield from csv_rows(workbook_lines(self._stream), ",", once, keeps_case=self._keeps_case)
            else:
                with text_of(self._stream, newline="", encoding=encoding) as text:
                    yield from csv_rows(text, delimiter or self.start.delimiter, once, keeps_case=self._keeps_case)

    def records(self, question: str) -> Iterator[StatementRow]:
        """The records of a query to a database, numbered from 1. Refuses: StatementRefused if it cannot be read."""
        with closing(self._opened_database()) as database:
            try:
                found = database.execute(question)
                names = [column[0].lower() for column in found.description]
                for number, record in enumerate(found, start=1):
                    yield StatementRow(number, dict(zip(names, record, strict=True)))
            except (sqlite3.Error, UnicodeDecodeError) as wrong:  # the message of SQLite may not be valid text itself
                raise StatementRefused(f"the file cannot be read as a database: {wrong}") from None

    def _opened_database(self) -> sqlite3.Connection:
        if self._path is None:
            raise StatementRefused("a database cannot be read from standard input; give the name of its file")
        return sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)
