"""The lines of a CSV file by the names of their columns, in lower case, with what stands above them of all lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from infrastructure.transfer.statements.sources.statement_row import ZONE, StatementRow
from infrastructure.transfer.statements.statement_fill import StatementRefused

_DELIMITERS: Final = (",", ";", "\t")
_SAYS_DELIMITER: Final = "sep="
"""What a spreadsheet puts above the names of the columns."""
_SAID_OF_ALL: Final = re.compile(r"\W*uid\s*:", re.IGNORECASE | re.ASCII)
"""How OKX and Bybit begin a line above the columns: `UID: 1,Account Type: Main,Time Zone: UTC+3`."""
_ZONED: Final = re.compile(r"(.+?) ?\((UTC[+-](?!0+(?::?00)?\))\d\d?(?::?\d\d)?)\)", re.IGNORECASE | re.ASCII)
"""A column of times that says their zone, other than UTC: `Time(UTC+8)`."""
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_MARK: Final = "\ufeff"
"""What marks a text as UTF-8, at its beginning; OKX puts it before every line, and before single cells."""
HEADER_LINES: Final = 5
"""Among so many lines the names of the columns stand."""


def csv_header(start: str) -> tuple[list[str], str]:
    """The names of the columns and of what is said of all lines, and what stands between them.

    Shape: one name where it is no CSV.
    """
    lines = _LINE_END.split(start, HEADER_LINES)[:HEADER_LINES]
    first = lines[0].strip().lower()
    told = first.removeprefix(_SAYS_DELIMITER)[:1] if first.startswith(_SAYS_DELIMITER) else ""
    delimiter = told or next((each for each in _DELIMITERS if each in lines[0]), ",")
    try:
        said, names = _begin(csv.reader(lines, strict=True, delimiter=delimiter))
    except (csv.Error, ValueError):
        return lines[:1], delimiter
    header = [name.lower() for name in names]
    return [*header, *(name for name in said if name not in header)], delimiter


def csv_rows(
    lines: Iterable[str], delimiter: str, once: Collection[str] = (), *, keeps_case: bool = False
) -> Iterator[StatementRow]:
    """Every line below the names of the columns, but blank ones; no two columns have a name that stands there `once`.

    Refuses: StatementRefused, naming the line.
    """
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        said, names = _begin(rows)
        header = names if keeps_case else [name.lower() for name in names]
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
            named = dict(zip(header, row, strict=True))
            if said:
                named = {**said, **{name: cell.strip(_MARK) for name, cell in named.items()}}
            yield StatementRow(line, named)
    except UnicodeDecodeError as wrong:
        read, at = wrong.object, wrong.start
        raise StatementRefused.at(
            rows.line_num + 1 + read.count(b"\n", 0, at),  # what was read ahead is no line yet
            f"is no text in {wrong.encoding.upper()}, by its byte 0x{read[at]:02x} ({wrong.reason}); with --map, a map "
            "says its encoding",
        ) from None
    except csv.Error as wrong:
        raise StatementRefused.at(rows.line_num, f"is no CSV: {wrong}") from None


def _begin(rows: Iterator[list[str]]) -> tuple[dict[str, str], list[str]]:
    """What is said of all lines, and the names of the columns."""
    filled, said = filter(any, rows), dict[str, str]()
    first = next(filled, [])
    if first and first[0].strip().lower().startswith(_SAYS_DELIMITER):
        first = next(filled, [])
    if first and _SAID_OF_ALL.match(first[0]):
        for cell in first:
            name, _, value = cell.strip(_MARK).partition(":")
            said[name.strip().lower()] = value.strip()
        first = next(filled, [])
    names = [name.strip(_MARK).strip() for name in first]
    zones = {match[2].upper() for name in names if (match := _ZONED.fullmatch(name))}
    if len(zones) == 1:
        said |= {ZONE: zones.pop()}
        names = [_ZONED.sub(r"\1", name) for name in names]
    return said, names
