"""CSV with a header, as spreadsheets, psql and database browsers write it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from infrastructure.legacy.source.layout import missing
from infrastructure.legacy.source.raw import RawRow, UnreadableDump

_DELIMITERS: Final = (",", ";", "\t", "|")
_NULLS: Final = {"", "\\N", "NULL"}
_LIKELY_COLUMNS: Final = {"symbol", "exchange", "side", "quantity", "status"}
FIELD_CHARACTERS_MAX: Final = 10_000_000


def delimiter_of(header: str) -> str | None:
    """The delimiter of a header line; None for a line that is not the header of a legacy table."""
    best = max(_DELIMITERS, key=lambda delimiter: len(_likely(header, delimiter)))
    return best if len(_likely(header, best)) > 1 else None


def _likely(header: str, delimiter: str) -> set[str]:
    return _LIKELY_COLUMNS.intersection(name.strip().strip('"').lower() for name in header.split(delimiter))


def read_csv(lines: Iterable[str], delimiter: str) -> Iterator[RawRow]:
    r"""Read rows; an empty field, NULL and `\N` are null.

    Refuses: UnreadableDump for a header without a needed column, or with a column twice; for a row with another number
    of fields; for a quote that is never closed.
    """
    csv.field_size_limit(FIELD_CHARACTERS_MAX)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        columns = _checked(next(row for row in reader if row))
        for values in reader:
            if not values:
                continue
            if len(values) != len(columns):
                raise UnreadableDump(
                    f"line {reader.line_num} has {len(values)} fields, but the header names {len(columns)} columns"
                )
            yield RawRow(reader.line_num, columns, tuple(None if value in _NULLS else value for value in values))
    except csv.Error as wrong:
        raise UnreadableDump(f"line {reader.line_num} is not CSV: {wrong}") from None


def _checked(header: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in header)
    if lacking := missing(columns):
        raise UnreadableDump(f"the header has no column {', '.join(lacking)}; it has {', '.join(columns)}")
    if len(set(columns)) != len(columns):
        twice = sorted({name for name in columns if columns.count(name) > 1})
        raise UnreadableDump(f"the header names {', '.join(map(repr, twice))} twice")
    return columns
