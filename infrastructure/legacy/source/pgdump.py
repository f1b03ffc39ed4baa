"""The plain text of a pg_dump: statements, and the blocks of data between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Final

from infrastructure.legacy.source.copytext import END_OF_DATA, CopyStatement, names, values
from infrastructure.legacy.source.layout import is_legacy, missing
from infrastructure.legacy.source.raw import RawRow, UnreadableDump, decoded

_ENCODING = re.compile(rb"SET client_encoding = '(?P<name>[^']*)';")
_UTF8: Final = {"UTF8", "SQL_ASCII"}
_TABLE: Final = "positions"


class PgDump:
    """One dump, read line by line; a block of data ends with a line of a backslash and a point."""

    def __init__(self, stream: IO[bytes], number: int, line: bytes, table: str | None) -> None:
        """Begin with a line that was read already, and its number; `table` is the name of the wanted table."""
        self._stream, self._number, self._line = stream, number, line
        self._wanted = names(table) if table else None
        self._chosen: tuple[str, ...] | None = None
        self._tables: dict[str, tuple[str, ...]] = {}
        self._has_inserts = False

    def rows(self) -> Iterator[RawRow]:
        """The rows of the legacy table. Refuses: UnreadableDump, perhaps only at the end of the file."""
        while self._line:
            if self._line[:5].upper() == b"COPY ":
                statement = CopyStatement.parse(decoded(self._line, self._number))
                if statement is not None:
                    yield from self._block(statement)
            elif self._line[:12].upper() == b"INSERT INTO ":
                self._has_inserts = True
            elif match := _ENCODING.match(self._line):
                self._check_encoding(match["name"].decode("ascii", errors="replace"))
            self._next()
        if self._chosen is None:
            raise UnreadableDump(self._nothing_found())

    def _next(self) -> bytes:
        self._line = self._stream.readline()
        self._number += 1
        return self._line

    def _check_encoding(self, name: str) -> None:
        if name.upper() not in _UTF8:
            raise UnreadableDump(f"this dump is in {name}; make it with pg_dump --encoding=UTF8")

    def _block(self, statement: CopyStatement) -> Iterator[RawRow]:
        wanted = self._is_wanted(statement)
        self._tables[statement.name] = statement.columns
        if wanted and self._chosen not in (None, statement.table):
            both = f"{'.'.join(self._chosen or ())} and {statement.name}"
            raise UnreadableDump(f"this dump has several such tables, {both}; choose with --table {statement.name}")
        if wanted:
            self._chosen = statement.table
        begun = self._number
        while line := self._next():
            if line.rstrip(b"\r\n") == END_OF_DATA:
                return
            if wanted:
                yield self._row(line, statement)
        raise UnreadableDump(f"this dump is cut off: the data of {statement.name}, from line {begun}, has no end")

    def _is_wanted(self, statement: CopyStatement) -> bool:
        if self._wanted is None:
            if statement.table[-1] != _TABLE or not is_legacy(statement.columns):
                return False
        elif statement.table[-len(self._wanted) :] != self._wanted:
            return False
        elif lacking := missing(statement.columns):
            raise UnreadableDump(f"{statement.name} has no column {', '.join(lacking)}")
        if statement.options:
            raise UnreadableDump(f"line {self._number}: data in another format than COPY's own, {statement.options!r}")
        return True

    def _row(self, line: bytes, statement: CopyStatement) -> RawRow:
        number = self._number
        text = line.rstrip(b"\r\n")
        while (len(text) - len(text.rstrip(b"\\"))) % 2:  # the line end is escaped, and so it is part of the value
            text = text[:-1] + b"\\n" + self._next().rstrip(b"\r\n")
            if not self._line:
                break
        try:
            found = values(text)
        except UnicodeDecodeError as wrong:
            raise UnreadableDump(f"line {number} is not UTF-8: {wrong.reason}") from None
        if len(found) != len(statement.columns):
            raise UnreadableDump(
                f"line {number} has {len(found)} fields, but {statement.name} has {len(statement.columns)} columns"
            )
        return RawRow(number, statement.columns, tuple(found))

    def _nothing_found(self) -> str:
        if self._wanted is not None:
            return f"there is no data of {'.'.join(self._wanted)} in this dump" + self._others()
        if incomplete := [name for name in self._tables if names(name)[-1] == _TABLE]:
            return "; ".join(_why_not(name, self._tables[name]) for name in incomplete) + self._others()
        if self._has_inserts:
            return "this dump is made of INSERT statements; make it without --inserts and --column-inserts"
        return f"there is no data of a table named {_TABLE} in this file, which is neither CSV with a header" + (
            self._others() or " nor a pg_dump with data"
        )

    def _others(self) -> str:
        others = [name for name, columns in self._tables.items() if is_legacy(columns)]
        return f"; choose with --table {' or --table '.join(others)}" if others else ""


def _why_not(name: str, columns: tuple[str, ...]) -> str:
    if lacking := missing(columns):
        return f"{name} has no column {', '.join(lacking)}"
    return f"{name} is the positions table of a ledger, not a legacy one"
