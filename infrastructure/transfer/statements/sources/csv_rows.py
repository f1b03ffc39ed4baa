"""The lines of a CSV file by the names of their columns, in lower case."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_fill import StatementRefused

_DELIMITERS: Final = (",", ";", "\t")
_SAYS_DELIMITER: Final = "sep="
"""What a spreadsheet puts above the names of the columns."""


def csv_header(text: str) -> tuple[list[str], str]:
    """The names of the columns, and what stands between them; one name where a text does not begin like CSV."""
    first, _, rest = text.partition("\n")
    said = first.strip().lower().removeprefix(_SAYS_DELIMITER) if first.lower().startswith(_SAYS_DELIMITER) else ""
    line = (rest.partition("\n")[0] if said else first).rstrip("\r")
    delimiter = said[:1] or next((each for each in _DELIMITERS if each in line), ",")
    try:
        names = next(csv.reader([line], strict=True, delimiter=delimiter), [])
    except (csv.Error, ValueError):
        return [line], delimiter
    return [name.strip().lower() for name in names], delimiter


def csv_rows(lines: Iterable[str], delimiter: str, once: Collection[str] = ()) -> Iterator[StatementRow]:
    """Every line below the names of the columns, but blank ones; no two columns have a name that stands there `once`.

    Refuses: StatementRefused, naming the line.
    """
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        names = next(rows, [])
        if names and names[0].lower().startswith(_SAYS_DELIMITER):
            names = next(rows, [])
        header = [name.strip().lower() for name in names]
        if twice := next((name for name in once if header.count(name) > 1), None):
            raise StatementRefused.at(
                1, f"{header.count(twice)} columns are called {twice}; which is meant is not said"
            )
        begins = rows.line_num + 1
        for row in rows:
            line, begins = begins, rows.line_num + 1
            if not any(row):
                continue
            if len(row) != len(header):
                if len(row) < len(header) or any(row[len(header) :]):
                    raise StatementRefused.at(line, f"has {len(row)} columns; the first line has {len(header)}")
                del row[len(header) :]
            yield StatementRow(line, dict(zip(header, row, strict=True)))
    except UnicodeDecodeError as wrong:
        raise StatementRefused.at(
            rows.line_num + 1,
            f"is no text in {wrong.encoding.upper()}: {wrong.reason}; with --map, a map says its encoding",
        ) from None
    except csv.Error as wrong:
        raise StatementRefused.at(rows.line_num, f"is no CSV: {wrong}") from None
