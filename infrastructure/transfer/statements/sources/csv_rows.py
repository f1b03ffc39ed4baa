"""The lines of a CSV file by the names of their columns, in lower case."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_fill import StatementRefused

_DELIMITERS: Final = (",", ";", "\t")


def csv_header(line: str) -> tuple[list[str], str]:
    """The names of the columns, and what stands between them; one name where it is no CSV."""
    delimiter = next((each for each in _DELIMITERS if each in line), ",")
    try:
        names = next(csv.reader([line], strict=True, delimiter=delimiter), [])
    except csv.Error:
        return [line], delimiter
    return [name.strip().lower() for name in names], delimiter


def csv_rows(lines: Iterable[str], delimiter: str, once: Collection[str] = ()) -> Iterator[StatementRow]:
    """Every line below the first; no two columns have a name that stands there `once`.

    Refuses: StatementRefused, naming the line.
    """
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        if twice := next((name for name in once if header.count(name) > 1), None):
            raise StatementRefused.at(
                1, f"{header.count(twice)} columns are called {twice}; which is meant is not said"
            )
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise StatementRefused.at(rows.line_num, f"has {len(row)} columns; the first line has {len(header)}")
            yield StatementRow(rows.line_num, dict(zip(header, row, strict=True)))
    except UnicodeDecodeError as wrong:
        raise StatementRefused.at(
            rows.line_num + 1,
            f"is no text in {wrong.encoding.upper()}: {wrong.reason}; with --map, a map says its encoding",
        ) from None
    except csv.Error as wrong:
        raise StatementRefused.at(rows.line_num, f"is no CSV: {wrong}") from None
