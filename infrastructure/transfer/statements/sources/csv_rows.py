"""The lines of a CSV file as rows with column names in lower case, and with the values above the header."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from infrastructure.transfer.statements.sources.statement_row import ZONE, StatementRow
from infrastructure.transfer.transfer_errors import StatementRefused

_DELIMITERS: Final = (",", ";", "\t")
_SAYS_DELIMITER: Final = "sep="
"""The beginning of a line that spreadsheets put above the header."""
_ABOVE_HEADER: Final = re.compile(r"\W*uid\s*:", re.IGNORECASE | re.ASCII)
"""The beginning of a line that OKX and Bybit put above the header: `UID: 1,Account Type: Main,Time Zone: UTC+3`."""
_ZONED: Final = re.compile(
    r"(.+?) ?\(((?:UTC|GMT) ?(?:\+|\u2212|--?) ?(?!0+(?::?00)?\))\d\d?(?::?\d\d)?)\)", re.IGNORECASE | re.ASCII
)
"""The name of a time column with a zone other than UTC: `Time(UTC+8)`."""
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_MARK: Final = "\ufeff"
"""The mark of UTF-8 at the beginning of a text; OKX puts it before every line, and before single cells."""
_STRAY: Final = ","
"""What KuCoin leaves within the quotes of a name: `"Fee Currency,"`."""
_NOTHING_FOUND: Final = "no data matches the criteria."
"""The only line below the header where Binance found nothing in the time that was asked for."""
HEADER_LINES: Final = 5
"""The header is within this many lines."""


def csv_header(start: str) -> tuple[list[str], str]:
    """The names of the columns and of the values above them, and the delimiter.

    Shape: the first line as the only name if it is no CSV.
    """
    lines = _LINE_END.split(start, HEADER_LINES)[:HEADER_LINES]
    first = lines[0].strip().lower()
    stated = first.removeprefix(_SAYS_DELIMITER)[:1] if first.startswith(_SAYS_DELIMITER) else ""
    delimiter = stated or next((mark for mark in _DELIMITERS if mark in lines[0]), ",")
    try:
        above, names = _header(csv.reader(lines, strict=True, delimiter=delimiter))
    except (csv.Error, ValueError):
        return lines[:1], delimiter
    header = [name.lower() for name in names]
    return [*header, *(name for name in above if name not in header)], delimiter


def csv_rows(
    lines: Iterable[str], delimiter: str, once: Collection[str] = (), *, keeps_case: bool = False
) -> Iterator[StatementRow]:
    """Every line below the header that is not blank, with the values above the header.

    Refuses: StatementRefused, naming the line; also where two columns have the same name, and it is one of `once`.
    """
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        above, names = _header(rows)
        header = names if keeps_case else [name.lower() for name in names]
        if twice := next((name for name in once if header.count(name) > 1), None):
            raise StatementRefused.at(
                1, f"{header.count(twice)} columns are called {twice}; it is not known which is meant"
            )
        begins = rows.line_num + 1
        for row in rows:
            line, begins = begins, rows.line_num + 1
            if not any(row):
                continue
            if len(row) != len(header):
                if len(row) == 1 and row[0].strip().lower() == _NOTHING_FOUND:
                    continue
                if len(row) < len(header) or any(row[len(header) :]):
                    raise StatementRefused.at(line, f"has {len(row)} columns; the first line has {len(header)}")
                del row[len(header) :]
            named = dict(zip(header, row, strict=True))
            if above:
                named = {**above, **{name: cell.strip(_MARK) for name, cell in named.items()}}
            yield StatementRow(line, named)
    except UnicodeDecodeError as wrong:
        read, at = wrong.object, wrong.start
        raise StatementRefused.at(
            rows.line_num + 1 + read.count(b"\n", 0, at),  # lines that were read ahead are not in `line_num`
            f"is no text in {wrong.encoding.upper()}, by its byte 0x{read[at]:02x} ({wrong.reason}); with --map, a map "
            "says its encoding",
        ) from None
    except csv.Error as wrong:
        raise StatementRefused.at(rows.line_num, f"is no CSV: {wrong}") from None


def _header(rows: Iterator[list[str]]) -> tuple[dict[str, str], list[str]]:
    """The values above the header, and the names of the columns; the zone of all times is one of the values."""
    filled, above = filter(any, rows), dict[str, str]()
    first = next(filled, [])
    if first and first[0].strip().lower().startswith(_SAYS_DELIMITER):
        first = next(filled, [])
    if first and _ABOVE_HEADER.match(first[0]):
        for cell in first:
            name, _, value = cell.strip(_MARK).partition(":")
            above[name.strip().lower()] = value.strip()
        first = next(filled, [])
    names = [without_comma(name.strip(_MARK)) for name in first]
    zones = {match[2].upper() for name in names if (match := _ZONED.fullmatch(name))}
    if len(zones) == 1:
        above |= {ZONE: zones.pop()}
        names = [without_zone(name) for name in names]
    return above, names


def without_comma(name: str) -> str:
    """The name of a column as rows have it, without blanks around it, or a comma that was left within its quotes."""
    return name.strip().strip(_STRAY)


def without_zone(name: str) -> str:
    """The name of a column as rows have it, where the zone in it is that of all times."""
    return _ZONED.sub(r"\1", name)
