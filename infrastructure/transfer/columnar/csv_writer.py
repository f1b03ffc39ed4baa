"""CSV: a line of names, then one line per row; numbers in plain digits, times in UTC, empty where not known."""

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
"""Characters that begin a formula in a spreadsheet; in some languages their wide forms do so as well."""


class CsvFile:
    """Rows in the format of RFC 4180, in UTF-8."""

    def __init__(self, out: IO[bytes], columns: Sequence[Column], *, for_spreadsheet: bool = False) -> None:
        """Write the names of the columns; `for_spreadsheet` marks a text that would be read as a formula as a text."""
        self._out, self._is_for_spreadsheet = out, for_spreadsheet
        self._rows = csv.writer(self, lineterminator="\n")
        self._rows.writerow([column.name for column in columns])

    def write(self, line: str) -> None:
        """Accept a line of `csv.writer`, which quotes it."""
        self._out.write(line.encode())

    def row(self, values: Sequence[Value]) -> None:
        """Write one row."""
        if self._is_for_spreadsheet:
            values = [as_text(value) if type(value) is str else value for value in values]
        self._rows.writerow([_TEXT[type(value)](value) for value in values])

    def finish(self) -> None:
        """Do nothing: every row is written already."""


def as_text(words: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would read it as a formula."""
    return f"'{words}" if words.startswith(_FORMULA) else words
