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
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With these a spreadsheet begins a formula, in some languages also with the wide ones."""


class CsvFile:
    """Rows as RFC 4180 has them, in UTF-8."""

    def __init__(self, out: IO[bytes], columns: Sequence[Column], *, for_spreadsheet: bool = False) -> None:
        """Write the names of the columns; for a spreadsheet, a text that it would reckon is marked as a text."""
        self._out, self._is_for_spreadsheet = out, for_spreadsheet
        self._rows = csv.writer(self, lineterminator="\n")
        self._rows.writerow([column.name for column in columns])

    def write(self, line: str) -> None:
        """Accept a line of `csv.writer`, which quotes it."""
        self._out.write(line.encode())

    def row(self, values: Sequence[Value]) -> None:
        """Write one row."""
        if self._is_for_spreadsheet:
            values = [as_text(each) if type(each) is str else each for each in values]
        self._rows.writerow([_TEXT[type(value)](value) for value in values])

    def finish(self) -> None:
        """Nothing: every row is written already."""


def as_text(words: str) -> str:
    """A text, marked as one where a spreadsheet would reckon it."""
    return f"'{words}" if words.startswith(_FORMULA) else words
