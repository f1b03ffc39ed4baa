"""The lines of a CSV file by the names of their columns, in lower case, with what stands above them of all lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Final

from infrastructure.transfer.statements.sources.statement_row import ZONE, StatementRow
from infrastructure.transfer.statements.statement_fill import StatementRefused

_SAID_OF_ALL: Final = re.compile(r"\W*uid\s*:", re.IGNORECASE | re.ASCII)
"""How OKX and Bybit begin a line above the columns: `UID: 1,Account Type: Main,Time Zone: UTC+3`."""
_ZONED: Final = re.compile(r"(.+?) ?\((UTC[+-](?!0+(?::?00)?\))\d\d?(?::?\d\d)?)\)", re.IGNORECASE | re.ASCII)
"""A column of times that says their zone, other than UTC: `Time(UTC+8)`."""
_MARK: Final = "\ufeff"
"""What marks a text as UTF-8, at its beginning; OKX puts it before every line, and before single cells."""
_LOOKED_AT: Final = 5


def csv_header(start: str) -> list[str]:
    """The names of the columns, and of what is said of all lines; one name where it is no CSV."""
    lines = [line.rstrip("\r") for line in start.split("\n", _LOOKED_AT)[:_LOOKED_AT]]
    try:
        said, names = _begin(csv.reader(lines, strict=True))
    except csv.Error:
        return lines[:1]
    header = [name.lower() for name in names]
    return [*header, *(name for name in said if name not in header)]


def csv_rows(lines: Iterable[str], delimiter: str = ",", *, keeps_case: bool = False) -> Iterator[StatementRow]:
    """Every line below the names of the columns. Refuses: StatementRefused, naming the line."""
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        said, names = _begin(rows)
        header = names if keeps_case else [name.lower() for name in names]
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise StatementRefused.at(rows.line_num, f"has {len(row)} columns; the first line has {len(header)}")
            named = dict(zip(header, row, strict=True))
            if said:
                named = {**said, **{name: cell.strip(_MARK) for name, cell in named.items()}}
            yield StatementRow(rows.line_num, named)
    except UnicodeDecodeError as wrong:
        raise StatementRefused.at(
            rows.line_num + 1, f"is no text in {wrong.encoding.upper()}: {wrong.reason}"
        ) from None
    except csv.Error as wrong:
        raise StatementRefused.at(rows.line_num, f"is no CSV: {wrong}") from None


def _begin(rows: Iterator[list[str]]) -> tuple[dict[str, str], list[str]]:
    """What is said of all lines, and the names of the columns."""
    first, said = next(rows, []), dict[str, str]()
    if first and _SAID_OF_ALL.match(first[0]):
        for cell in first:
            name, _, value = cell.strip(_MARK).partition(":")
            said[name.strip().lower()] = value.strip()
        first = next((row for row in rows if row), [])
    names = [name.strip(_MARK).strip() for name in first]
    zones = {match[2].upper() for name in names if (match := _ZONED.fullmatch(name))}
    if len(zones) == 1:
        said |= {ZONE: zones.pop()}
        names = [_ZONED.sub(r"\1", name) for name in names]
    return said, names
