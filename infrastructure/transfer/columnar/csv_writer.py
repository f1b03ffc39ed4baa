"""CSV: a line of names, then a line a row; numbers as plain text, times in UTC, nothing for what is not known."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, Final

from domain.values import Leg, Side, Source, Status, plain, timestamp_text
from infrastructure.transfer.columnar.columns import Column, Value

_TEXT: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "",
    str: str,
    int: str,
    bool: lambda value: "true" if value else "false",
    Decimal: plain,
    datetime: timestamp_text,
    **dict.fromkeys((Leg, Side, Status, Source), str),
}


class CsvFile:
    """Rows as RFC 4180 has them, in UTF-8."""

    def __init__(self, out: IO[bytes], columns: Sequence[Column]) -> None:
        """Write the names of the columns."""
        self._out = out
        self._rows = csv.writer(self, lineterminator="\n")
        self._rows.writerow([column.name for column in columns])

    def write(self, line: str) -> None:
        """Take a line from the writer of the standard library, which knows how to quote."""
        self._out.write(line.encode())

    def row(self, values: Sequence[Value]) -> None:
        """Write one row."""
        self._rows.writerow([_TEXT[type(value)](value) for value in values])

    def finish(self) -> None:
        """Leave nothing behind: every row is written."""
