"""The lines of a CSV file by the names of their columns, in lower case."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_fill import StatementRefused


def csv_header(line: str) -> list[str]:
    """The names of the columns; one name where it is no CSV."""
    try:
        return [name.strip().lower() for name in next(csv.reader([line], strict=True), [])]
    except csv.Error:
        return [line]


def csv_rows(lines: Iterable[str], delimiter: str = ",") -> Iterator[StatementRow]:
    """Every line below the first. Refuses: StatementRefused, naming the line."""
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise StatementRefused.at(rows.line_num, f"has {len(row)} columns; the first line has {len(header)}")
            yield StatementRow(rows.line_num, dict(zip(header, row, strict=True)))
    except UnicodeDecodeError as wrong:
        raise StatementRefused.at(
            rows.line_num + 1, f"is no text in {wrong.encoding.upper()}: {wrong.reason}"
        ) from None
    except csv.Error as wrong:
        raise StatementRefused.at(rows.line_num, f"is no CSV: {wrong}") from None
